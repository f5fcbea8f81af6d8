"""Keys, pages and limits as clients meet them, over HTTP and down to Kafka."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.producer_api.conftest import StartProducer
from tests.integration.producer_api.posting import body
from tests.integration.producer_api.topic import records_on
from tests.namespace import Namespace
from tests.services import Service
from tests.waiting import wait_until

SHOP = "https://shop.example"
RELOAD_S = "0.05"


def new_key(name: str, *origins: str) -> tuple[str, dict[str, Any]]:
    """By the command, as the documentation says: the key, and its entry."""
    words = [word for origin in origins for word in ("--origin", origin)]
    made = subprocess.run(
        [sys.executable, "-m", "producer_api", "new-key", name, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (secret,) = [word for word in made.stderr.split() if word.startswith("alw_")]
    return secret, json.loads(made.stdout)


def write(file: Path, *entries: dict[str, Any]) -> Path:
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(entries))
    return fresh.replace(file)


@pytest.fixture
def kafka(empty_namespace: Namespace) -> str:
    return empty_namespace.infra.kafka_bootstrap


def post(service: Service, query: str = "", **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{service.url}/log{query}", json=body(), headers=sent, timeout=20)


async def test_keys_are_made_used_and_taken_away_without_a_restart(
    kafka: str, topic: str, start_producer: StartProducer, tmp_path: Path
) -> None:
    (old, old_entry), (new, new_entry) = new_key("old"), new_key("new", SHOP)
    file = write(tmp_path / "keys.json", old_entry)
    service = start_producer(kafka, topic, {"WRITE_KEYS_FILE": str(file), "WRITE_KEYS_RELOAD_S": RELOAD_S})
    assert post(service).status_code == 401
    assert post(service, authorization=f"Bearer {old}").status_code == 200
    assert post(service, query=f"?key={old}").status_code == 200

    write(file, new_entry)
    wait_until(lambda: post(service, x_write_key=new).status_code == 200, 60, "the new key is taken")
    assert post(service, x_write_key=old).status_code == 401

    file.write_text("not json")
    wait_until(lambda: "actionlog_producer_write_keys_stale 1.0" in metrics(service), 60, "the broken file is shown")
    assert post(service, x_write_key=new).status_code == 200
    assert f'actionlog_producer_key_requests_total{{key="{new_entry["name"]}"}}' in metrics(service)
    assert len(await records_on(kafka, topic)) == 4
    assert [secret for secret in (old, new) if secret in service.log] == []


def metrics(service: Service) -> str:
    return httpx.get(f"{service.url}/metrics").text


def test_a_page_asks_sends_and_reads_the_answer_and_the_refusal(
    kafka: str, topic: str, start_producer: StartProducer, tmp_path: Path
) -> None:
    secret, entry = new_key("shop", SHOP)
    service = start_producer(kafka, topic, {"WRITE_KEYS_FILE": str(write(tmp_path / "keys.json", entry))})
    asked = httpx.options(
        f"{service.url}/log",
        headers={
            "Origin": SHOP,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, SHOP)
    for answer, status in (
        (post(service, authorization=f"Bearer {secret}", origin=SHOP), 200),
        (post(service, authorization="Bearer no", origin=SHOP), 401),
        (httpx.post(f"{service.url}/log", content=b"{", headers={"Origin": SHOP, "X-Write-Key": secret}), 400),
    ):
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, SHOP)
    assert post(service, x_write_key=secret, origin="https://other.example").status_code == 403


def test_a_client_beyond_its_limit_is_told_when_to_come_again_and_then_let_in(
    kafka: str, topic: str, start_producer: StartProducer
) -> None:
    service = start_producer(kafka, topic, {"ADDRESS_RATE_PER_S": "0.2", "ADDRESS_BURST": "3"})
    answers = [post(service) for _ in range(5)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "rate-limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 5, "one more every 5 s"
    assert answers[0].headers["ratelimit-policy"] == '"address";q=3;w=15'
    assert answers[0].headers["ratelimit"].startswith('"address";r=2;t=')
    wait_until(lambda: post(service).status_code == 200, 60, "a request is let in again")


def test_nobody_gets_a_fresh_limit_by_writing_x_forwarded_for(
    kafka: str, topic: str, start_producer: StartProducer
) -> None:
    """Not even from this machine, which uvicorn would believe by itself."""
    service = start_producer(kafka, topic, {"ADDRESS_RATE_PER_S": "0.001", "ADDRESS_BURST": "1"})
    answers = [post(service, x_forwarded_for=f"198.51.100.{number}").status_code for number in range(3)]
    assert answers == [200, 429, 429]


def test_behind_a_proxy_of_ours_each_client_has_its_own_limit(
    kafka: str, topic: str, start_producer: StartProducer
) -> None:
    limits = {"ADDRESS_RATE_PER_S": "0.001", "ADDRESS_BURST": "1", "TRUSTED_PROXIES": "127.0.0.0/8"}
    service = start_producer(kafka, topic, limits)
    first, again, other = [
        post(service, x_forwarded_for=address).status_code
        for address in ("198.51.100.1", "9.9.9.9, 198.51.100.1", "198.51.100.2")
    ]
    assert (first, again, other) == (200, 429, 200)


def test_an_open_service_says_so_when_it_starts(kafka: str, topic: str, start_producer: StartProducer) -> None:
    service = start_producer(kafka, topic)
    assert post(service, origin="https://any.example").headers["access-control-allow-origin"] == "*"
    (line,) = [json.loads(line) for line in service.log.splitlines() if "is open" in line]
    assert line["level"] == "warning"


@pytest.mark.parametrize("text", [None, "{}"])
def test_a_service_does_not_start_open_when_its_file_of_keys_cannot_be_used(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "keys.json"
    if text is not None:
        file.write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "producer_api"],
        env={**os.environ, "PRODUCER_WRITE_KEYS_FILE": str(file), "PRODUCER_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "producer_api: keys.json: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_key_with_an_impossible_origin_is_not_made() -> None:
    words = [sys.executable, "-m", "producer_api", "new-key", "shop", "--origin", "https://shop.example/"]
    made = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (made.returncode, made.stdout) == (1, "")
    assert "no origin" in made.stderr

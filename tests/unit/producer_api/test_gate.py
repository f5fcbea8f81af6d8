"""The gate of POST /log: keys, origins and limits together."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from kit.keys import KeysError
from producer_api import metrics
from producer_api.access_settings import AccessSettings
from tests.unit.producer_api.gating import BLOG, SHOP, Gated, key_file, make_key

EXPOSED = "access-control-expose-headers"


@pytest.fixture(autouse=True, params=[False, True], ids=["asgi", "whole"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every promise holds for the requests that ASGI brings, and for those that arrive whole."""
    monkeypatch.setattr(Gated, "arrive_whole", request.param)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def told(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["code"]


async def test_with_nothing_configured_everybody_is_let_in_unchanged() -> None:
    answer = await Gated()()
    assert (answer.status_code, answer.text, dict(answer.headers)) == (200, "reached", {"x-request-id": "r1"})


# Keys


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_key_is_taken_as_a_bearer_token(tmp_path: Path, scheme: str) -> None:
    secret, entry = make_key("shop")
    gated = Gated(write_keys_file=key_file(tmp_path, entry))
    assert (await gated(authorization=f"{scheme} {secret}")).status_code == 200


async def test_a_key_is_taken_from_the_header_and_from_the_url_of_a_beacon(tmp_path: Path) -> None:
    secret, entry = make_key("shop")
    gated = Gated(write_keys_file=key_file(tmp_path, entry))
    assert (await gated(x_write_key=secret)).status_code == 200
    assert (await gated(query=f"?atomic=true&key={secret}")).status_code == 200
    assert gated.reached.times == 2


async def test_another_scheme_of_authorization_does_not_hide_the_key(tmp_path: Path) -> None:
    secret, entry = make_key("shop")
    gated = Gated(write_keys_file=key_file(tmp_path, entry))
    assert (await gated(authorization="Basic eDp5", x_write_key=secret)).status_code == 200


@pytest.mark.parametrize(
    "query", ["", "?key=", "?monkey=x", "?key", "?key=%ff%00", "?key=\N{SNOWMAN}", "?" + "key=x&" * 50, "?%6bey=x"]
)
async def test_without_a_known_key_nobody_is_let_in_and_the_answer_says_how_to_present_one(
    tmp_path: Path, query: str
) -> None:
    gated = Gated(write_keys_file=key_file(tmp_path, make_key("shop")[1]))
    answer = await gated(query=query)
    assert told(answer)[0] == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert gated.reached.times == 0


async def test_an_unknown_key_is_told_from_a_missing_one(tmp_path: Path) -> None:
    gated = Gated(write_keys_file=key_file(tmp_path, make_key("shop")[1]))
    missing, unknown = await gated(), await gated(x_write_key="alw_guess")
    assert (told(missing), told(unknown)) == ((401, "key-missing"), (401, "key-unknown"))
    assert unknown.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "alw_guess" not in unknown.text


async def test_an_empty_list_of_keys_lets_nobody_in(tmp_path: Path) -> None:
    assert told(await Gated(write_keys_file=key_file(tmp_path))()) == (401, "key-missing")


async def test_a_service_that_cannot_read_its_keys_does_not_start_open(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=r"keys\.json"):
        Gated(write_keys_file=tmp_path / "keys.json")


# Pages of browsers


async def test_a_page_may_use_a_key_only_from_the_origins_of_that_key(tmp_path: Path) -> None:
    shop_key, shop = make_key("shop", [SHOP])
    blog_key, blog = make_key("blog", [BLOG])
    gated = Gated(write_keys_file=key_file(tmp_path, shop, blog))
    allowed, refused = await gated(x_write_key=shop_key, origin=SHOP), await gated(x_write_key=blog_key, origin=SHOP)
    assert allowed.status_code == 200
    assert told(refused) == (403, "origin-not-allowed")
    assert refused.headers["access-control-allow-origin"] == SHOP, "the page may read why"


async def test_a_key_without_origins_is_for_servers_which_send_none(tmp_path: Path) -> None:
    secret, entry = make_key("backend")
    gated = Gated(write_keys_file=key_file(tmp_path, entry))
    assert (await gated(x_write_key=secret)).status_code == 200
    assert told(await gated(x_write_key=secret, origin=SHOP)) == (403, "origin-not-allowed")


async def test_answers_and_refusals_are_readable_by_pages_that_may_write(tmp_path: Path) -> None:
    secret, entry = make_key("shop", [SHOP])
    gated = Gated(write_keys_file=key_file(tmp_path, entry))
    for answer in (await gated(x_write_key=secret, origin=SHOP), await gated(origin=SHOP)):
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert answer.headers["vary"] == "Origin"
        assert {"RateLimit", "Retry-After", "X-Request-Id"} <= set(answer.headers[EXPOSED].split(", "))
        assert "access-control-allow-credentials" not in answer.headers


async def test_other_pages_can_read_nothing(tmp_path: Path) -> None:
    gated = Gated(write_keys_file=key_file(tmp_path, make_key("shop", [SHOP])[1]))
    answer = await gated(origin="https://shop.example.evil.example")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(("origin", "status"), [(SHOP, 200), (BLOG, 403), ("null", 403)])
async def test_without_keys_the_setting_says_which_pages_may_write(origin: str, status: int) -> None:
    assert (await Gated(allowed_origins=SHOP)(origin=origin)).status_code == status


async def test_without_keys_and_by_default_any_page_may_write() -> None:
    answer = await Gated()(origin="null")
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


async def test_a_browser_that_asks_first_is_told_what_it_may_send_and_remembers_it(tmp_path: Path) -> None:
    gated = Gated(write_keys_file=key_file(tmp_path, make_key("a", [SHOP])[1], make_key("b", [BLOG])[1]))
    for origin in (SHOP, BLOG):
        answer = await gated("OPTIONS", origin=origin, access_control_request_method="POST")
        assert (answer.status_code, answer.text) == (204, "")
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-methods"] == "POST"
        assert answer.headers["access-control-max-age"] == "7200"
        allowed = set(answer.headers["access-control-allow-headers"].split(", "))
        assert allowed >= {"Content-Type", "Content-Encoding", "Authorization", "X-Write-Key", "Idempotency-Key"}
    assert gated.reached.times == 0


async def test_a_browser_of_another_page_is_told_no(tmp_path: Path) -> None:
    gated = Gated(write_keys_file=key_file(tmp_path, make_key("a", [SHOP])[1]))
    answer = await gated("OPTIONS", origin=BLOG, access_control_request_method="POST")
    assert told(answer) == (403, "origin-not-allowed")
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_options_without_an_origin_names_the_methods() -> None:
    answer = await Gated()("OPTIONS")
    assert (answer.status_code, answer.headers["allow"]) == (204, "POST, OPTIONS")


# Limits


async def test_beyond_its_limit_an_address_is_told_when_to_come_again() -> None:
    clock = Clock()
    gated = Gated(clock, address_rate_per_s=0.5, address_burst=2)
    first, second, third = [await gated() for _ in range(3)]
    assert (first.status_code, second.status_code, told(third)) == (200, 200, (429, "rate-limited"))
    assert third.headers["retry-after"] == "2"
    assert third.headers["ratelimit-policy"] == first.headers["ratelimit-policy"] == '"address";q=2;w=4'
    assert (first.headers["ratelimit"], third.headers["ratelimit"]) == ('"address";r=1;t=2', '"address";r=0;t=4')
    clock.now += 2
    assert (await gated()).status_code == 200
    assert (await gated(peer="203.0.113.2")).status_code == 200


async def test_guesses_of_keys_are_limited_too(tmp_path: Path) -> None:
    file = key_file(tmp_path, make_key("shop")[1])
    gated = Gated(write_keys_file=file, address_rate_per_s=1, address_burst=2)
    answers = [await gated(x_write_key=f"alw_{guess}") for guess in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]


async def test_each_key_has_its_own_limit_from_its_entry_or_the_setting(tmp_path: Path) -> None:
    (one, first), (two, second), (free, third) = (
        make_key("one"),
        make_key("two", burst=2, rate_per_s=1),
        make_key("free", rate_per_s=0),
    )
    file = key_file(tmp_path, first, second, third)
    gated = Gated(write_keys_file=file, key_rate_per_s=1, key_burst=1)
    assert [(await gated(x_write_key=one)).status_code for _ in range(2)] == [200, 429]
    assert [(await gated(x_write_key=two)).status_code for _ in range(3)] == [200, 200, 429]
    assert [(await gated(x_write_key=free)).status_code for _ in range(4)] == [200] * 4


async def test_both_limits_are_told(tmp_path: Path) -> None:
    secret, entry = make_key("shop", rate_per_s=10, burst=20)
    gated = Gated(write_keys_file=key_file(tmp_path, entry), address_rate_per_s=1)
    answer = await gated(x_write_key=secret)
    assert answer.headers["ratelimit"] == '"address";r=99;t=1, "key";r=19;t=1'


# The file changes


async def test_a_key_taken_out_of_the_file_is_refused_and_a_new_one_taken(tmp_path: Path) -> None:
    (old, old_entry), (new, new_entry) = make_key("old", [SHOP]), make_key("new", [BLOG])
    gated = Gated(write_keys_file=key_file(tmp_path, old_entry))
    key_file(tmp_path, new_entry)
    await reload(gated)
    assert told(await gated(x_write_key=old, origin=SHOP)) == (401, "key-unknown")
    assert (await gated(x_write_key=new, origin=BLOG)).headers["access-control-allow-origin"] == BLOG


async def test_a_broken_file_keeps_the_keys_and_is_shown(tmp_path: Path) -> None:
    secret, entry = make_key("shop")
    file = key_file(tmp_path, entry)
    gated = Gated(write_keys_file=file)
    file.write_text("not json")
    await reload(gated)
    assert ((await gated(x_write_key=secret)).status_code, stale()) == (200, 1)
    key_file(tmp_path, entry)
    await reload(gated)
    assert stale() == 0


async def test_a_new_version_of_the_file_gives_nobody_a_fresh_burst(tmp_path: Path) -> None:
    secret, entry = make_key("shop", rate_per_s=1, burst=1)
    gated = Gated(write_keys_file=key_file(tmp_path, entry))
    await gated(x_write_key=secret)
    key_file(tmp_path, entry, make_key("other")[1])
    await reload(gated)
    assert (await gated(x_write_key=secret)).status_code == 429


async def reload(gated: Gated) -> None:
    """As the gate's watch does it after each interval."""
    file = gated.gate._file
    assert file is not None
    assert await file.reload()
    gated.gate._reloaded()


def stale() -> float:
    (sample,) = next(iter(metrics.KEYS_STALE.collect())).samples
    return sample.value


@pytest.mark.parametrize(
    "wrong",
    [
        {"allowed_origins": "https://shop.example/"},
        {"trusted_proxies": "10.0.0.1/8"},
        {"trusted_proxies": "loadbalancer"},
        {"address_burst": 0},
        {"key_rate_per_s": -1},
    ],
)
def test_settings_that_mean_nothing_are_refused_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AccessSettings(**wrong)

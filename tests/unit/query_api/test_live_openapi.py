"""The examples of GET /log/{id} and GET /log/tail are what the service answers."""

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from query_api.app import create_app
from query_api.live import tail_events
from query_api.settings import Settings

PATHS: dict[str, Any] = create_app(Settings()).openapi()["paths"]


def ok(path: str) -> dict[str, Any]:
    answer: dict[str, Any] = PATHS[path]["get"]["responses"]["200"]
    return answer


@pytest.mark.parametrize("name", ["stored", "dead-lettered"])
def test_a_places_examples_fit_its_schema(name: str) -> None:
    content = ok("/log/{id}")["content"]["application/json"]
    jsonschema_rs.validator_for(content["schema"]).validate(content["examples"][name]["value"])


def test_the_streams_example_is_a_stream() -> None:
    text = ok("/log/tail")["content"]["text/event-stream"]["example"]
    for position in re.findall(r"^id: (.+)$", text, re.MULTILINE):
        assert tail_events.decode_id(position)
    for data in re.findall(r"^data: (.+)$", text, re.MULTILINE):
        assert json.loads(data)
    names = [parameter["name"] for parameter in PATHS["/log/tail"]["get"]["parameters"]]
    assert {"after", "Last-Event-ID", "userId"} <= set(names)
    sample = next(entry for entry in PATHS["/log/tail"]["get"]["parameters"] if entry["name"] == "Last-Event-ID")
    assert tail_events.decode_id(sample["examples"]["sample"]["value"])


@pytest.mark.parametrize("path", ["/log", "/log/{id}", "/log/tail"])
def test_the_watermark_is_documented(path: str) -> None:
    assert {"Actionlog-Watermark", "Actionlog-Watermark-Age-Ms"} <= set(ok(path)["headers"])

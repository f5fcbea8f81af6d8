"""What the documentation shows is true: its examples are accepted, and its schemas fit them."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest

from producer_api import openapi, openapi_examples
from producer_api.envelope import Arrival
from producer_api.second_reading import read
from producer_api.settings import Settings

ARRIVAL = Arrival(datetime.now(UTC), max_actions=100)
DOCUMENT: dict[str, Any] = openapi.describe({"paths": {}}, "/log", Settings())
POST: dict[str, Any] = DOCUMENT["paths"]["/log"]["post"]


def assert_fits(value: Any, schema: dict[str, Any]) -> None:
    jsonschema_rs.validate({**schema, "components": DOCUMENT["components"]}, value)


@pytest.mark.parametrize("example", openapi_examples.JSON_BODIES.values(), ids=openapi_examples.JSON_BODIES)
def test_every_example_of_a_json_body_is_accepted(example: dict[str, Any]) -> None:
    assert not read(json.dumps(example["value"]).encode(), ARRIVAL).errors
    assert_fits(example["value"], POST["requestBody"]["content"]["application/json"]["schema"])


def test_the_examples_as_text_and_as_lines_are_accepted() -> None:
    bodies = POST["requestBody"]["content"]
    assert read(bodies["text/plain"]["example"].encode(), ARRIVAL).records
    lines = Arrival(datetime.now(UTC), max_actions=100, lines=True)
    for kind in ("application/x-ndjson", "application/ndjson", "application/jsonl"):
        reading = read(bodies[kind]["example"].encode(), lines)
        assert (len(reading.records), reading.errors) == (4, ())


@pytest.mark.parametrize("status", POST["responses"])
def test_every_example_of_an_answer_fits_its_schema(status: str) -> None:
    (content,) = POST["responses"][status]["content"].values()
    assert content["examples"]
    for example in content["examples"].values():
        assert_fits(example["value"], content["schema"])
        assert example["value"].get("status", 200) == int(status)

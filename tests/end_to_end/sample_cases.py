"""The seed contract: the request that existing clients send, through all processes and back."""

import json

import httpx
import pytest

from tests.end_to_end.system import READY_S, System
from tests.waiting import wait_until

SAMPLE = """{
  "userId": "ABC12312XYZ", "sessionId": "XYZ45126ABC",
  "actions": [
    {"time": "2013-10-18T21:37:28-06:00", "type": "CLICK",    "properties": {"locationX": 52, "locationY": 11}},
    {"time": "2018-10-18T21:37:30-06:00", "type": "VIEW",     "properties": {"viewedId": "FDJKLHSLD"}},
    {"time": "2018-10-18T21:37:30-06:00", "type": "NAVIGATE",
     "properties": {"pageFrom": "communities", "pageTo": "inventory"}}
  ]}"""
JSON = {"Content-Type": "application/json"}


def read(stack: System, **filters: str) -> list[dict[str, object]]:
    answer = httpx.get(f"{stack.query}/log", params=filters, timeout=60)
    assert answer.status_code == 200, answer.text
    actions: list[dict[str, object]] = answer.json()["actions"]
    return actions


def stored(stack: System, ids: list[str]) -> list[dict[str, object]]:
    """Those of the sample's user that have these ids."""
    return [action for action in read(stack, userId="ABC12312XYZ") if action["id"] in ids]


WRONG_TIME = SAMPLE.replace("2018-10-18T21:37:30-06:00", "2018-10-32T21:37:30-06:00", 1)


class SampleCases:
    """For a fixture ``stack`` that is a System."""

    def test_the_sample_is_accepted_and_readable(self, stack: System) -> None:
        posted = httpx.post(f"{stack.producer}/log", content=SAMPLE, headers=JSON, timeout=20)
        assert posted.status_code == 200, posted.text
        ids = posted.json()["ids"]
        assert posted.json()["accepted"] == len(ids) == 3
        wait_until(lambda: len(stored(stack, ids)) == 3, READY_S, "the three actions are readable")
        found = stored(stack, ids)
        assert [action["time"] for action in found] == [
            "2018-10-18T21:37:30-06:00",
            "2018-10-18T21:37:30-06:00",
            "2013-10-18T21:37:28-06:00",
        ]
        sent = {action["type"]: action["properties"] for action in json.loads(SAMPLE)["actions"]}
        assert {action["type"]: action["properties"] for action in found} == sent
        assert {action["sessionId"] for action in found} == {"XYZ45126ABC"}

    def test_the_documented_query_finds_the_click(self, stack: System) -> None:
        ids = httpx.post(f"{stack.producer}/log", content=SAMPLE, headers=JSON, timeout=20).json()["ids"]
        times = {"startTime": "2013-01-01T00:00:00Z", "endTime": "2014-01-01T00:00:00Z"}

        def clicks() -> list[dict[str, object]]:
            return read(stack, userId="ABC12312XYZ", type="CLICK", **times)

        wait_until(lambda: len(stored(stack, ids)) == 3, READY_S, "the actions are readable")
        assert clicks()[0]["properties"] == {"locationX": 52, "locationY": 11}
        assert {action["type"] for action in clicks()} == {"CLICK"}

    @pytest.mark.parametrize("body", ['{"userId":"u","sessionId":"s"}', '{"userId":"u","sessionId":"s","actions":[]}'])
    def test_an_envelope_without_actions_is_accepted(self, stack: System, body: str) -> None:
        answer = httpx.post(f"{stack.producer}/log", content=body, headers=JSON, timeout=20)
        assert (answer.status_code, answer.json()["accepted"], answer.json()["ids"]) == (200, 0, [])

    def test_a_wrong_time_is_named_with_its_path_and_costs_the_others_nothing(self, stack: System) -> None:
        answer = httpx.post(f"{stack.producer}/log", content=WRONG_TIME, headers=JSON, timeout=20)
        assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
        [rejected] = answer.json()["rejected"]
        assert (rejected["index"], rejected["path"]) == (1, "$.actions[1].time")
        ids = answer.json()["ids"]
        wait_until(lambda: len(stored(stack, ids)) == 2, READY_S, "the two others are readable")

    def test_all_or_none_is_refused_with_the_path_first(self, stack: System) -> None:
        answer = httpx.post(f"{stack.producer}/log?atomic=true", content=WRONG_TIME, headers=JSON, timeout=20)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].startswith("$.actions[1].time: ")

    @pytest.mark.parametrize("name", ["producer_api", "consumer", "query_api"])
    def test_each_service_tells_its_health_and_its_metrics(self, stack: System, name: str) -> None:
        url = stack.url(name)
        assert httpx.get(f"{url}/livez", timeout=60).status_code == 200
        wait_until(lambda: stack.is_ready(name), READY_S, f"{name} is ready")
        assert "python_gc_objects_collected_total" in httpx.get(f"{url}/metrics", timeout=60).text

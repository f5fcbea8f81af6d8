"""Refusals in the log: found by their request's id, without what the client sent, and never a flood."""

import structlog
from structlog.testing import capture_logs

from kit.problem import Problem
from producer_api.refusal_log import RefusalLog

REFUSAL = Problem(400, "invalid-request", "$.secretName: is not a known field")


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def write(log: RefusalLog, times: int) -> list[structlog.typing.EventDict]:
    with capture_logs() as lines:
        for number in range(times):
            log.write(REFUSAL, f"request-{number}")
    return list(lines)


def test_a_line_has_the_request_s_id_and_the_code_and_nothing_of_the_client() -> None:
    (line,) = write(RefusalLog(10), 1)
    assert line["request_id"] == "request-0"
    assert (line["status"], line["code"], line["log_level"]) == (400, "invalid-request", "info")
    assert "secret" not in str(line)


def test_a_flood_is_a_few_lines_a_second_and_the_next_says_how_many_were_left_out() -> None:
    clock = Clock()
    log = RefusalLog(3, clock)
    assert len(write(log, 1_000)) == 3
    clock.now_s += 1
    assert [line.get("left_out_before") for line in write(log, 2)] == [997, None]


def test_it_can_be_silent() -> None:
    assert write(RefusalLog(0), 10) == []

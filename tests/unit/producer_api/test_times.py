"""The times of actions: which forms are taken, and what is kept of them."""

import json
from datetime import UTC, datetime

import pytest

from contract.record import decode
from producer_api.envelope import Arrival
from producer_api.reading import Reading
from producer_api.second_reading import read


def read_time(sent: str) -> Reading:
    envelope = {"userId": "u", "sessionId": "s", "actions": [{"time": sent, "type": "A"}]}
    return read(json.dumps(envelope).encode(), Arrival(datetime(2026, 1, 2, tzinfo=UTC), max_actions=1))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2018-10-18t21:37:30z", "2018-10-18T21:37:30+00:00"),
        ("2018-10-18 21:37:30Z", "2018-10-18T21:37:30+00:00"),
        ("2018-10-18T21:37:30+0530", "2018-10-18T16:07:30+00:00"),
        ("2018-10-18T21:37:30-00:00", "2018-10-18T21:37:30+00:00"),
        ("2016-02-29T23:59:59.5Z", "2016-02-29T23:59:59.500000+00:00"),
        ("2018-10-18T21:37:30.123456Z", "2018-10-18T21:37:30.123456+00:00"),
        ("2018-10-18T21:37:30.1234564Z", "2018-10-18T21:37:30.123456+00:00"),
        ("2018-10-18T21:37:30.123456789Z", "2018-10-18T21:37:30.123457+00:00"),
        ("2018-12-31T23:59:59.9999999Z", "2019-01-01T00:00:00+00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
        ("2200-01-01T10:59:59+11:00", "2199-12-31T23:59:59+00:00"),
    ],
)
def test_a_time_is_taken_in_the_forms_that_rfc_3339_allows_and_kept_to_the_microsecond(sent: str, kept: str) -> None:
    (record,) = read_time(sent).records
    assert decode(record.value).time.isoformat() == kept


@pytest.mark.parametrize(
    "sent",
    [
        "2018-10-18T24:00:00Z",
        "2018-10-18T21:37Z",
        "2018-10-18T21:37:30,5Z",
        "2018-10-18T21:37:30.Z",
        "2018-10-18T21:37:30+06",
        "2018-10-18T21:37:30+24:00",
        "2018-13-18T21:37:30Z",
        "2017-02-29T00:00:00Z",
        "20181018T213730Z",
        "2018-10-18",
        " 2018-10-18T21:37:30Z",
        "+02018-10-18T21:37:30Z",
        "2018-10-18T21:37:30[Europe/Paris]",
        "",
    ],
)
def test_another_time_is_refused(sent: str) -> None:
    (error,) = read_time(sent).errors
    assert error.reason.startswith(("must be an RFC 3339 date and time", "must have an offset")), error.reason

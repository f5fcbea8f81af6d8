"""Read keys: what their file may say, how a request presents one, and what a scope is at a moment."""

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from kit.keys import KeysError, new_entry, parse
from query_api.access.keys import KeyScope, ReadKey, presented
from query_api.filtering.filters import EVERYTHING, Filters, Scope


def entry(**fields: Any) -> bytes:
    return json.dumps([{"name": "k", "sha256": "0" * 64, **fields}]).encode()


def scope_of(**fields: Any) -> Scope:
    (key,) = parse(entry(scope=fields), ReadKey)
    return key.scope.now()


def test_an_entry_without_a_scope_sees_everything_and_may_not_erase() -> None:
    (key,) = parse(entry(), ReadKey)
    assert (key.scope.now(), key.admin, key.is_narrowed) == (EVERYTHING, False, False)


def test_a_scope_says_what_its_key_may_see() -> None:
    scope = scope_of(
        userIds=["a", "b"], types=["CLICK"], startTime="2020-01-01T00:00:00Z", endTime="now", hiddenProperties=["email"]
    )
    assert (scope.user_ids, scope.types, scope.hidden_properties) == (("a", "b"), ("CLICK",), ("email",))
    assert scope.start_us == 1_577_836_800_000_000
    assert scope.relative == ("", "now")


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": {"userId": ["a"]}},  # a misspelt name would widen the scope
        {"scope": {"user_ids": ["a"]}},
        {"scope": {"userIds": []}},  # would read as "no user", and no condition is "every user"
        {"scope": {"userIds": [""]}},
        {"scope": {"types": "CLICK"}},
        {"scope": {"hiddenProperties": []}},
        {"scope": {"startTime": "yesterday"}},
        {"scope": {"startTime": "-1d", "endTime": "-2d"}},
        {"scope": {"types": ["a"]}, "admin": True},
        {"scope": None},
        {"admin": "yes"},
        {"origins": ["*"]},
    ],
)
def test_an_entry_that_may_mean_more_than_was_meant_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(KeysError):
        parse(entry(**fields), ReadKey)


def test_an_entry_is_written_as_it_is_read() -> None:
    _, key = new_entry(ReadKey, "k", prefix="alr_", scope={"userIds": ["a"], "startTime": "-30d"})
    assert list(parse(msgspec.json.encode([key]), ReadKey)) == [key]


def test_a_cursor_of_a_relative_scope_is_good_for_the_next_page_and_for_no_other_scope() -> None:
    """The fingerprint: the same from moment to moment, another for another scope."""
    first, later = KeyScope(start_time="-30d").now(), KeyScope(start_time="-30d").now()
    assert Filters(scope=first).fingerprint() == Filters(scope=later).fingerprint()
    others = [
        EVERYTHING,
        KeyScope(start_time="-31d").now(),
        KeyScope(user_ids=("a",)).now(),
        KeyScope(types=("a",)).now(),
    ]
    fingerprints = {Filters(scope=scope).fingerprint() for scope in [first, *others]}
    assert len(fingerprints) == 5


@pytest.mark.parametrize(
    ("path", "headers", "query", "secret"),
    [
        ("/log", {b"authorization": b"Bearer abc"}, b"", b"abc"),
        ("/log", {b"authorization": b"bearer  abc "}, b"", b"abc"),
        ("/log", {b"authorization": b"Basic abc"}, b"", None),
        ("/log", {b"authorization": b"Basic abc", b"x-read-key": b"def"}, b"", b"def"),
        ("/log", {b"x-read-key": b"\xff"}, b"", b"\xff"),
        ("/log", {}, b"key=abc", None),
        ("/log/tail", {}, b"type=a&key=a%62c", b"abc"),
        ("/log/tail", {b"x-read-key": b"def"}, b"key=abc", b"def"),
        ("/log/tail", {}, b"&".join([b"a=1"] * 101), None),
        ("/log/tail", {}, b"monkey=abc", None),
    ],
)
def test_a_key_is_presented_in_a_header_and_in_the_url_only_of_the_tail(
    path: str, headers: dict[bytes, bytes], query: bytes, secret: bytes | None
) -> None:
    assert presented(path, headers, query) == secret


def new_key(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "query_api", "new-key", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_makes_a_key_and_its_entry() -> None:
    made = new_key("shop", "--user-id", "a", "--user-id", "b", "--start-time=-30d", "--hide", "email")
    (secret,) = [word for word in made.stderr.split() if word.startswith("alr_")]
    keys = parse(f"[{made.stdout}]".encode(), ReadKey)
    found = keys.find(secret.encode())
    assert found is not None
    assert found.scope == KeyScope(user_ids=("a", "b"), start_time="-30d", hidden_properties=("email",))


@pytest.mark.parametrize("words", [["a b"], ["shop", "--start-time", "soon"], ["shop", "--type", "a", "--admin"]])
def test_the_command_refuses_what_the_service_would(words: list[str]) -> None:
    made = new_key(*words)
    assert (made.returncode, made.stdout) == (1, "")
    assert made.stderr.startswith("query_api: ")

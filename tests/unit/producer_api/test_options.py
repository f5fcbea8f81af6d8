"""The query string of POST /log."""

import pytest

from kit.problem import Problem
from producer_api.options import Options, read_options


@pytest.mark.parametrize(
    ("query", "options"),
    [
        (b"", Options()),
        (b"atomic=true", Options(atomic=True)),
        (b"dryRun=true&atomic=false", Options(dry_run=True)),
        (b"key=secret", Options()),
        (b"key=a%20b&dryRun=true&atomic=true", Options(atomic=True, dry_run=True)),
    ],
)
def test_the_options_are_read(query: bytes, options: Options) -> None:
    assert read_options(query) == options


@pytest.mark.parametrize(
    ("query", "path", "reason"),
    [
        (b"dryrun=true", "dryrun", "did you mean `dryRun`?"),
        (b"dry_run=true", "dry_run", "did you mean `dryRun`?"),
        (b"limit=1", "limit", "is not a known parameter"),
        (b"atomic=1", "atomic", "must be true or false"),
        (b"atomic", "atomic", "must be true or false"),
        (b"atomic=true&atomic=true", "?", "names a parameter twice"),
        (b"a=1&" * 50, "?", "has more than 20 parameters"),
        (b"\xff=%ff", "ÿ", "is not a known parameter"),
    ],
)
def test_what_is_wrong_is_refused_by_name(query: bytes, path: str, reason: str) -> None:
    with pytest.raises(Problem) as refusal:
        read_options(query)
    assert refusal.value.status == 400
    assert refusal.value.errors[0]["path"] == path
    assert reason in refusal.value.errors[0]["reason"]


def test_a_key_is_never_quoted_in_a_refusal() -> None:
    with pytest.raises(Problem) as refusal:
        read_options(b"key=secret&key=secret&x=1")
    assert "secret" not in refusal.value.detail

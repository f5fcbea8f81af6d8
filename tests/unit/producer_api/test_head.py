"""What the head of a request says about its body."""

import pytest

from kit.problem import Problem
from producer_api.head import Head, read_head


@pytest.mark.parametrize(
    "kind",
    [b"application/json", b"application/json; charset=utf-8", b'Application/JSON;charset="UTF-8"', b"text/plain", b""],
)
def test_json_in_utf_8_is_taken_under_its_usual_names(kind: bytes) -> None:
    assert read_head([(b"host", b"x"), (b"content-type", kind)]) == Head()


@pytest.mark.parametrize(
    "kind",
    [b"application/x-ndjson", b"application/ndjson", b"application/jsonl; charset=utf-8", b"Application/X-NDJSON"],
)
def test_lines_of_json_are_taken_under_their_usual_names(kind: bytes) -> None:
    assert read_head([(b"content-type", kind)]).lines


def test_a_body_without_a_content_type_is_taken_as_json() -> None:
    assert read_head([(b"content-encoding", b"identity")]) == Head()


def test_the_codings_of_several_headers_are_one_list() -> None:
    head = read_head([(b"content-encoding", b"gzip"), (b"content-length", b"7"), (b"content-encoding", b"br")])
    assert head == Head(encodings=("gzip", "br"), length_bytes=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"content-type", b"application/jsonx"),
        (b"content-type", b"application/json; charset=latin-1"),
        (b"content-encoding", b"compress"),
    ],
)
def test_other_kinds_are_refused_with_415(name: bytes, value: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        read_head([(name, value)])
    assert refusal.value.status == 415


def test_a_refused_coding_is_answered_with_those_that_are_taken() -> None:
    with pytest.raises(Problem) as refusal:
        read_head([(b"content-encoding", b"compress")])
    assert refusal.value.headers == {"Accept-Encoding": "gzip, deflate, zstd, br"}


@pytest.mark.parametrize("length", [b"", b"x", b"-1", b"1e3", b"9" * 5_000])
def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    with pytest.raises(Problem) as refusal:
        read_head([(b"content-length", length)])
    assert refusal.value.status == 400

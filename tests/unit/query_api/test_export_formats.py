"""Which format a request asks for, and the summary at its end."""

import pytest

from kit.problem import Problem
from query_api.exporting.export import Summary
from query_api.exporting.export_formats import FORMATS, Format, accepted
from query_api.paging.cursor import Cursors
from query_api.paging.parameters import Limits, PageRequest, parse

LIMITS = Limits(100, 10_000)


def parsed(query: str, accept: str | None = None) -> PageRequest:
    return parse(query.encode(), LIMITS, Cursors(""), accept=accept)


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/*", "json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"),
        ("text/csv", "csv"),
        ("text/*", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/jsonl", "ndjson"),
        ("application/x-ndjson, */*", "ndjson"),
        ("text/csv;q=0.5, application/x-ndjson;q=0.9", "ndjson"),
        ("text/csv, application/json", "csv"),
        ("application/json;q=0, */*", "ndjson"),
        ("application/vnd.apache.parquet", "parquet"),
        ("application/vnd.apache.arrow.stream;q=1.0", "arrow"),
        ("image/png, text/csv;q=0.001", "csv"),
    ],
)
def test_accept_chooses_the_format(accept: str | None, name: str) -> None:
    assert accepted(accept) is FORMATS[name]


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "*/*;q=0", "image/*", "json", "text/csv;q=2"])
def test_an_unacceptable_accept_lists_what_there_is(accept: str) -> None:
    with pytest.raises(Problem) as refused:
        accepted(accept)
    assert refused.value.status == 406
    assert all(known.accepted[0] in refused.value.detail for known in FORMATS.values())


def test_format_counts_more_than_accept() -> None:
    assert parsed("format=csv", "application/json").fmt is FORMATS["csv"]
    assert parsed("format=csv", "image/png").fmt is FORMATS["csv"]


@pytest.mark.parametrize(
    ("query", "everything"),
    [("", False), ("format=json", False), ("format=ndjson", True), ("format=ndjson&limit=5", False)],
)
def test_only_a_stream_without_a_limit_is_everything(query: str, everything: bool) -> None:
    assert parsed(query).everything is everything


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("format=xml", "format"),
        ("format=", "format"),
        ("format=csv&format=csv", "format"),
        ("format=CSV", "format"),
        ("format=csv&order=desc", "order"),
        ("format=parquet&summary=true", "summary"),
        ("summary=true", "summary"),
        ("format=csv&summary=1", "summary"),
    ],
)
def test_what_does_not_fit_is_refused(query: str, parameter: str) -> None:
    with pytest.raises(Problem) as refused:
        parsed(query)
    assert refused.value.status == 400
    assert [error["path"] for error in refused.value.errors] == [parameter]


CSV = b'"id","properties"\r\n"1","{""a"":""x\r\ny""}"\r\n2,"""\n"""\r\n'


@pytest.mark.parametrize(
    ("fmt", "body", "line"),
    [
        (FORMATS["ndjson"], b'{"id":1}\n{"id":2}\n', b'{"rows":2,"complete":true}\n'),
        (FORMATS["ndjson"], b"", b'{"rows":0,"complete":true}\n'),
        (FORMATS["csv"], CSV, b"# rows=2\r\n"),
        (FORMATS["parquet"], b"PAR1\n", b""),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_summary_counts_actions_wherever_the_stream_is_cut(fmt: Format, body: bytes, line: bytes, size: int) -> None:
    summary = Summary(PageRequest(parsed("").filters, 100, fmt=fmt, summary=True))
    for start in range(0, len(body), size):
        summary.note(body[start : start + size])
    assert summary.line() == line

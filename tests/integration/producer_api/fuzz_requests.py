"""Requests of POST /log for the fuzz tests: good ones, nearly good ones, and noise."""

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, TypeVar

import brotli
from hypothesis import strategies as st

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class FuzzRequest:
    """One request. ``plain`` is its body before it was encoded; ``chunks`` are the bytes that are sent."""

    query: bytes
    headers: Headers
    plain: bytes
    chunks: Sequence[bytes]


_T = TypeVar("_T")


def _mostly(good: st.SearchStrategy[_T], other: st.SearchStrategy[_T], *, one_in: int = 12) -> st.SearchStrategy[_T]:
    """One of so many is another: a request has many parts, and one bad part of some refuses it whole."""
    return st.integers(1, one_in).flatmap(lambda n: other if n == one_in else good)


_NAMES: Final = _mostly(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8) | st.just("a" * 256),
    st.text(max_size=8) | st.sampled_from(["", "a" * 257, "\u202e", "é" * 200]),
)
_TYPES: Final = _mostly(
    st.sampled_from(["CLICK", "page:view/2", "A b", "a" * 64]), st.sampled_from([" a", "a" * 65, "ÄÖ", "", "\x00"])
)
_IDS: Final = st.uuids().map(str) | st.sampled_from(
    ["0190163D-8694-739B-AEA5-966C26F8AD91", "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91", "no", ""]
)
_OFFSETS: Final = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_GOOD_TIMES: Final = st.datetimes(datetime(1970, 1, 3), datetime(2199, 12, 29), timezones=_OFFSETS | st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
_TIMES: Final = _mostly(
    _GOOD_TIMES.map(datetime.isoformat),
    st.datetimes(timezones=st.timezones() | st.just(None)).map(datetime.isoformat)
    | st.sampled_from(
        [
            "2018-10-18T21:37:30-06:00",
            "2018-10-18T21:37:30.123456Z",
            "2018-10-18t21:37:30z",
            "2018-10-18 21:37:30Z",
            "2018-10-18T21:37:30.123456789Z",
            "2016-12-31T23:59:60Z",
            "2018-10-18T24:00:00Z",
            "2018-02-30T00:00:00Z",
            "1970-01-01T00:00:00+23:59",
            "1969-12-31T23:59:59-23:59",
            "2199-12-31T23:59:59.999999Z",
            "2200-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "2018-10-18T21:37:30+99:99",
            "",
        ]
    ),
)
_SCALARS: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()  # NaN and Infinity too: JSON has no words for them
    | st.text(max_size=20)
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, "\ud800", "\U0001f600", "\u0000", "x" * 40_000])
)
_VALUES: Final = st.recursive(
    _SCALARS, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3)
)
_SOUND: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=6,
)
_PROPERTIES: Final = _mostly(
    st.dictionaries(st.text(max_size=8), _SOUND, max_size=3),
    st.dictionaries(st.text(max_size=8) | st.just("\ud800"), _VALUES, max_size=4),
)


def _fields(known: Mapping[str, st.SearchStrategy[Any]], required: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects that are mostly right: sometimes a field is another's, missing, or unknown."""
    optional = {name: value for name, value in known.items() if name not in required}
    good = st.fixed_dictionaries({name: known[name] for name in required}, optional=optional)
    spoiled = st.tuples(good, st.dictionaries(st.sampled_from([*known, "userID", "tpye", ""]), _VALUES, max_size=2))
    return _mostly(good, spoiled.map(lambda pair: {**pair[0], **pair[1]}))


_GOOD_ACTION: Final = {"time": "2018-10-18T21:37:30-06:00", "type": "VIEW", "properties": {"viewedId": "FDJKLHSLD"}}
_ACTIONS: Final = st.just(_GOOD_ACTION) | _fields(
    {"time": _TIMES, "type": _TYPES, "properties": _PROPERTIES, "id": _IDS}, ["time", "type"]
)
_ENVELOPES: Final = _fields(
    {"userId": _NAMES, "sessionId": _NAMES, "actions": st.lists(_ACTIONS, max_size=5), "sentAt": _TIMES},
    ["userId", "sessionId", "actions"],
)
_DUMPS: Final[Sequence[Callable[[Any], str]]] = (
    json.dumps,
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: json.dumps(value, indent=1),
)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@st.composite
def _json_body(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body and the content type that suits it."""
    dumps = draw(st.sampled_from(_DUMPS))
    form = draw(st.sampled_from(["one", "one", "array", "lines"]))
    if form == "one":
        return _utf8(dumps(draw(_ENVELOPES))), b"application/json"
    envelopes = draw(st.lists(_ENVELOPES, max_size=4))
    if form == "array":
        return _utf8(dumps(envelopes)), b"application/json"
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    lines = (json.dumps(envelope, ensure_ascii=False) for envelope in envelopes)
    return _utf8(end.join(lines) + draw(st.sampled_from(["", end]))), b"application/x-ndjson"


@st.composite
def _damaged(draw: st.DrawFn, of: st.SearchStrategy[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """A body with a few bytes cut out, put in, or repeated."""
    body, kind = draw(of)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 8)))
        middle = draw(st.sampled_from([b"", body[start:end] * 2]) | st.binary(max_size=4) | st.sampled_from(_TOKENS))
        body = body[:start] + middle + body[end:]
    return body, kind


_TOKENS: Final = (
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b"\\ud800",
    b",",
    b":",
    b"\xff",
    b"\xed\xa0\x80",
    b"1e999",
    b"\n",
)
_DEEP: Final = st.builds(
    lambda opening, depth: opening * depth, st.sampled_from([b"[", b'{"a":', b"{"]), st.integers(1, 20_000)
)
_NOISE: Final = (
    st.binary(max_size=200)
    | _DEEP
    | st.sampled_from([b"\xef\xbb\xbf{}", b" " * 70_000])
    | _VALUES.map(json.dumps).map(_utf8)
).map(lambda body: (body, b"application/json"))
_BODIES: Final = _mostly(_json_body(), _damaged(_json_body()) | _NOISE)

_ENCODERS: Final[Mapping[bytes, Callable[[bytes], bytes]]] = {
    b"gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"zstd": zstd.compress,
    b"br": brotli.compress,
    b"identity": bytes,
    b"gzip, br": lambda body: brotli.compress(gzip.compress(body)),
    b"X-GZIP": gzip.compress,
}
_CONTENT_TYPES: Final = st.sampled_from(
    [
        b"text/plain",
        b"text/plain;charset=UTF-8",
        b'application/json; charset="utf-8"',
        b"application/json;charset=latin-1",
        b"application/x-www-form-urlencoded",
        b"application/jsonl",
        b"",
        b";",
    ]
)
_QUERIES: Final = st.sampled_from(
    [
        b"",
        b"",
        b"atomic=true",
        b"dryRun=true",
        b"atomic=true&dryRun=true",
        b"atomic=1",
        b"dryrun=true",
        b"key=x",
        b"%ff&=",
    ]
)
# What a browser or a proxy may add.
_KEYS: Final = _mostly(
    st.sampled_from([b"order-1", b'"order-1"']), st.sampled_from([b"", b"a" * 300, b"\xe9\xff", b'"'])
)
_HEADERS: Final = st.fixed_dictionaries(
    {},
    optional={
        b"idempotency-key": _KEYS,
        b"x-request-id": st.sampled_from([b"request-1", b"", b"a" * 300, b"\xe9\xff", b"a b"]),
        b"origin": st.sampled_from([b"http://a.example", b"null", b""]),
        b"x-forwarded-for": st.sampled_from([b"203.0.113.9", b"nonsense"]),
    },
)
_CODINGS: Final = st.none() | st.sampled_from(list(_ENCODERS))


@st.composite
def requests(draw: st.DrawFn) -> FuzzRequest:
    """Any request of POST /log."""
    plain, kind = draw(_BODIES)
    coding = draw(_mostly(_CODINGS, st.sampled_from([b"compress", b"gzip" + b", gzip" * 5])))
    sent = plain if coding is None else _ENCODERS.get(coding, bytes)(plain)
    damaged = st.sampled_from([sent[: len(sent) // 2], sent + b"\x00", plain, sent + sent])
    headers = [(b"content-type", draw(_mostly(st.just(kind), _CONTENT_TYPES))), *draw(_HEADERS).items()]
    if coding is not None:
        headers.append((b"content-encoding", coding))
    return FuzzRequest(draw(_QUERIES), headers, plain, draw(_split(draw(_mostly(st.just(sent), damaged, one_in=6)))))


@st.composite
def _split(draw: st.DrawFn, body: bytes) -> Sequence[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

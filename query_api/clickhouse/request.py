"""A request: a statement, the values of its parameters and its settings, as ClickHouse takes them over HTTP.

Values go into the URL, which is what costs least. When they are too long for one, or a table comes along, they and the
statement become fields of a form.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus

from query_api.query import Value

_MOST_IN_URL_BYTES: Final = 4_096  # a proxy on the way may refuse longer ones
_MOST_IN_FIELD_BYTES: Final = 131_072  # of a form, ClickHouse's http_max_field_value_size
_BOUNDARY: Final = secrets.token_hex(16)  # nobody can know it and write it into a value
_FORM: Final = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
# As in a tab-separated file: ClickHouse reads a value up to the first tab or line end that is not escaped.
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n"})


@dataclass(frozen=True, slots=True)
class Table:
    """Rows sent along with a statement, which reads them as a table of this name.

    fmt        ClickHouse's name of the format that the rows have
    structure  their columns, as ``name type, …``
    """

    name: str
    rows: bytes
    fmt: str
    structure: str


@dataclass(frozen=True, slots=True)
class Request:
    """A POST: the URL's query, quoted, its body, and its headers beside those of every request."""

    query: str
    body: bytes
    headers: Mapping[str, str]


def encode(
    statement: str, parameters: Mapping[str, Value], settings: Mapping[str, Value], table: Table | None = None
) -> Request:
    """``settings``: names and values that need no quoting in a URL, the database among them."""
    options = "&".join([f"{name}={value}" for name, value in settings.items()])
    values = {f"param_{name}": _escaped(value) for name, value in parameters.items()}
    in_url = "".join([f"&{name}={quote_plus(value)}" for name, value in values.items()])
    body = statement.encode()
    if table is None and (len(in_url) <= _MOST_IN_URL_BYTES or len(body) > _MOST_IN_FIELD_BYTES):
        return Request(options + in_url, body, {})
    if table is not None:
        options += f"&{table.name}_format={table.fmt}&{table.name}_structure={quote_plus(table.structure)}"
    return Request(options, b"".join(_fields({"query": statement, **values}, table)), _FORM)


def _fields(values: Mapping[str, str], table: Table | None) -> Iterable[bytes]:
    for name, value in values.items():
        yield f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    if table is not None:
        about = f'form-data; name="{table.name}"; filename="{table.name}"\r\nContent-Type: application/octet-stream'
        yield f"--{_BOUNDARY}\r\nContent-Disposition: {about}\r\n\r\n".encode()
        yield table.rows
        yield b"\r\n"
    yield f"--{_BOUNDARY}--\r\n".encode()


def _escaped(value: Value) -> str:
    return value.translate(_ESCAPES) if isinstance(value, str) else str(value)

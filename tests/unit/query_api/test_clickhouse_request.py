"""A request to ClickHouse, as a server reads it: nothing of its statement or its values is lost, however long."""

import email
import email.policy
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from query_api.clickhouse.request import Request, Table, encode

STATEMENT = "SELECT {a:String}"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


class Read:
    """What a server reads in a request."""

    def __init__(self, request: Request) -> None:
        self.headers, self.body = request.headers, request.body
        self.options = dict(parse_qsl(request.query, keep_blank_values=True))
        assert str(URL(f"http://clickhouse/?{request.query}", encoded=True)).endswith(f"/?{request.query}")

    def fields(self) -> dict[str, bytes]:
        """Of a form."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n"
        message = email.message_from_bytes(head.encode() + self.body, policy=email.policy.HTTP)
        return {str(part.get_param("name", header="content-disposition")): payload(part) for part in message.walk()}


def payload(part: email.message.Message) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def unescaped(value: str) -> str:
    """As ClickHouse reads a parameter: up to the first tab or line end that is not escaped."""
    assert "\t" not in value
    assert "\n" not in value
    return value.replace("\\\\", "\0\0").replace("\\t", "\t").replace("\\n", "\n").replace("\0\0", "\\")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), texts.filter(lambda text: "\0" not in text)))
def test_values_and_bounds_are_in_the_url(values: dict[str, str]) -> None:
    read = Read(encode(STATEMENT, values, {"database": "d", "readonly": 2, "max_execution_time": 0.5}))
    assert read.body == STATEMENT.encode()
    found = {name: unescaped(text) for name, text in read.options.items() if name.startswith("param_")}
    assert found == {f"param_{name}": value for name, value in values.items()}
    assert {"database": "d", "readonly": "2", "max_execution_time": "0.5"}.items() <= read.options.items()


def test_numbers_are_written_so_that_a_url_keeps_them() -> None:
    read = Read(encode(STATEMENT, {"a": 1e300, "b": -5}, {}))
    assert read.options == {"param_a": "1e+300", "param_b": "-5"}


def test_values_too_long_for_a_url_are_fields_of_a_form() -> None:
    read = Read(encode(STATEMENT, {"a": "é" * 5_000, "b": "x\\\ty"}, {"database": "d"}))
    assert read.options == {"database": "d"}
    fields = read.fields()
    assert (fields["query"], fields["param_a"]) == (STATEMENT.encode(), ("é" * 5_000).encode())
    assert fields["param_b"] == b"x\\\\\\ty"


def test_a_statement_too_long_for_a_field_stays_the_body() -> None:
    read = Read(encode("SELECT 1" + " " * 140_000, {"a": "x" * 5_000}, {}))
    assert len(read.body) > 140_000
    assert read.options["param_a"] == "x" * 5_000


def test_a_table_comes_along_in_a_form() -> None:
    table = Table("page", b'[1,"a\r\nb"]\n[2,"--"]', "JSONCompactEachRow", "n UInt8, t String")
    read = Read(encode(STATEMENT, {"a": "v"}, {"database": "d"}, table))
    assert read.options == {"database": "d", "page_format": table.fmt, "page_structure": table.structure}
    fields = read.fields()
    assert (fields["query"], fields["param_a"], fields["page"]) == (STATEMENT.encode(), b"v", table.rows)

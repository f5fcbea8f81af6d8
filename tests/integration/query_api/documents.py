"""Generated properties, as text, and conditions on them: few names and values, so that they often meet."""

import json
import random
from typing import Final

from query_api.filtering.filters import Operator, PropertyCondition

NAMES: Final = ("a", "b", "a.b", "x y", "é", "😀", "'", "\\", '"', "0", "a[b]", "{n:String}", "null", "$", "a\x00b")
# As they stand in the document. Some say the same value in another way, some are close, some look like another type.
_SCALARS: Final = (
    *("0", "-0", "-0.0", "1", "1.0", "1e0", "10E-1", "2", "10", "9", "-1", "-1.5", "1e2", "100", "0.1", "1e-7", "1e22"),
    *("9007199254740992", "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551615"),
    *("1e-400", "5e-324", "1.7976931348623157e308", "0.30000000000000004", "123456789012345678901.5"),
    *("true", "false", "null", '""', '"1"', '"1.0"', '"true"', '"null"', '"0"', '"[1]"', '" 1"', '"NaN"', '"Infinity"'),
    *(
        '"abc"',
        '"ABC"',
        '"bc"',
        '"\\u0061bc"',
        '"é"',
        '"e\\u0301"',
        '"\\ud83d\\ude00"',
        '"😀"',
        '"\uffff"',
        '"a\\u0000b"',
    ),
    *(
        '"\\\\ud83d"',
        '"\\\\"',
        '"\\""',
        '"\'"',
        '"\\n"',
        '"a\\/b"',
        '"2026-01-02T03:04:05Z"',
        '"2026-01-10"',
        '"{x:Int8}"',
    ),
)
# Documents that ClickHouse's parser refuses as a whole, although they are JSON.
_UNREADABLE: Final = (
    *("18446744073709551616", "-9223372036854775809", "1e400", "-1e309", "1" + "0" * 400, "1" + "0" * 4400 + ".5"),
    *('"\\ud83d"', '"\\ude00"', '"\\ud83d\\ud83d"', '"\\ud83d\\\\ude00"', '"\\\\\\ud83d x"'),
)
_VALUES: Final = (
    *(
        "",
        "0",
        "-0",
        "1",
        "1.0",
        "1e0",
        "2",
        "9",
        "10",
        "100",
        "-1",
        "-1.5",
        "0.1",
        "1e-7",
        "1e22",
        "0.30000000000000004",
    ),
    *("9007199254740992", "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551615"),
    *("18446744073709551616", "1e400", "5e-324", "1e-400", "1.7976931348623157e308", "123456789012345678901.5"),
    *(
        "true",
        "false",
        "null",
        "NaN",
        "Infinity",
        "-inf",
        "0x1",
        "+1",
        "01",
        "1_0",
        " 1",
        "1 ",
        "\u0661",
        "[1]",
        '{"a":1}',
        '"1"',
    ),
    *(
        "abc",
        "ABC",
        "bc",
        "a",
        "é",
        "e\u0301",
        "😀",
        "\uffff",
        "\x00",
        "\\",
        '"',
        "'",
        "\n",
        "a/b",
        "\\u0061",
        "2026-01-02",
    ),
    *("2026", "%", "_", "{x:Int8}", "' OR 1=1 --"),
)


def document(chance: random.Random) -> str:
    """One JSON object as a client may have written it."""
    return _object(chance, depth=0)


def condition(chance: random.Random) -> PropertyCondition:
    path = tuple(
        chance.choice(NAMES[:5] if chance.random() < 0.7 else NAMES) for _ in range(chance.choice((1, 1, 1, 2, 3)))
    )
    operator = chance.choice(list(Operator))
    if operator is Operator.EXISTS:
        return PropertyCondition(path, operator, (chance.choice(("true", "false")),))
    emptiable = operator in {Operator.EQ, Operator.NE}
    values = tuple(
        {chance.choice(_VALUES if emptiable else _VALUES[1:]): None for _ in range(chance.choice((1, 1, 2, 3)))}
    )
    return PropertyCondition(path, operator, values)


def _object(chance: random.Random, depth: int) -> str:
    members = [_member(chance, depth) for _ in range(chance.randrange(5))]
    return _spaced(chance, "{", members, "}")


def _member(chance: random.Random, depth: int) -> str:
    name = chance.choice(NAMES[:5] if chance.random() < 0.7 else NAMES)
    return f"{json.dumps(name, ensure_ascii=chance.random() < 0.5)}:{_value(chance, depth + 1)}"


def _value(chance: random.Random, depth: int) -> str:
    drawn = chance.random()
    if drawn < 0.02:
        return chance.choice(_UNREADABLE)
    if drawn < 0.2 and depth < 4:
        return _object(chance, depth)
    if drawn < 0.3 and depth < 4:
        return _spaced(chance, "[", [_value(chance, depth + 1) for _ in range(chance.randrange(3))], "]")
    return chance.choice(_SCALARS)


def _spaced(chance: random.Random, opening: str, items: list[str], closing: str) -> str:
    space = chance.choice(("", "", " ", "\n\t"))
    return f"{opening}{space}{f',{space}'.join(items)}{space}{closing}"

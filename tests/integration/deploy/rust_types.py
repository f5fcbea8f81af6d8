"""The JSON schema that a CRD had, out of the Rust types that kopium made of it.

Of the CRD's rules these are kept: which fields there are, which are required, their types, and what a word may be.
Patterns and ranges are not, and where a word may be many things (``yes``, ``"1"``, ``true``) kopium wrote "any value".
"""

import re
from collections.abc import Iterator
from typing import Final

from tests.unit.deploy.manifests import Object

_ITEM: Final = re.compile(r"^pub (struct|enum) (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD: Final = re.compile(r"((?:\s*#\[serde\([^\n]*\)\]\n)?)\s*pub (?:r#)?(\w+): ([^\n]+),\n")
_WORD: Final = re.compile(r"((?:\s*#\[serde\([^\n]*\)\]\n)?)\s*(\w+),\n")
_RENAMED: Final = re.compile(r'rename = "([^"]*)"')
_GENERIC: Final = re.compile(r"(Option|Vec|BTreeMap)<(?:String, )?(.+)>")
_PLAIN: Final = {
    "String": {"type": "string"},
    "bool": {"type": "boolean"},
    "i32": {"type": "integer"},
    "i64": {"type": "integer"},
    "f64": {"type": "number"},
    "serde_json::Value": {},
}


def schema(source: str, api_version: str, kind: str) -> Object:
    """Of the kind whose ``spec`` is ``<kind>Spec`` in the source. Raises ValueError for a source it cannot read."""
    without_comments = re.sub(r"^\s*///.*\n", "", source, flags=re.MULTILINE)
    definitions = {name: item(what, body) for what, name, body in _ITEM.findall(without_comments)}
    if f"{kind}Spec" not in definitions or len(definitions) != len(
        re.findall(r"^pub ", without_comments, re.MULTILINE)
    ):
        raise ValueError(f"no {kind}Spec among {len(definitions)} types, or not all types were read")
    named: Object = {"apiVersion": {"const": api_version}, "kind": {"const": kind}, "metadata": {"type": "object"}}
    properties = {**named, "spec": reference(f"{kind}Spec")}
    return {**struct(properties, list(properties)), "$defs": definitions}


def item(what: str, body: str) -> Object:
    if what == "enum":
        return {"enum": [serialized(attribute, name) for attribute, name in matches(_WORD, body)]}
    fields = [(serialized(attribute, name), type_) for attribute, name, type_ in matches(_FIELD, body)]
    required = [name for name, type_ in fields if not type_.startswith("Option<")]
    return struct({name: of_type(type_) for name, type_ in fields}, required)


def matches(pattern: re.Pattern[str], body: str) -> Iterator[tuple[str, ...]]:
    """The pattern's groups, again and again, to the end of the body; an unknown line is an error, never left out."""
    at = 0
    while body[at:].strip():
        match = pattern.match(body, at)
        if match is None:
            raise ValueError(f"cannot read {body[at:].strip()[:120]!r}")
        yield match.groups()
        at = match.end()


def serialized(attribute: str, name: str) -> str:
    """The name in YAML."""
    renamed = _RENAMED.search(attribute)
    return renamed.group(1) if renamed else name


def struct(properties: Object, required: list[str]) -> Object:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def of_type(name: str) -> Object:
    if generic := _GENERIC.fullmatch(name):
        container, inner = generic.groups()
        within = of_type(inner)
        of_container: dict[str, Object] = {
            "Option": within,
            "Vec": {"type": "array", "items": within},
            "BTreeMap": {"type": "object", "additionalProperties": within},
        }
        return of_container[container]
    return dict(_PLAIN[name]) if name in _PLAIN else reference(name)


def reference(name: str) -> Object:
    if not name.isidentifier():
        raise ValueError(f"not a type of this file: {name}")
    return {"$ref": f"#/$defs/{name}"}

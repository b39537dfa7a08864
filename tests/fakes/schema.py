"""A JSON Schema checker for the keywords that our OpenAPI document uses; any other keyword is an error, not ignored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

Schema = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_KEYWORDS = frozenset(
    "$ref type enum properties required items anyOf oneOf minimum maximum minLength maxLength format".split()
)


def problems(document: Schema, schema: Schema, value: Any, place: str = "$") -> list[str]:
    """What in `value` is not as `schema` says; references are looked up in `document`."""
    return list(_problems(document, schema, value, place))


def resolved(document: Schema, reference: str) -> Schema:
    """The part of the document a local reference names. KeyError when there is none."""
    found: Any = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def _problems(document: Schema, schema: Schema, value: Any, place: str) -> Iterator[str]:
    if unknown := set(schema) - _KEYWORDS:
        raise ValueError(f"{place}: keywords this checker does not know: {sorted(unknown)}")
    if "$ref" in schema:
        yield from _problems(document, resolved(document, schema["$ref"]), value, place)
    if "type" in schema and not _has_type(value, schema["type"]):
        yield f"{place}: {type(value).__name__} is not {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is not one of {schema['enum']}"
    yield from _bounds(schema, value, place)
    for keyword, wanted in (("anyOf", range(1, 100)), ("oneOf", range(1, 2))):
        if keyword in schema:
            matching = sum(not problems(document, option, value, place) for option in schema[keyword])
            if matching not in wanted:
                yield f"{place}: matches {matching} of {keyword}"
    yield from _inside(document, schema, value, place)


def _has_type(value: Any, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _bounds(schema: Schema, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{place}: {value} is out of bounds"
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{place}: length {len(value)} is out of bounds"
        if schema.get("format") == "date":
            date.fromisoformat(value)


def _inside(document: Schema, schema: Schema, value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{place}: {name} is missing"
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from _problems(document, part, value[name], f"{place}.{name}")
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _problems(document, schema["items"], item, f"{place}[{number}]")


def schemas_of(document: Schema) -> Iterator[Schema]:
    """Every schema that the document's operations and components hold."""
    yield from document["components"]["schemas"].values()
    for path in document["paths"].values():
        for operation in path.values():
            for body in (operation.get("requestBody"), *operation["responses"].values()):
                for media in (body or {}).get("content", {}).values():
                    yield media["schema"]


def faults(schema: Schema) -> Iterator[str]:
    """What is wrong with a schema itself: unknown keywords, unknown types, required names that are no properties."""
    if unknown := set(schema) - _KEYWORDS:
        yield f"unknown keywords {sorted(unknown)}"
    names = schema.get("type", [])
    yield from (f"unknown type {name}" for name in ([names] if isinstance(names, str) else names) if name not in _TYPES)
    if "properties" in schema:
        yield from (
            f"{name} is required but no property" for name in schema["required"] if name not in schema["properties"]
        )
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    if "items" in schema:
        inner.append(schema["items"])
    for part in inner:
        yield from faults(part)

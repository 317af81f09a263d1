"""Judges a schema itself, when its template is registered, so that judging parameters by it is safe and fast."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from templates_registry.schema import iri
from templates_registry.schema.bounds import SCHEMAS, find_excess
from templates_registry.schema.dialect import FORMATS, MetaValidator, Schema, validator
from templates_registry.schema.patterns import find_pattern_problem
from templates_registry.schema.secrets import is_secret
from templates_registry.schema.walk import Unresolved, follow, parts

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MOST_ERRORS = 20
KEYWORDS = {
    *Draft202012Validator.VALIDATORS,
    *("$schema", "$defs", "$comment", "title", "description", "default", "examples", "deprecated"),
    *("readOnly", "writeOnly", "then", "else", "minContains", "maxContains"),
    *("contentEncoding", "contentMediaType", "contentSchema"),
}
OWN_KEYWORDS: Mapping[str, Callable[[Any], bool]] = {
    "x-order": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "x-group": lambda value: isinstance(value, str),
    "x-secret": lambda value: isinstance(value, bool),
    "x-pattern-hint": lambda value: isinstance(value, str),
}


def check_schema(schema: Schema) -> list[str]:
    """What is wrong with a schema, each with its place (`/properties/days`); empty when it may be used."""
    excess = find_excess(schema, SCHEMAS)
    if excess:
        return [f"The schema {messages[0]}." for messages in excess.values()]
    metaschema = MetaValidator(Draft202012Validator.META_SCHEMA)  # patterns are judged below, and not compiled before
    error = best_match(islice(metaschema.iter_errors(schema), MOST_ERRORS))
    if error is not None:
        return [f"{_place('/'.join(map(str, error.absolute_path)))}: {error.message[:300]}."]
    if schema.get("type") != "object":
        return ['The schema must have "type": "object", since parameters have names.']
    problems = [f"{_place(where)}: {text}." for where, part in _all(schema, "") for text in _judge(schema, part)]
    if not problems:
        problems = [f"{_place(where)}: {text}." for where, part in _all(schema, "") for text in _defaults(schema, part)]
    return problems


def _place(where: str) -> str:
    return f"/{where.lstrip('/')}"


def _all(schema: Any, where: str) -> Iterator[tuple[str, Schema]]:
    if isinstance(schema, Mapping):
        yield where, schema
        for keyword, part, _ in parts(schema):
            yield from _all(part, f"{where}/{keyword}")


def _judge(root: Schema, schema: Schema) -> Iterator[str]:
    yield from _judge_keywords(schema)
    if schema.get("$schema", DIALECT) not in (DIALECT, f"{DIALECT}#"):
        yield f"$schema must be {DIALECT}"
    if "$ref" in schema:
        yield from _judge_reference(root, schema)
    if schema.get("format") is not None and schema["format"] not in FORMATS.checkers:
        yield f"the format {schema['format']} is not one that is checked ({', '.join(sorted(FORMATS.checkers))})"
    if schema.get("format") in iri.FORMATS:
        iri.load()
    for pattern in (schema["pattern"],) if "pattern" in schema else ():
        problem = find_pattern_problem(pattern, schema.get("maxLength"))
        if problem:
            yield problem
    for pattern in schema.get("patternProperties", {}):
        problem = find_pattern_problem(pattern, max_length=200)  # names have at most 200 characters
        if problem:
            yield f"patternProperties: {problem}"
    if is_secret(schema) and schema.get("type") != "string":
        yield 'a secret must have "type": "string"'
    if is_secret(schema) and "default" in schema:
        yield "a secret cannot have a default"


def _judge_keywords(schema: Schema) -> Iterator[str]:
    for keyword, value in schema.items():
        if keyword in ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary"):
            yield f"{keyword} is not supported; use $defs and local references"
        elif keyword in OWN_KEYWORDS:
            if not OWN_KEYWORDS[keyword](value):
                yield f"{keyword} has a value of the wrong type"
        elif keyword not in KEYWORDS and not keyword.startswith("x-"):
            near = difflib.get_close_matches(keyword, KEYWORDS, n=1)
            yield f"the keyword {keyword} is not known" + (f"; did you mean {near[0]}?" if near else "")


def _judge_reference(root: Schema, schema: Schema) -> Iterator[str]:
    seen: list[str] = []
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if part is schema and seen:
            yield f"{schema['$ref']} leads back to itself without going into a value"
            return
        if not isinstance(part, Mapping):
            continue
        if "$ref" in part:
            reference = part["$ref"]
            try:
                target = follow(root, reference)
            except Unresolved as error:
                yield str(error)
                return
            if reference not in seen:
                seen.append(reference)
                waiting.append(target)
        waiting.extend(inner for _, inner, same in parts(part) if same)


def _defaults(root: Schema, schema: Schema) -> Iterator[str]:
    if "default" in schema:
        own = {key: value for key, value in schema.items() if key != "default"}
        if not validator(root).evolve(schema=own).is_valid(schema["default"]):
            yield "the default does not satisfy its own schema"

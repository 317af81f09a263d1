"""The examples of the OpenAPI document: one for every request and answer, true to their schemas, with nothing secret;
and the document itself, by the schema of OpenAPI 3.1."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import drf_spectacular
from jsonschema import Draft202012Validator

from scheduler_project.api.completion import EXAMPLES
from tests.contract.endpoints import described_operations, document, resolved
from tests.contract.stable import REPLACED

SPECIFICATION = Path(drf_spectacular.__file__).parent / "validation" / "openapi_3_1_schema.json"
MOST_BYTES = 300_000
SECRETS = (
    re.compile(r"sch_live_[0-9a-f]{8}_[\w-]{8}"),
    re.compile(r"eyJ[\w-]{8}"),
    re.compile(r"dbk_[\w-]{8}"),
    re.compile(r"BEGIN [A-Z ]*PRIVATE KEY"),
    re.compile(r"\b(10|127|172|192\.168)\.\d+\.\d+\.\d+\b"),
    re.compile(r"localhost|testserver"),
)
LONG = re.compile(r"[\w-]{40,}")


def media_of_examples() -> Iterator[tuple[str, Any]]:
    """What each operation reads, and what it answers when all is well, as far as that is JSON and not a stream."""
    for (method, path), operation in described_operations().items():
        places = {"request": operation.get("requestBody", {})}
        places |= {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
        for place, described in places.items():
            if "application/json" in described.get("content", {}):
                yield f"{method} {path} {place}", described["content"]["application/json"]


def test_every_request_and_answer_has_one() -> None:
    with_one: dict[str, bool] = {}
    for where, media in media_of_examples():
        operation, _, place = where.rpartition(" ")
        kind = f"{operation} {'request' if place == 'request' else 'answer'}"  # one of several 2xx is enough
        with_one[kind] = with_one.get(kind, False) or "example" in media
    assert len(with_one) > 200
    assert not [where for where, is_there in with_one.items() if not is_there], (
        "Run `python -m tests.contract.examples`; what it sends stands in asked.py."
    )


def test_each_keeps_to_its_schema() -> None:
    components = {"components": json.loads(json.dumps(document()["components"]))}
    problems, tried = [], 0
    for where, media in media_of_examples():
        if "example" in media:
            schema = {**json.loads(json.dumps(media["schema"])), **components}
            errors = Draft202012Validator(schema).iter_errors(media["example"])
            problems += [f"{where} {error.json_path}: {error.message[:200]}" for error in errors]
            problems += [f"{where}: {name} is not described" for name in unknown(media["schema"], media["example"])]
            tried += 1
    assert tried > 200
    assert not problems, "\n".join(problems)


def unknown(schema: Any, example: Any, path: str = "$") -> Iterator[str]:
    """Names that an answer had when it was written out and the schema has no longer."""
    schema = resolved(schema)
    if isinstance(example, list):
        for item in example[:1]:
            yield from unknown(schema.get("items", {}), item, f"{path}[0]")
    elif isinstance(example, dict) and "properties" in schema and "additionalProperties" not in schema:
        for name, value in example.items():
            if name not in schema["properties"]:
                yield f"{path}.{name}"
            else:
                yield from unknown(schema["properties"][name], value, f"{path}.{name}")


def test_none_is_of_an_operation_that_is_gone() -> None:
    known = {operation["operationId"] for operation in described_operations().values()}
    assert set(json.loads(EXAMPLES.read_text())) <= known


def test_nothing_secret_and_no_host_is_in_them() -> None:
    text = EXAMPLES.read_text()
    assert len(text.encode()) < MOST_BYTES
    fixed = {replacement for _, replacement in REPLACED}
    for pattern in SECRETS:
        assert not pattern.search(text), pattern.pattern
    assert socket.gethostname() not in text
    assert {found for found in LONG.findall(text) if found not in fixed} == set()


class TestDocument:
    def test_is_valid_by_the_specification(self) -> None:
        specification = json.loads(SPECIFICATION.read_text())
        assert document()["openapi"] == "3.1.0"
        problems = Draft202012Validator(specification).iter_errors(json.loads(json.dumps(document())))
        assert not [f"{problem.json_path}: {problem.message[:200]}" for problem in problems]

    def test_has_schemas_that_are_valid_by_theirs(self) -> None:
        checked = 0
        for schema in _schemas(json.loads(json.dumps(document()))):
            Draft202012Validator.check_schema(schema)
            checked += 1
        assert checked > 1_000

    def test_refers_only_to_what_is_there(self) -> None:
        schemas = document()["components"]["schemas"]
        named = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(document())))
        assert named <= set(schemas)
        assert len(named) > 100

    def test_describes_every_place_in_a_path(self) -> None:
        for (method, path), operation in described_operations().items():
            placed = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert placed == set(re.findall("{([^}]+)}", path)), (method, path)


def _schemas(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if isinstance(value.get("schema"), dict):
            yield value["schema"]
        for name, item in value.items():
            if name == "schemas":
                yield from item.values()
            elif name != "example":
                yield from _schemas(item)
    elif isinstance(value, list):
        for item in value:
            yield from _schemas(item)

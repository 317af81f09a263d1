"""The last strokes of the OpenAPI document: the scope of each operation, its summary, its bounds and its examples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from scheduler_project.api.permissions import required_scope
from scheduler_project.api.views import MAX_PARAMETER, ApiViewSet

EXAMPLES = Path(__file__).with_name("examples.json")
LARGEST_ID = 10**18 - 1
ERROR = {"$ref": "#/components/schemas/Error"}
ALWAYS_POSSIBLE = {
    "414": "The path and its parameters are too long.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "503": "A part that this needs does not answer; `Retry-After` says when to come back.",
}


def complete(result: Any, generator: Any, **_: Any) -> Any:
    """A hook of drf-spectacular."""
    for operation, view in _operations(result, generator):
        _summarise(operation)
        _name_the_scope(operation, view)
        _bound(operation.get("parameters", []))
        if isinstance(view, ApiViewSet):
            _add_errors(operation)
        _add_examples(operation)
        for status, response in operation["responses"].items():
            response["description"] = response.get("description") or _description(status)
    return result


def _operations(result: Any, generator: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    for path, _regex, method, view in generator._get_paths_and_endpoints():
        operation = result["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            yield operation, view


def _summarise(operation: dict[str, Any]) -> None:
    """The operation's name in words, where nobody wrote another."""
    words = operation["operationId"].replace("_", " ")
    operation.setdefault("summary", words[:1].upper() + words[1:])


def _name_the_scope(operation: dict[str, Any], view: Any) -> None:
    scope = required_scope(view, getattr(view, "action", None) or "")
    if scope is not None:
        operation["x-required-scope"] = str(scope)
        told = operation.get("description", "").rstrip()
        operation["description"] = f"{told}\n\nNeeds the scope `{scope}`.".lstrip()


def _bound(parameters: list[dict[str, Any]]) -> None:
    for parameter in parameters:
        schema = parameter["schema"]
        if schema.get("type") == "integer" and parameter["in"] == "path":
            schema.setdefault("minimum", 0)
            schema.setdefault("maximum", LARGEST_ID)
        if schema.get("type") == "string" and parameter["in"] == "query" and not {"enum", "format"} & set(schema):
            schema.setdefault("maxLength", MAX_PARAMETER)


def _add_errors(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status, description in ALWAYS_POSSIBLE.items():
        responses.setdefault(status, {"content": {"application/json": {"schema": ERROR}}, "description": description})
    operation["responses"] = dict(sorted(responses.items()))


def _description(status: str) -> str:
    return {"201": "It was created.", "202": "It will be carried out.", "204": "It is done."}.get(status, "The answer.")


@cache
def _examples() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXAMPLES.read_text()) if EXAMPLES.exists() else {}
    return found


def _add_examples(operation: dict[str, Any]) -> None:
    known = _examples().get(operation["operationId"], {})
    content = operation.get("requestBody", {}).get("content", {})
    if "request" in known and "application/json" in content:
        content["application/json"].setdefault("example", known["request"])
    answered = operation["responses"].get(str(known.get("status")), {}).get("content", {})
    if "response" in known and "application/json" in answered:
        answered["application/json"].setdefault("example", known["response"])

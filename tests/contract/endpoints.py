"""Every endpoint that is served, from the URLconf, and every one that is described, from the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

NAMED_IN_PATHS = {"pk": "id"}
DOCUMENTS = {"api-schema", "api-docs"}  # they describe the others


@cache
def served_operations() -> dict[tuple[str, str], str]:
    """The route name of each method and path template."""
    return {(method, path): name for method, path, name in _walk(get_resolver().url_patterns) if name not in DOCUMENTS}


@cache
def document() -> Any:
    from scheduler_project.api.documents import _document

    return _document()


@cache
def described_operations() -> dict[tuple[str, str], Any]:
    return {
        (method, path): operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    }


@cache
def operation_of(endpoint: tuple[str, str]) -> Any:
    """What the document says of a method of a route, or None."""
    paths = (path for (its_method, path), its_name in served_operations().items() if (its_method, its_name) == endpoint)
    return described_operations().get((endpoint[0], next(paths, "")))


def resolved(schema: Any) -> Any:
    """A schema of the document, of which a reference is followed."""
    while "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
            continue
        view = getattr(pattern.callback, "cls", None)
        if isinstance(view, type) and issubclass(view, APIView):
            methods = getattr(pattern.callback, "actions", None) or [
                method for method in view.http_method_names if method != "options" and hasattr(view, method)
            ]
            for method in methods:
                if method != "head":
                    yield method, _template(route), str(pattern.name)


def _template(route: str) -> str:
    path = simplify_regex(route.replace("/?$", "$").replace(r"\.", ".")).rstrip("/")
    return re.sub("<([^>]+)>", lambda found: "{" + NAMED_IN_PATHS.get(found[1], found[1]) + "}", path)

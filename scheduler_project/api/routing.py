"""Paths of the API have no slash at their end; one that is sent all the same does no harm."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, re_path
from rest_framework.viewsets import ViewSetMixin

ID = "(?P<pk>[0-9]{1,18})"


def route(path: str, viewset: type[ViewSetMixin], name: str, **actions: str) -> URLPattern:
    """One path; `actions` has the action for each method, in lower case."""
    return re_path(rf"^{path}/?$", viewset.as_view({**actions}), name=name)


def without_trailing_slash(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """For the OpenAPI document: the optional slash is not part of a path."""
    return [(path.rstrip("/"), regex, method, callback) for path, regex, method, callback in endpoints]

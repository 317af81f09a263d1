"""System check: every view under /api/ says which scope each of its actions needs, or that it is open to all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core import checks
from django.urls import URLPattern, URLResolver, get_resolver

if TYPE_CHECKING:  # processes that serve no HTTP need not load DRF
    from rest_framework.views import APIView


def check_scopes(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    return list(find_problems(get_resolver().url_patterns))


def find_problems(patterns: list[URLPattern | URLResolver]) -> Iterator[checks.CheckMessage]:
    from scheduler_project.api.permissions import HasScope, required_scope

    for path, view, actions in api_views(patterns):
        if getattr(view, "is_public", False):
            continue
        if HasScope not in view.permission_classes:
            yield _error("E001", path, view, "does not check scopes", "Leave permission_classes alone.")
        missing = [action for action in actions if required_scope(view, action) is None]
        if missing:
            hint = "Add them to required_scopes, or set is_public = True on a view that holds no data."
            yield _error("E002", path, view, f"declares no scope for {', '.join(missing)}", hint)


def api_views(
    patterns: list[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, type[APIView], list[str]]]:
    """Each DRF view of the URLconf with its path and its actions (its methods, where it is no viewset)."""
    from rest_framework.views import APIView

    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from api_views(pattern.url_patterns, path)
            continue
        view = getattr(pattern.callback, "cls", None)
        if isinstance(view, type) and issubclass(view, APIView):
            actions: dict[str, str] | None = getattr(pattern.callback, "actions", None)
            methods = [name for name in view.http_method_names if name != "options" and hasattr(view, name)]
            yield path, view, sorted(set(actions.values())) if actions is not None else methods


def _error(number: str, path: str, view: type[APIView], what: str, hint: str) -> checks.Error:
    return checks.Error(f"{view.__name__} at {path} {what}.", hint=hint, id=f"api.{number}")

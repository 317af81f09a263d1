"""Writes the page that says what each endpoint needs: `python -m scheduler_project.api.scope_matrix`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scopes.md"
HEAD = """# What each endpoint needs

Made from the code by `python -m scheduler_project.api.scope_matrix`; a test fails when it is not what the code says.
[auth.md](auth.md) tells how credentials come by their scopes. A key and a token hold the scopes that they were made
with; a user holds those of the role in the tenant at hand; superusers hold all. ✓ marks the roles that have the scope.
Whoever has the permission `jobs.approve_run` in person holds `scheduler:approve` as an operator or author as well.
Endpoints that concern every tenant are open to superusers alone, and giving a role or a key needs, besides the scope,
all that is given.
"""
ANYBODY = "open to all"


@dataclass(frozen=True)
class Line:
    path: str
    method: str
    needs: str

    @property
    def part(self) -> str:
        """What the path is about: its first word after the version."""
        words = [word for word in self.path.split("/") if word and not re.fullmatch(r"api|v\d+", word)]
        return words[0] if words else ""


def page() -> str:
    found = sorted(lines(), key=lambda line: (line.part, line.path, line.method))
    tables = [_table(part, list(group)) for part, group in groupby(found, key=lambda line: line.part)]
    return "\n".join([HEAD, _scopes(), *tables])


def lines() -> Iterator[Line]:
    from django.urls import get_resolver

    yield from _walk(get_resolver().url_patterns, "/")


def _walk(patterns: list[Any], prefix: str) -> Iterator[Line]:
    from django.contrib.admindocs.views import simplify_regex
    from django.urls import URLResolver
    from rest_framework.views import APIView

    from scheduler_project.api.permissions import required_scope

    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
            continue
        view = getattr(pattern.callback, "cls", None)
        if not (isinstance(view, type) and issubclass(view, APIView)):
            continue
        path = "/" + simplify_regex(route.replace("/?$", "$").replace("\\.", ".")).strip("/").replace("<pk>", "<id>")
        for method, action in _actions(pattern.callback, view).items():
            is_public = getattr(view, "is_public", False)
            yield Line(path, method.upper(), ANYBODY if is_public else str(required_scope(view, action)))


def _actions(callback: Any, view: Any) -> dict[str, str]:
    actions: dict[str, str] | None = getattr(callback, "actions", None)
    if actions is None:
        actions = {name: name for name in view.http_method_names if name != "options" and hasattr(view, name)}
    return {method: action for method, action in actions.items() if method != "head"}


def _table(part: str, found: list[Line]) -> str:
    from accounts.scopes import ROLE_SCOPES

    rows = [
        " | ".join([f"`{line.method}`", f"`{line.path}`", _needs(line.needs), *_marks(line.needs)]) for line in found
    ]
    head = ["Method", "Path", "Needs", *ROLE_SCOPES]
    return _markdown(f"## {part}", head, rows)


def _scopes() -> str:
    from accounts.scopes import ROLE_SCOPES, Scope

    rows = [" | ".join([f"`{scope.value}`", str(scope.label), *_marks(scope.value)]) for scope in Scope]
    return _markdown("## Scopes", ["Scope", "What it opens", *ROLE_SCOPES], rows)


def _markdown(title: str, head: list[str], rows: list[str]) -> str:
    return "\n".join(
        [title, "", f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {row} |" for row in rows), ""]
    )


def _needs(needs: str) -> str:
    return f"`{needs}`" if ":" in needs else needs


def _marks(needs: str) -> list[str]:
    from accounts.scopes import ROLE_SCOPES

    return ["✓" if ":" not in needs or needs in scopes else "" for scopes in ROLE_SCOPES.values()]


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "scheduler_project.settings.test"  # it needs no servers to be read
    import django

    django.setup()
    PAGE.write_text(page())

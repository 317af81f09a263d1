"""Pages of a history that grows at its head: older ones begin below the last row that was shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True)
class Pages:
    older: str
    newest: str


def older_and_newer(request: HttpRequest, before: str, *, is_first: bool) -> Pages:
    """Links; empty where there is nothing to go to. `before` is the place of the last row that is shown."""
    return Pages(older=with_query(request, before=before) if before else "", newest="" if is_first else first(request))


def first(request: HttpRequest) -> str:
    return with_query(request, before="")


def with_query(request: HttpRequest, **changes: str) -> str:
    """The query of this page with some names changed; the empty ones are left out."""
    query = request.GET.copy()
    query.pop("part", None)
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}"

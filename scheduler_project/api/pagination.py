"""The envelope of every list: its window, its results, and whether there are more, which is always exact."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from scheduler_project.api import keyset
from scheduler_project.api.errors import Fields, Invalid

if TYPE_CHECKING:  # DRF loads this module while it defines its views
    from rest_framework.views import APIView

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_OFFSET = 10_000_000
COUNTED = 100_000  # a total up to here is counted, a larger one is PostgreSQL's estimate
FEW = 1_000  # counted at once; beyond, an estimate of four times COUNTED is believed: to count takes 15 ms each time

PARAMETERS: dict[str, tuple[int, int, str]] = {
    "limit": (1, MAX_LIMIT, f"How many results at most; {DEFAULT_LIMIT} unless told."),
    "offset": (0, MAX_OFFSET, "How many results to leave out first."),
    "page": (1, MAX_OFFSET, "Instead of `offset`: which page, from 1."),
    "per_page": (1, MAX_LIMIT, "Instead of `limit`: how many results a page has."),
}


NAMES = (*PARAMETERS, keyset.PARAMETER)


class EnvelopePagination(BasePagination):
    limit: int
    offset: int
    next_cursor: str | None

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any] | list[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        self.limit, self.offset = window(request.query_params.dict())
        keys = keyset.keys_of(queryset)
        place = keyset.place(request, keys)
        if place is not None:
            self.offset = place.offset
        if isinstance(queryset, QuerySet) and keys is not None and (place is not None or not self.offset):
            found = keyset.page(queryset, keys, place, most=self.limit + 1)
        else:
            rows = queryset
            if isinstance(queryset, QuerySet) and keys is not None:
                rows = queryset.order_by(*(key.order() for key in keys))
            found = list(rows[self.offset : self.offset + self.limit + 1])
        self.has_more = len(found) > self.limit
        self.total, self.is_estimate = self._total(queryset, len(found))
        shown = found[: self.limit]
        self.next_cursor = None
        if self.has_more and keys is not None:
            self.next_cursor = keyset.token(request, shown[-1], keys, self.offset + self.limit)
        return shown

    def _total(self, queryset: QuerySet[Any] | list[Any], found: int) -> tuple[int, bool]:
        if isinstance(queryset, list):
            return len(queryset), False
        if not self.has_more and (found or not self.offset):
            return self.offset + found, False
        total, is_estimate = total_of(queryset)
        return (max(total, self.offset + found), True) if is_estimate else (total, False)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "total_count": self.total,
                "total_is_estimate": self.is_estimate,
                "limit": self.limit,
                "offset": self.offset,
                "has_more": self.has_more,
                "next_cursor": self.next_cursor,
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        properties = {
            "total_count": {"type": "integer", "minimum": 0, "example": 1},
            "total_is_estimate": {
                "type": "boolean",
                "example": False,
                "description": f"Beyond {COUNTED} results the total is PostgreSQL's estimate.",
            },
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "example": DEFAULT_LIMIT},
            "offset": {"type": "integer", "minimum": 0, "example": 0},
            "has_more": {"type": "boolean", "example": False, "description": "Always exact."},
            "next_cursor": {
                "type": ["string", "null"],
                "example": None,
                "description": "What to send as `cursor` for the next page; null on the last one, and where there is "
                "no ordering that a row could be found by.",
            },
            "results": schema,
        }
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        cursor = {
            "name": keyset.PARAMETER,
            "in": "query",
            "required": False,
            "description": "Instead of `offset`: `next_cursor` of the page before. Fast at any depth, and steady while "
            "rows come and go.",
            "schema": {"type": "string", "maxLength": keyset.LONGEST},
        }
        numbers = [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": description,
                "schema": {"type": "integer", "minimum": low, "maximum": high},
            }
            for name, (low, high, description) in PARAMETERS.items()
        ]
        return [*numbers, cursor]


def window(parameters: dict[str, str]) -> tuple[int, int]:
    """Limit and offset, from either pair of parameters. Raises Invalid."""
    problems: Fields = {}
    values: dict[str, int] = {}
    for name, (low, high, _) in PARAMETERS.items():
        text = parameters.get(name)
        if text is None:
            continue
        if text.isascii() and text.isdecimal() and len(text) < 12 and low <= int(text) <= high:
            values[name] = int(text)
        else:
            problems[name] = [f"Write a whole number from {low} to {high}."]
    for name, other in (("page", "offset"), ("per_page", "limit"), ("cursor", "offset"), ("cursor", "page")):
        if name in parameters and other in parameters:
            problems.setdefault(name, []).append(f"Write {name} or {other}, not both.")
    limit = values.get("limit", values.get("per_page", DEFAULT_LIMIT))
    offset = values.get("offset", (values.get("page", 1) - 1) * limit)
    if offset > MAX_OFFSET:
        problems.setdefault("page", []).append(f"Pages reach up to result {MAX_OFFSET}; narrow the list with filters.")
    if problems:
        raise Invalid(problems)
    return limit, offset


def total_of(queryset: QuerySet[Any], *, counted: int | None = None) -> tuple[int, bool]:
    """How many rows there are, and whether that is an estimate, as it may be beyond `counted`; COUNTED unless told."""
    counted = COUNTED if counted is None else counted
    few = _count(queryset, FEW)
    if few is not None:
        return few, False
    estimate = _estimate(queryset)
    exact = _count(queryset, counted) if estimate < 4 * counted else None
    return (exact, False) if exact is not None else (max(estimate, counted + 1), True)


def _count(queryset: QuerySet[Any], most: int) -> int | None:
    """How many rows there are; None when more than `most`."""
    counted = queryset.order_by()[: most + 1].count()
    return counted if counted <= most else None


def _estimate(queryset: QuerySet[Any]) -> int:
    """How many rows the planner expects."""
    plans: list[dict[str, Any]] = json.loads(queryset.order_by().explain(format="json"))
    return int(plans[0]["Plan"]["Plan Rows"])

"""Pages of the rules of tenants, those that are built in among them."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from notifications.rulebook.listing import KEYS, Listing
from scheduler_project.api import keyset
from scheduler_project.api.pagination import EnvelopePagination, total_of, window


class RulePagination(EnvelopePagination):
    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        listing: Listing = queryset
        self.limit, self.offset = window(request.query_params.dict())
        place = keyset.place(request, KEYS)
        if place is None and self.offset:
            found = listing.window(self.offset, self.limit + 1)
        else:
            self.offset = place.offset if place else 0
            found = listing.page(place, most=self.limit + 1)
        self.has_more = len(found) > self.limit
        self.total, self.is_estimate = self._total_of_both(listing, len(found))
        shown = found[: self.limit]
        is_last = not self.has_more
        self.next_cursor = None if is_last else keyset.token(request, shown[-1], KEYS, self.offset + self.limit)
        return shown

    def _total_of_both(self, listing: Listing, found: int) -> tuple[int, bool]:
        if not self.has_more and (found or not self.offset):
            return self.offset + found, False
        totals = [total_of(listing.rules), total_of(listing.bare)]
        return sum(total for total, _ in totals), any(is_estimate for _, is_estimate in totals)

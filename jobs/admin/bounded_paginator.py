"""Pages of a table too large to be counted: the newest rows up to a bound; older ones are found by filters."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db import OperationalError, connection, transaction
from django.utils.functional import cached_property

PATIENCE = "1s"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `bound`, and no longer than a second."""

    bound = 2_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
                return int(rows.order_by()[: self.bound + 1].count())
        except OperationalError:
            return self.bound + 1

    @property
    def is_cut(self) -> bool:
        return self.count > self.bound

    @property
    def num_pages(self) -> int:
        return max(1, -(-min(self.count, self.bound) // self.per_page))

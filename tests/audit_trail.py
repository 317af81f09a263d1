"""Pytest plugin: lets the suite empty its tables between tests, although the audit trail refuses to be emptied."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations


@pytest.fixture(scope="session", autouse=True)
def _trail_is_emptied_between_tests() -> Any:
    """As the superuser that the suite is: a replica does not fire triggers."""
    plain = DatabaseOperations.sql_flush

    def sql_flush(self: Any, *args: Any, **options: Any) -> list[str]:
        statements = plain(self, *args, **options)
        return ["SET LOCAL session_replication_role = replica", *statements] if statements else statements

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield

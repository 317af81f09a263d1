"""Pytest plugin: a test that lives in one transaction may stand still for longer than the engine's own ones may.

What `transactions.engine` sets holds until the end of the outermost transaction, and there that is the whole test.
"""

from __future__ import annotations

import pytest

from scheduler_project.lib import transactions

LIMIT = "idle_in_transaction_session_timeout = '5s'"


@pytest.fixture(autouse=True)
def _may_stand_still(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not _commits(request):
        assert LIMIT in transactions.LIMITS
        longer = transactions.LIMITS.replace(LIMIT, LIMIT.replace("5s", "60s"))
        monkeypatch.setattr(transactions, "LIMITS", longer)
        monkeypatch.setattr(transactions, "STANDSTILL", "SET LOCAL idle_in_transaction_session_timeout = '60s'")


def _commits(request: pytest.FixtureRequest) -> bool:
    """Whether the test has transactions of its own, as production has."""
    mark = request.node.get_closest_marker("django_db")
    return "transactional_db" in request.fixturenames or bool(mark and mark.kwargs.get("transaction"))

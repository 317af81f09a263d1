"""Fixtures of the inbox: notifications for the cast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notifications.inbox.writing import Entry, tell
from tests.cast import Cast

Tell = Callable[..., int]


@pytest.fixture
def told(cast: Cast) -> Tell:
    """Tells ana, unless somebody else is named; returns the id."""

    def make(title: str = "Greet failed", **changes: Any) -> int:
        fields = {"tenant_id": cast.acme.pk, "user_id": cast.ana.pk, "type": "job.failed", "severity": "error"}
        (pk,) = tell([Entry(**{**fields, "title": title, **changes})])
        return pk

    return make

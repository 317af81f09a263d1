"""Fixtures of the inbox: entries for the cast, and the inbox of each."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from notifications.inbox.writing import Entry, tell
from tests.cast import Cast


class Told(Protocol):
    def __call__(self, *many: dict[str, Any], **changes: Any) -> list[int]: ...


@pytest.fixture
def told(cast: Cast) -> Told:
    """Tells ana of acme that something failed, unless told otherwise. Returns the ids."""

    def tell_one_by_one(*many: dict[str, Any], **changes: Any) -> list[int]:
        usual = {"tenant_id": cast.acme.pk, "user_id": cast.ana.pk, "type": "job.failed", "severity": "error"}
        entries = [Entry(**{**usual, "title": "Greet failed", **changes, **one}) for one in many or ({},)]
        return [pk for entry in entries for pk in tell([entry])]

    return tell_one_by_one

"""The sweep tells when dead letters pile up: once, and again only after they were fewer."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import dead_letters
from jobs.models import Job
from jobs.recovery.replays import Replays
from scheduler_project.lib import telemetry
from tests.jobs.dead_letters.conftest import bury, job

__all__ = ["job"]

pytestmark = pytest.mark.django_db


def test_tells_of_a_growing_pile_at_its_edge(job: Job, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(telemetry, "emit", lambda event, **fields: told.append({"event": event, **fields}))
    settings.DAYBOOK_DEAD_LETTER_ALERT = 2
    sweeper = Replays()
    letters = [bury(job)]
    sweeper.sweep()
    letters += [bury(job), bury(job)]
    sweeper.sweep()
    sweeper.sweep()
    growing = {"event": "dead_letters.growing", "count": 3, "limit": 2}
    assert [one for one in told if one["event"] == "dead_letters.growing"] == [growing]
    dead_letters.discard_group(letters[0].pk, actor="user:olaf", note="known")
    sweeper.sweep()
    bury(job)
    bury(job)
    sweeper.sweep()
    assert [one["count"] for one in told if one["event"] == "dead_letters.growing"] == [3, 2]

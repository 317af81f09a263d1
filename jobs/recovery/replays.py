"""Carries replays of dead letters on: what they came to, the next stage of each, and an alert when letters pile up."""

from __future__ import annotations

from django.conf import settings

from jobs import dead_letters
from jobs.models import DeadLetterReplay
from jobs.rules.states import ReplayStatus
from jobs.tick import publisher
from scheduler_project.lib import sql, telemetry

COUNT = "SELECT count(*) AS count FROM (SELECT FROM dead_letters WHERE state = 'open' LIMIT %(most)s) AS open"
MOST_COUNTED = 1_000_000


class Replays:
    """The leader's sweep. All that it knows is in the database, except whether it has told of the pile already."""

    def __init__(self) -> None:
        self._is_told = False

    def sweep(self) -> int:
        """Returns how many executions were queued."""
        dead_letters.close_ended()
        running = DeadLetterReplay.objects.filter(status=ReplayStatus.RUNNING).order_by("id")
        queued = [
            execution_id
            for replay_id in running.values_list("pk", flat=True)
            for execution_id in dead_letters.advance(replay_id)
        ]
        publisher.announce_soon(queued)
        self._watch()
        return len(queued)

    def _watch(self) -> None:
        """Tell once when the open letters reach the limit; again only after they were fewer."""
        limit = settings.DAYBOOK_DEAD_LETTER_ALERT
        is_reached = _count(limit) >= limit
        if is_reached and not self._is_told:
            telemetry.emit("dead_letters.growing", count=_count(MOST_COUNTED), limit=limit)
        self._is_told = is_reached


def _count(most: int) -> int:
    found = sql.row(COUNT, {"most": most})
    assert found is not None
    return int(found["count"])

"""What a rule would have told: what the fan-out tells when the rule is there, within bounds, and no row written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs import scheduler_events
from jobs.models import Execution
from jobs.scheduler_events import Event
from notifications.fanout import rehearsal
from notifications.fanout.rehearsal import Rehearsal
from notifications.models import Channel, Notification
from notifications.rulebook import changes, preferences
from notifications.rulebook.changes import Editor
from notifications.rulebook.reader import Writer, read
from notifications.rulebook.shapes import rule_of_input
from notifications.rules.kinds import Kind
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.api.conftest import RunJob
from tests.jobs.api.test_scope_matrix import recorded_writes
from tests.notifications.fanout.conftest import Reading

pytestmark = pytest.mark.django_db

QUIETLY = {"name": "Mine", "to_owner": False}


def rehearsed(cast: Cast, **data: Any) -> Rehearsal:
    rule = read({**QUIETLY, **data}, Writer(cast.acme.pk, is_superuser=True))
    with recorded_writes() as writes:
        found = rehearsal.rehearse(rule_of_input(rule, cast.acme.pk), now=sql.now())
    assert not writes
    return found


def told(found: Rehearsal) -> dict[str, tuple[int, int]]:
    """Told and messages by target."""
    people, ways = found.circle.people, found.circle.ways
    return {
        people[one.target.user_id].name
        if one.target.user_id
        else ways[one.target.channel_id].name
        if one.target.channel_id
        else "all": (one.count, one.messages)
        for one in found.told
    }


class TestRehearsal:
    def test_counts_what_the_fan_out_tells(
        self, cast: Cast, reading: Reading, failing: Any, job_of: Any, run_of: RunJob
    ) -> None:
        job, other = failing(tags=["night"]), failing()
        data = {
            **QUIETLY,
            "tag": "night",
            "kinds": ["failed", "recovered", "succeeded"],
            "users": ["olaf"],
            "in_row": 2,
        }
        changes.create(data, tenant=cast.acme, by=Editor("user:ana"))
        for ending in ("succeeded", "failed", "failed", "failed", "succeeded", "failed", "succeeded", "succeeded"):
            run_of(job, ending)
        run_of(other, "failed")
        run_of(failing(tenant=cast.globex, tags=["night"]), "failed")
        reading.sweep()
        rows = Notification.objects.filter(user=cast.olaf)
        by_type = {row.type: row.count for row in rows}
        found = rehearsed(cast, **data)
        assert {f"job.{kind}": count for kind, count in found.kinds.items()} == by_type
        assert by_type == {"job.failed": 1, "job.recovered": 1, "job.succeeded": 3}
        assert told(found)["olaf"][0] == 5
        assert [example.kind for example in found.newest[:2]] == [Kind.SUCCEEDED, Kind.SUCCEEDED]
        assert not found.is_cut

    def test_leaves_out_dry_runs_and_backfills(self, cast: Cast, failing: Any, run_of: RunJob) -> None:
        job = failing()
        run_of(job, "failed", dry_run=True)
        aside = run_of(job, "failed")
        Execution.objects.filter(pk=aside.pk).update(trigger="backfill")
        run_of(job, "failed")
        assert rehearsed(cast, users=["olaf"]).kinds == {Kind.FAILED: 1}

    def test_says_as_the_fan_out_does_why_a_run_ended(self, cast: Cast, failing: Any, run_of: RunJob) -> None:
        run = run_of(failing(), "failed")
        Execution.objects.filter(pk=run.pk).update(status="timed_out")
        (example,) = rehearsed(cast, users=["olaf"]).newest
        assert example.happening.reason == "It ran out of time."

    def test_gathers_as_the_rule_says(self, cast: Cast, failing: Any, run_of: RunJob) -> None:
        job, channel = failing(), Channel.objects.create(tenant=cast.acme, name="Ops", kind="slack")
        for minutes in (90, 89, 30, 1):
            run = run_of(job, "failed")
            Execution.objects.filter(pk=run.pk).update(finished_at=sql.now() - timedelta(minutes=minutes))
        data = {"kinds": ["failed"], "only_changes": False, "channels": [channel.pk], "group_minutes": 10}
        assert told(rehearsed(cast, **data)) == {"Ops": (4, 3)}
        assert told(rehearsed(cast, **{**data, "group_minutes": 100})) == {"Ops": (4, 1)}
        assert told(rehearsed(cast, **{**data, "group_minutes": 0, "in_row": 4})) == {"Ops": (1, 1)}

    def test_says_who_would_not_have_heard_it(self, cast: Cast, failing: Any, run_of: RunJob) -> None:
        job = failing(owner="ana")
        run_of(job, "failed")
        preferences.mute(cast.ana, job.pk, actor="user:ana", is_muted=True)
        found = rehearsed(cast, to_owner=True, to_everyone=False)
        assert not found.told
        assert [(kept.target.user_id, kept.why, kept.count) for kept in found.kept] == [
            (cast.ana.pk, "The user has muted the job.", 1)
        ]

    def test_looks_at_the_scheduling_too(self, cast: Cast, failing: Any) -> None:
        job, theirs = failing(), failing(tenant=cast.globex)
        scheduler_events.record(
            [
                Event("tick_missed", count=3, tenant_id=cast.acme.pk, job_id=job.pk),
                Event("tick_missed", count=5, tenant_id=cast.globex.pk, job_id=theirs.pk),
                Event("circuit_changed", source="http:vendor", data={"after": "open"}),
            ]
        )
        found = rehearsed(cast, kinds=["missed", "circuit"], users=["olaf"])
        assert found.kinds == {Kind.MISSED: 3, Kind.CIRCUIT: 1}
        assert rehearsed(cast, kinds=["missed"], users=["olaf"], job=failing().pk).kinds == {}

    def test_is_bounded(self, cast: Cast, failing: Any, run_of: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rehearsal, "MOST_RUNS", 2)
        first, *others = [run_of(failing(), "failed") for _ in range(3)]
        Execution.objects.filter(pk=first.pk).update(finished_at=sql.now() - timedelta(days=3))
        found = rehearsed(cast, users=["olaf"])
        others[0].refresh_from_db()
        assert (found.is_cut, found.since, found.kinds) == (True, others[0].finished_at, {Kind.FAILED: 2})
        monkeypatch.undo()
        assert rehearsed(cast, users=["olaf"]).kinds == {Kind.FAILED: 3}
        Execution.objects.filter(pk=first.pk).update(finished_at=sql.now() - timedelta(days=8))
        assert rehearsed(cast, users=["olaf"]).kinds == {Kind.FAILED: 2}

"""Bad rows, as edits by SQL, other releases and deleted jobs leave them: they stop nobody else's notifications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from jobs.models import Execution, Job
from notifications.fanout import store
from notifications.inbox import changes
from notifications.models import Channel, Delivery, JobCondition, Notification, Rule
from scheduler_project.lib import sql, telemetry
from templates_registry.models import TemplateVersion
from tests.cast import Cast
from tests.notifications.fanout.conftest import Reading, inbox

MakeJob = Callable[..., Job]
RunJob = Callable[..., Execution]

OF_A_DELETED_JOB = """
INSERT INTO execution_events (execution_id, sequence, kind, at, tenant_id, job_id, data)
SELECT execution_id, 99, kind, at, tenant_id, 987654321, data FROM execution_events
WHERE execution_id = %(run)s AND kind = 'failed'
"""


@pytest.fixture
def passed_over(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    real = telemetry.emit

    def emit(name: str, **fields: Any) -> None:
        if name == "notification.passed_over":
            found.append(fields)
        real(name, **fields)

    monkeypatch.setattr(telemetry, "emit", emit)
    return found


def broken_channel(cast: Cast) -> Rule:
    rule = Rule.objects.create(tenant=cast.acme, name="Broken", kinds=["failed"], only_changes=False)
    rule.channels.add(Channel.objects.create(tenant=cast.acme, name="Mail", kind="email", config=["by", "hand"]))
    return rule


class TestOneBadRow:
    def test_leaves_the_others_theirs(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading, passed_over: list[dict[str, Any]]
    ) -> None:
        broken_channel(cast)
        ours, theirs = failing(owner="ana"), failing(tenant=cast.globex, owner="gita")
        for job in (ours, theirs, ours, theirs):
            run_of(job, "failed")
        reading.sweep()
        assert inbox() == [("gita", f"{theirs.name} failed", 1)]
        assert JobCondition.objects.get(job=theirs).failures_in_row == 2
        assert [fields["tenant_id"] for fields in passed_over] == [cast.acme.pk] * 2
        assert "AttributeError" in passed_over[0]["reason"]

    def test_is_waited_for_when_nothing_at_all_can_be_told(
        self,
        cast: Cast,
        failing: MakeJob,
        run_of: RunJob,
        reading: Reading,
        monkeypatch: pytest.MonkeyPatch,
        passed_over: list[dict[str, Any]],
    ) -> None:
        """Then it is the code, or all of the database: once that is mended, everything is told."""
        jobs = [failing(owner="ana"), failing(tenant=cast.globex, owner="gita")]
        for job in jobs:
            run_of(job, "failed")
        with monkeypatch.context() as broken:
            broken.setattr(store, "write", None)
            with pytest.raises(TypeError):
                reading.sweep()
        assert (passed_over, inbox()) == ([], [])
        reading.sweep()
        assert len(inbox()) == 2

    def test_of_a_job_that_is_gone_refers_to_nothing(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading, passed_over: list[dict[str, Any]]
    ) -> None:
        job = failing(owner="ana")
        sql.rows(OF_A_DELETED_JOB, {"run": run_of(job, "failed").pk})
        reading.sweep()
        connection.check_constraints()
        assert len(inbox()) == 2
        assert list(JobCondition.objects.values_list("job_id", flat=True)) == [job.pk]
        assert passed_over == []

    def test_of_another_release_is_read_as_far_as_it_is_known(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading, passed_over: list[dict[str, Any]]
    ) -> None:
        facts = {
            "kinds": ["new", "failed"],
            "zone": "Mars/Olympus",
            "quiet_from": "22:00",
            "quiet_until": "23:00",
        }
        rule = Rule.objects.create(tenant=cast.acme, name="Newer", to_owner=True, **facts)
        rule.channels.add(Channel.objects.create(tenant=cast.acme, name="Chat", kind="slack"))
        run_of(failing(owner="ana"), "failed")
        reading.sweep()
        assert (Notification.objects.count(), Delivery.objects.count(), passed_over) == (1, 1, [])

    def test_with_the_longest_names_has_room(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading, passed_over: list[dict[str, Any]]
    ) -> None:
        TemplateVersion.objects.update(title="T" * 200)
        Rule.objects.create(tenant=cast.acme, name="All", kinds=["failed"], to_everyone=True)
        run = run_of(failing(), "failed")
        sql.rows(OF_A_DELETED_JOB, {"run": run.pk})
        Execution.objects.filter(pk=run.pk).update(job=None)
        reading.sweep()
        for _ in range(12):
            reading.happened("circuit_changed", source="c" * 200, data={"after": "open"})
        assert passed_over == []
        assert Notification.objects.filter(type="system.circuit").exists()
        assert Notification.objects.filter(type="job.failed").exists()


@pytest.mark.django_db(transaction=True)
def test_a_suspended_process_does_not_keep_everybody_from_their_inbox() -> None:
    """The kernel goes on answering for it, so only the server can end its transaction."""
    with transaction.atomic():
        changes.take_turn()
        found = sql.row("SHOW idle_in_transaction_session_timeout")
    assert found == {"idle_in_transaction_session_timeout": "5s"}

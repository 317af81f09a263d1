"""On channels that keep order what is about one job goes out in its order, and the rest waits for nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from jobs.models import Job
from notifications.models import Channel, Delivery
from notifications.sending.claiming import claim
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.api.conftest import RunJob
from tests.notifications.fanout.conftest import Reading, failing, job_of, reading, run_of
from tests.notifications.fanout.test_fan_out import rule_of

__all__ = ["failing", "job_of", "reading", "run_of"]

MakeJob = Callable[..., Job]


@pytest.fixture
def pager(cast: Cast) -> Channel:
    return Channel.objects.create(tenant=cast.acme, name="Pager", kind="pagerduty", per_minute=6000)


@pytest.fixture
def quiet(db: None) -> dict[str, Any]:
    """Hours that it is now."""
    now = sql.now()
    return {"quiet_from": (now - timedelta(hours=1)).time(), "quiet_until": (now + timedelta(hours=2)).time()}


def taken() -> list[str]:
    """What goes out now, each turn taken by the receiver before the next."""
    types: list[str] = []
    while claimed := claim([]):
        ids = [one.delivery_id for one in claimed]
        types.append(" and ".join(one.letter.message.type for one in claimed))
        Delivery.objects.filter(pk__in=ids).update(status="delivered", next_try_at=None, ended_at=Now())
    return types


def end_quiet_hours() -> None:
    Delivery.objects.filter(status="waiting").update(not_before=Now(), next_try_at=Now())


class TestAJob:
    def test_pages_in_quiet_hours_past_what_waits_for_their_end(
        self,
        cast: Cast,
        pager: Channel,
        quiet: dict[str, Any],
        failing: MakeJob,
        run_of: RunJob,
        reading: Reading,
    ) -> None:
        rule_of(cast, pager, kinds=["slow", "failed", "recovered"], quiet_passes="error", **quiet)
        job = failing()
        reading.happened("run_slow", tenant_id=cast.acme.pk, job_id=job.pk)
        assert taken() == []
        run_of(job, "failed")
        reading.sweep()
        assert taken() == ["job.failed"]
        run_of(job, "succeeded")
        reading.sweep()
        assert taken() == []
        end_quiet_hours()
        assert taken() == ["job.slow", "job.recovered"]

    def test_is_resolved_first_when_it_fails_again_before_its_recovery_was_to_go_out(
        self,
        cast: Cast,
        pager: Channel,
        quiet: dict[str, Any],
        failing: MakeJob,
        run_of: RunJob,
        reading: Reading,
    ) -> None:
        rule_of(cast, pager, quiet_passes="error", group_minutes=0, **quiet)
        job, other = failing(), failing()
        for state in ("failed", "succeeded"):
            for one in (job, other):
                run_of(one, state)
                reading.sweep()
        assert taken() == ["job.failed and job.failed"]
        run_of(job, "failed")
        reading.sweep()
        assert taken() == ["job.recovered", "job.failed"]
        assert Delivery.objects.get(status="waiting").facts["job"]["id"] == other.pk

    def test_is_resolved_only_after_what_was_triggered_before(
        self,
        cast: Cast,
        pager: Channel,
        quiet: dict[str, Any],
        failing: MakeJob,
        run_of: RunJob,
        reading: Reading,
    ) -> None:
        """By a rule without quiet hours, while a trigger waits for the end of another's: nobody is woken by that."""
        rule_of(cast, pager, name="Slow", kinds=["slow"], **quiet)
        rule_of(cast, pager, name="Good", kinds=["succeeded"])
        job = failing()
        reading.happened("run_slow", tenant_id=cast.acme.pk, job_id=job.pk)
        run_of(job, "succeeded")
        reading.sweep()
        assert taken() == []
        end_quiet_hours()
        assert taken() == ["job.slow", "job.succeeded"]

    def test_that_fails_again_is_not_resolved_by_a_recovery_of_before(
        self,
        cast: Cast,
        pager: Channel,
        quiet: dict[str, Any],
        failing: MakeJob,
        run_of: RunJob,
        reading: Reading,
    ) -> None:
        rule_of(cast, pager, kinds=["failed", "recovered"], **quiet)
        job = failing()
        for state in ("failed", "succeeded", "failed"):
            run_of(job, state)
            reading.sweep()
        assert taken() == []
        end_quiet_hours()
        assert taken() == ["job.recovered", "job.failed"]


def test_of_what_has_no_job_nothing_waits_for_anything_else(
    cast: Cast, pager: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
) -> None:
    rule_of(cast, pager, daily_cap=1)
    rule_of(cast, pager, name="System", kinds=["scheduler"])
    for _ in range(2):
        run_of(failing(), "failed")
        reading.sweep()
    assert taken() == ["job.failed"]
    assert Delivery.objects.get(status="waiting").type == "digest.day"
    reading.happened("sweep_failed", source="reaper", message="reaper: boom")
    assert taken() == ["system.scheduler"]


def test_holds_back_no_mail_and_no_chat(
    cast: Cast, quiet: dict[str, Any], failing: MakeJob, run_of: RunJob, reading: Reading
) -> None:
    chat = Channel.objects.create(tenant=cast.acme, name="Chat", kind="slack")
    rule_of(cast, chat, kinds=["slow", "failed"], quiet_passes="error", **quiet)
    job = failing()
    reading.happened("run_slow", tenant_id=cast.acme.pk, job_id=job.pk)
    run_of(job, "failed")
    reading.sweep()
    assert taken() == ["job.failed"]
    held = Delivery.objects.get(status="waiting")
    assert held.not_before - sql.now() > timedelta(hours=1)

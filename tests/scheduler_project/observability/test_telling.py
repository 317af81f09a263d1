"""What `/metrics` tells of notifications, against the rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest

from jobs import registry
from jobs.models import EventCursor
from jobs.recovery import outbox
from notifications.fanout.fan_out import OF_RUNS
from notifications.inbox import totals as inbox_totals
from notifications.inbox.writing import Entry, tell
from notifications.models import Channel, Delivery
from notifications.rules.kinds import ChannelKind, SendingStatus
from notifications.sending import totals
from notifications.sending.totals import Ended
from scheduler_project.observability import telling
from scheduler_project.observability.telling import NotificationCollector
from tests.cast import Cast
from tests.jobs.api.conftest import job_of
from tests.scheduler_project.observability.test_metrics import Samples, parse, value

__all__ = ["job_of"]

pytestmark = pytest.mark.django_db(transaction=True)


def scrape() -> Samples:
    own = CollectorRegistry()
    own.register(NotificationCollector())
    return parse(generate_latest(own).decode())


def test_is_empty_before_anything_happened() -> None:
    found = scrape()
    for name in ("notification_deliveries_waiting", "notification_delivery_oldest_seconds"):
        assert value(found, name) == 0
    for stream in ("executions", "scheduling"):
        assert value(found, "notification_fanout_lag_seconds", stream=stream) == 0


def test_counts_what_people_were_told(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_totals, "MOST_TYPES", 1)
    to = (cast.acme.pk, cast.ana.pk)
    failed = Entry(*to, "job.failed", "error", "Failed", group_key="a")
    tell([replace(failed, count=3), Entry(*to, "note", "info", "x", count=2)])
    tell([failed, Entry(*to, "rare", "info", "y")])
    found = scrape()
    assert value(found, "ui_notifications_total", severity="error", type="job.failed") == 4
    assert value(found, "ui_notifications_total", severity="info", type="note") == 2
    assert value(found, "ui_notifications_total", severity="info", type="other") == 1


def test_says_how_far_behind_the_telling_is(cast: Cast, job_of: Any) -> None:
    job = job_of()
    outbox.begin_now(OF_RUNS)
    assert value(scrape(), "notification_fanout_lag_seconds", stream="executions") == 0
    registry.run_now(job, actor="user:ana")
    assert value(scrape(), "notification_fanout_lag_seconds", stream="executions") > 0
    EventCursor.objects.filter(name=OF_RUNS).delete()
    outbox.begin_now(OF_RUNS)
    assert value(scrape(), "notification_fanout_lag_seconds", stream="executions") == 0


def test_says_what_waits_and_what_came_to_an_end(cast: Cast) -> None:
    channel = Channel.objects.create(tenant=cast.acme, name="Chat", kind="webhook")
    now = timezone.now()
    for number, since in enumerate((timedelta(minutes=3), timedelta(minutes=1), timedelta(hours=-1))):
        Delivery.objects.create(
            tenant=cast.acme,
            channel=channel,
            type="job.failed",
            severity="error",
            group_key=str(number),
            created_at=now - timedelta(hours=2),
            not_before=now - since,
            next_try_at=now - since,
            give_up_at=now + timedelta(days=1),
        )
    webhook = (ChannelKind.WEBHOOK, SendingStatus.DELIVERED)
    totals.add([Ended(*webhook, 0.4), Ended(ChannelKind.EMAIL, SendingStatus.DEAD, 900), Ended(*webhook, 8)])
    totals.add([Ended(*webhook, 0.7), Ended(*webhook, 100_000)])
    found = scrape()
    assert value(found, "notification_deliveries_waiting") == 3
    assert 180 <= value(found, "notification_delivery_oldest_seconds") < 240
    by = {"channel": "webhook", "status": "delivered"}
    assert value(found, "notification_deliveries_total", **by) == 4
    assert value(found, "notification_deliveries_total", channel="email", status="dead") == 1
    counts = {bound: value(found, "notification_delivery_seconds_bucket", le=bound, **by) for bound in telling.BOUNDS}
    assert (counts["0.5"], counts["1"], counts["10"], counts["86400"]) == (1, 2, 3, 3)
    assert counts["+Inf"] == 4
    assert value(found, "notification_delivery_seconds_sum", **by) == pytest.approx(100_009.1)

"""Notifications switched off and on again: what happened is kept and counted, nothing goes out, and the rest is sent
once. Said everywhere with what switched them off."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from pytest_django import Settings

from jobs.models import Job
from notifications.models import Delivery
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor
from notifications.sending.sender import Sender
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import RunJob
from tests.notifications.admin.conftest import as_ana, sign_in
from tests.notifications.fanout.conftest import Reading, failing, inbox, job_of, reading, run_of
from tests.notifications.sending.conftest import MakeChannel, channel_of, loopback, sender, server, sweep_until
from tests.receivers import Receiver

__all__ = ["as_ana", "channel_of", "failing", "job_of", "loopback", "reading", "run_of", "sender", "server", "sign_in"]

pytestmark = pytest.mark.django_db


def test_keeps_what_happens_and_sends_it_once_later(
    cast: Cast,
    settings: Settings,
    reading: Reading,
    sender: Sender,
    failing: Callable[..., Job],
    run_of: RunJob,
    channel_of: MakeChannel,
    server: Receiver,
) -> None:
    job = failing(owner="ana")
    rule = {"name": "Every failure", "kinds": ["failed"], "only_changes": False, "group_minutes": 0}
    changes.create({**rule, "channels": [channel_of().pk]}, tenant=cast.acme, by=Editor("user:ana"))
    settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
    for _ in range(3):
        run_of(job, "failed")
        reading.sweep()
        sender.sweep()
    assert inbox() == [("ana", f"{job.name} failed 3 times", 3)]
    kept = Delivery.objects.get()
    assert (kept.status, kept.tries, kept.count) == ("waiting", 0, 3)
    late = Delivery.objects.get()
    late.pk, late.uid, late.group_key = None, "00000000-0000-4000-8000-000000000001", "of yesterday"
    late.save()
    Delivery.objects.filter(pk=late.pk).update(give_up_at=sql.now() - timedelta(seconds=1))
    sender.sweep()
    assert server.calls == []

    settings.DAYBOOK_NOTIFICATIONS_ENABLED = True
    sweep_until(sender, lambda: not Delivery.objects.filter(status="waiting").exists())
    (call,) = server.calls
    assert (json.loads(call.body)["count"], call.headers["idempotency-key"]) == (3, str(kept.uid))
    kept.refresh_from_db()
    late.refresh_from_db()
    assert (kept.status, late.status, late.tries) == ("delivered", "dropped", 0)
    assert "notifications" in late.reason


@pytest.mark.parametrize(
    ("flag", "setting"),
    [
        ("notifications.enabled", "DAYBOOK_NOTIFICATIONS_ENABLED"),
        ("scheduler.enabled", "DAYBOOK_SCHEDULER_ENABLED"),
        ("scheduler.use_celery", "SCHEDULER_USE_CELERY"),
    ],
)
def test_is_shown_with_what_switched_it_off(as_ana: Browser, settings: Settings, flag: str, setting: str) -> None:
    setattr(settings, setting, False)
    settings.SCHEDULER_USE_CELERY_IS_GIVEN = True
    sections = as_ana.get("/v1/ui/settings/sections").json()
    shown = [one for section in sections["sections"] for one in section["settings"] if one["name"] == flag]
    assert [(one["value"], one["source"], one["read_only"]) for one in shown] == [(False, "environment", True)]
    config = as_ana.get("/v1/runtime/config").json()
    area, word = flag.split(".")
    assert config[area][word] is False
    page = as_ana.text(reverse("admin:jobs_settings"))
    assert setting in page

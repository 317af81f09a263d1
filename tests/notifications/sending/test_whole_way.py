"""From a run that fails to what lies in the mailbox, in Slack and at PagerDuty, and from the recovery to its end."""

from __future__ import annotations

import json

import pytest

from notifications.models import Delivery
from notifications.rulebook import changes as rules
from notifications.rulebook.changes import Editor
from notifications.sending.sender import Sender
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.mail_servers import MailServer
from tests.notifications.fanout.conftest import Reading, job_of, reading, run_of
from tests.notifications.sending.conftest import MakeChannel, sweep_until
from tests.receivers import Receiver

__all__ = ["job_of", "reading", "run_of"]

pytestmark = pytest.mark.django_db(transaction=True)


def send_all(sender: Sender) -> None:
    Delivery.objects.filter(status="waiting").update(next_try_at=sql.now(), not_before=sql.now())
    sweep_until(sender, lambda: not Delivery.objects.exclude(status="delivered").exists())


def test_of_a_failure_and_its_recovery(
    reading: Reading,
    cast: Cast,
    channel_of: MakeChannel,
    job_of: MakeJob,
    run_of: RunJob,
    server: Receiver,
    mails: MailServer,
    sender: Sender,
) -> None:
    cast.ana.email = "ana@example.com"
    cast.ana.save()
    job = job_of(name="Invoices", owner="ana", policies={"overlap": "allow"})
    ways = [channel_of("email", name="Mail"), channel_of("slack", "/slack", name="Chat"), channel_of("pagerduty")]
    rule = {"name": "Invoices", "job": job.pk, "kinds": ["failed", "recovered"], "channels": [way.pk for way in ways]}
    rules.create(rule, tenant=cast.acme, by=Editor("user:ana"))

    failed = run_of(job, "failed")
    reading.sweep()
    send_all(sender)
    assert sorted(mails.recipients) == ["ana@example.com", "ops@example.com"]
    assert all("Subject: Invoices failed" in text for text in mails.taken)
    assert f"https://daybook.example/admin/jobs/execution/{failed.pk}/" in mails.taken[0]
    sent = {call.path: json.loads(call.body) for call in server.calls}
    assert sent["/slack"]["text"] == ":x: Invoices failed"
    assert (sent["/v2/enqueue"]["event_action"], len(server.calls)) == ("trigger", 2)

    run_of(job, "failed")
    reading.sweep()
    send_all(sender)
    assert len(server.calls) == 2  # only changes are told
    run_of(job, "succeeded")
    reading.sweep()
    send_all(sender)
    works = {call.path: json.loads(call.body) for call in server.calls[2:]}
    assert works["/slack"]["text"] == ":white_check_mark: Invoices works again"
    assert works["/v2/enqueue"]["event_action"] == "resolve"
    assert works["/v2/enqueue"]["dedup_key"] == sent["/v2/enqueue"]["dedup_key"]
    assert len(mails.taken) == 4

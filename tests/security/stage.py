"""One of each thing that the admin shows."""

from __future__ import annotations

from typing import Any

from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

from accounts import keys
from accounts.models import ApiKey, Membership
from accounts.scopes import Scope
from jobs import (
    calendars,
    dead_letters,
    dependencies,
    drafts,
    executions,
    hooks,
    maintenance,
    pools,
    registry,
    webhooks,
)
from jobs.models import (
    CircuitEvent,
    DeadLetter,
    Execution,
    ExecutionEvent,
    HookCall,
    LogLine,
    WebhookDelivery,
    Worker,
)
from notifications.channels import changes as channels
from notifications.inbox.writing import Entry, tell
from notifications.models import Delivery, Notification
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.test_job_page import decide_one_tick
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of


def build(cast: Cast, job_of: MakeJob, run_of: RunJob) -> dict[str, Any]:
    """Rows by the word that stands for them in a path of the admin."""
    now = sql.now()
    job = job_of(
        description="One",
        tags=["finance"],
        parameters={"text": "hello"},
        schedule={"kind": "cron", "cron": "* * * * *"},
    )
    others = [job_of() for _ in range(12)]
    failed, succeeded, running = run_of(job, "failed"), run_of(job, "succeeded"), run_of(others[0], "running")
    waiting = run_of(others[1])
    LogLine.objects.bulk_create(
        LogLine(execution=running, sequence=n, attempt=1, logged_at=now, level="info", message=f"line {n}")
        for n in range(1, 45)
    )
    decide_one_tick(job)
    registry.pause(others[2].pk, actor="user:ana", note="Until Tuesday")
    registry.change(job.pk, {"description": "Two"}, actor="user:ana")
    Worker.objects.create(name="w@host", hostname="host", pid=1, queues=["default"], started_at=now, heartbeat_at=now)
    every = IntervalSchedule.objects.create(every=10, period="minutes")
    row = PeriodicTask.objects.create(name="made elsewhere", task="some.task", interval=every, description="x")
    TaskResult.objects.create(task_id="abc", task_name="some.task", result='"x"', traceback="Trace")
    keys.create(tenant=cast.acme, name="a program", scopes=Scope.values)
    calendar = calendars.create({"name": "Office", "holidays": ["2026-12-25"]}, tenant=cast.acme, actor="user:ana")
    pool = pools.create({"name": "Vendor", "size": 3}, tenant=cast.acme, actor="user:ana")
    registry.change(others[3].pk, {"calendars": ["office"], "pool": "vendor"}, actor="user:ana")
    window = maintenance.start(actor="user:root", note="New disks")
    CircuitEvent.objects.create(circuit="http:vendor.example", before="closed", after="open", why="it hung")
    hook, _ = hooks.create(job.pk, {"name": "Deployed"}, actor="user:ana")
    HookCall.objects.create(hook=hook, at=now, outcome="refused", message="Greet is paused.", body="0" * 64)
    webhook, _ = webhooks.create({"name": "Chat", "url": "https://chat.example/x"}, tenant=cast.acme, actor="user:ana")
    entry = {"at": "2026-11-21T09:00:00+00:00", "seconds": 0.2, "status": 500, "answer": "no", "error": "x"}
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, tenant=cast.acme, execution_id=failed.pk, event="failed", payload={"a": "b"}, status="dead",
        log=[entry], tries=3, give_up_at=now, reason="Given up.",
    )  # fmt: skip
    letters = []
    for other in others[4:7]:
        doomed = run_of(other)
        Execution.objects.filter(pk=doomed.pk).update(attempt=1, error="It broke.")
        executions.give_up(doomed.pk, by="user:ana")
        letters.append(DeadLetter.objects.get(execution_id=doomed.pk))
    replay = dead_letters.start(letters[2].pk, actor="user:ana")
    dependency = dependencies.add(others[8].pk, job.pk, {}, actor="user:ana")
    draft = drafts.start(user_id=cast.root.pk, tenant=cast.acme, template=job.template)
    entered = {"name": ["Begun"], "description": ["One"], "tags": ["a"], "cron": ["0 9 * * *"], "queue": ["x"]}
    drafts.save(draft.pk, drafts.Entered(0, frozenset(entered), entered, {"text": "hello"}, step=5))
    failure = {"path": "/admin/", "job": {"id": job.pk, "name": "Greet"}, "error": "It broke."}
    of_root = Entry(cast.acme.pk, cast.root.pk, "job.failed", "error", "Greet failed", "It broke.", failure)
    tell([of_root, Entry(cast.acme.pk, None, "note", "info", "Maintenance", "At ten.", {"path": "/admin/"})])
    ops = {"name": "Ops", "kind": "webhook", "config": {"url": "https://ops.example/x", "authorization": "x"}}
    channel, _ = channels.create(ops, tenant=cast.acme, actor="user:ana")
    facts = {"kind": "failed", "job": {"id": job.pk, "name": job.name}, "error": "x", "reason": "x", "rule": "x"}
    sending = Delivery.objects.create(
        channel=channel, tenant=cast.acme, type="job.failed", severity="error", group_key="x", facts=facts,
        status="dead", log=[entry], tries=1, give_up_at=now, reason="Given up.", to=["ana@example.com"],
    )  # fmt: skip
    night = {"name": "Night", "job": job.pk, "kinds": ["failed", "recovered", "missed"], "users": ["olaf"]}
    return {
        "channel": channel, "sending": sending,
        "rule": changes.create(night, tenant=cast.acme, by=Editor("user:ana")),
        "notification": Notification.objects.get(user=cast.root),
        "draft": draft, "job": job, "execution": failed, "succeeded": succeeded, "running": running, "waiting": waiting,
        "periodictask": row, "backfill": backfill_of(others[7]), "calendar": calendar, "pool": pool,
        "maintenance": window, "eventhook": hook, "hook": hook, "webhook": webhook, "delivery": delivery,
        "deadletter": letters[0], "letter": letters[0], "deadletterreplay": replay, "replay": replay,
        "dependency": dependency, "apikey": ApiKey.objects.get(), "tenant": cast.acme, "user": cast.ana,
        "membership": Membership.objects.filter(tenant=cast.acme).first(),
        "taskresult": TaskResult.objects.get(), "event": ExecutionEvent.objects.first(),
    }  # fmt: skip

"""Who may do what: each endpoint of the URLconf with each kind of caller. An endpoint without a rule fails here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from rest_framework.views import APIView

from accounts import keys, tokens
from accounts.models import AuditEntry, Membership, Tenant
from accounts.scopes import ROLE_SCOPES, Role, Scope
from jobs import (
    calendars,
    dead_letters,
    dependencies,
    executions,
    hooks,
    maintenance,
    pools,
    registry,
    saved_views,
    submission,
    webhooks,
    workers,
)
from jobs.execution import registration
from jobs.models import Backfill, DeadLetter, Dependency, Execution, Job, Tick, WebhookDelivery, Worker
from notifications.channels import changes as channels
from notifications.channels.examples import example_facts
from notifications.inbox.writing import Entry, tell
from notifications.models import Delivery, Notification
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor
from notifications.rules.kinds import Kind
from scheduler_project import aliases
from scheduler_project.api.permissions import SIGNED_IN
from templates_registry.models import JobType, TaskFunction
from tests.cast import MEMBERS, ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import JOB, MakeJob, RunJob, backfill_of

pytestmark = pytest.mark.django_db

READ, WRITE, RUN = Scope.SCHEDULER_READ.value, Scope.SCHEDULER_WRITE.value, Scope.SCHEDULER_RUN.value
PUBLIC = "open to all"
KEYS_READ, KEYS_WRITE = Scope.KEYS_READ.value, Scope.KEYS_WRITE.value
TENANT_READ, TENANT_WRITE = Scope.TENANT_READ.value, Scope.TENANT_WRITE.value


def served(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and route name of every DRF view."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from served(pattern.url_patterns, prefix + str(pattern.pattern))
            continue
        view = getattr(pattern.callback, "cls", None)
        if isinstance(view, type) and issubclass(view, APIView):
            actions = getattr(pattern.callback, "actions", None) or {
                method: method for method in view.http_method_names if method != "options" and hasattr(view, method)
            }
            yield from ((method, str(pattern.name)) for method in actions if method != "head")


RULES: dict[tuple[str, str], str] = {
    ("get", "api-schema"): PUBLIC,
    ("get", "api-docs"): PUBLIC,
    ("get", "live"): READ,
    ("post", "live-tickets"): READ,
    ("get", "template-list"): READ,
    ("get", "template-detail"): READ,
    ("get", "template-versions"): READ,
    ("get", "job-list"): READ,
    ("post", "job-list"): WRITE,
    ("get", "job-detail"): READ,
    ("put", "job-detail"): WRITE,
    ("patch", "job-detail"): WRITE,
    ("delete", "job-detail"): WRITE,
    ("post", "job-bulk"): WRITE,  # its action `run` needs scheduler:run instead
    ("post", "job-validate"): WRITE,
    ("get", "job-export"): READ,
    ("post", "job-import"): WRITE,
    ("post", "job-clone"): WRITE,
    ("post", "job-reconcile"): WRITE,
    ("post", "scheduler-reconcile"): WRITE,
    ("post", "execution-bulk"): RUN,
    ("post", "job-run"): RUN,
    ("post", "job-pause"): WRITE,
    ("post", "job-resume"): WRITE,
    ("post", "job-enable"): WRITE,
    ("post", "job-disable"): WRITE,
    ("get", "job-preview"): READ,
    ("get", "job-executions"): READ,
    ("get", "job-ticks"): READ,
    ("get", "job-revisions"): READ,
    ("post", "job-impact"): READ,
    ("post", "job-restore"): WRITE,
    ("get", "job-explain"): READ,
    ("get", "job-tick-explain"): READ,
    ("get", "tick-explain"): READ,
    ("get", "execution-explain"): READ,
    ("get", "execution-flow"): READ,
    ("get", "job-dependencies"): READ,
    ("post", "job-dependencies"): WRITE,
    ("get", "dependency-list"): READ,
    ("post", "dependency-list"): WRITE,
    ("get", "dependency-graph"): READ,
    ("get", "dependency-drawn-graph"): READ,
    ("get", "dependency-detail"): READ,
    ("patch", "dependency-detail"): WRITE,
    ("delete", "dependency-detail"): WRITE,
    ("get", "forecast"): READ,
    ("get", "upcoming"): READ,
    ("get", "job-backfills"): READ,
    ("post", "job-backfills"): RUN,
    ("get", "backfill-detail"): READ,
    ("post", "backfill-cancel"): RUN,
    ("post", "schedule-preview"): READ,
    ("get", "execution-list"): READ,
    ("get", "execution-detail"): READ,
    ("get", "execution-log"): READ,
    ("get", "execution-log-raw"): READ,
    ("post", "execution-cancel"): RUN,
    ("patch", "execution-detail"): RUN,
    ("patch", "execution-list"): RUN,
    ("post", "execution-approve"): Scope.SCHEDULER_APPROVE.value,
    ("post", "execution-refuse"): Scope.SCHEDULER_APPROVE.value,
    ("post", "execution-rerun"): RUN,
    ("post", "execution-retry-now"): RUN,
    ("post", "execution-give-up"): RUN,
    ("get", "dead-letter-list"): READ,
    ("get", "dead-letter-groups"): READ,
    ("get", "dead-letter-detail"): READ,
    ("post", "dead-letter-replay"): RUN,
    ("post", "dead-letter-replay-group"): RUN,
    ("post", "dead-letter-discard"): RUN,
    ("post", "dead-letter-discard-group"): RUN,
    ("post", "dead-letter-restore"): RUN,
    ("get", "replay-list"): READ,
    ("get", "replay-detail"): READ,
    ("post", "replay-cancel"): RUN,
    ("get", "scheduler-status"): READ,
    ("get", "circuit-list"): READ,
    ("post", "circuit-reset"): WRITE,
    ("post", "queue-pause"): WRITE,
    ("post", "queue-resume"): WRITE,
    ("get", "task-list"): Scope.TASK_READ.value,
    ("post", "task-list"): Scope.TASK_CREATE.value,
    ("get", "task-detail"): Scope.TASK_READ.value,
    ("delete", "task-detail"): Scope.TASK_CANCEL.value,
    ("get", "calendar-list"): READ,
    ("post", "calendar-list"): WRITE,
    ("get", "calendar-detail"): READ,
    ("put", "calendar-detail"): WRITE,
    ("patch", "calendar-detail"): WRITE,
    ("delete", "calendar-detail"): WRITE,
    ("get", "calendar-preview"): READ,
    ("get", "saved-view-list"): READ,
    ("post", "saved-view-list"): WRITE,  # one that is shared; see tests/jobs/test_saved_views.py
    ("get", "saved-view-detail"): READ,
    ("patch", "saved-view-detail"): WRITE,
    ("delete", "saved-view-detail"): WRITE,
    ("get", "pool-list"): READ,
    ("post", "pool-list"): WRITE,
    ("get", "pool-detail"): READ,
    ("patch", "pool-detail"): WRITE,
    ("delete", "pool-detail"): WRITE,
    ("post", "hook-call"): PUBLIC,
    ("get", "job-hooks"): READ,
    ("post", "job-hooks"): WRITE,
    ("get", "event-hook-detail"): READ,
    ("patch", "event-hook-detail"): WRITE,
    ("delete", "event-hook-detail"): WRITE,
    ("post", "event-hook-rotate"): WRITE,
    ("get", "event-hook-calls"): READ,
    ("get", "webhook-list"): READ,
    ("post", "webhook-list"): WRITE,
    ("get", "webhook-detail"): READ,
    ("patch", "webhook-detail"): WRITE,
    ("delete", "webhook-detail"): WRITE,
    ("post", "webhook-rotate"): WRITE,
    ("post", "webhook-test"): WRITE,
    ("get", "webhook-deliveries"): READ,
    ("get", "delivery-detail"): READ,
    ("post", "delivery-redeliver"): WRITE,
    ("get", "channel-list"): READ,
    ("post", "channel-list"): WRITE,
    ("get", "channel-detail"): READ,
    ("patch", "channel-detail"): WRITE,
    ("delete", "channel-detail"): WRITE,
    ("post", "channel-rotate"): WRITE,
    ("post", "channel-test"): WRITE,
    ("post", "channel-preview"): WRITE,
    ("get", "sending-list"): READ,
    ("get", "sending-detail"): READ,
    ("post", "sending-redeliver"): WRITE,
    ("get", "worker-list"): READ,
    ("get", "worker-detail"): READ,
    ("get", "queues"): READ,
    ("get", "scheduler-maintenance"): READ,
    ("post", "scheduler-maintenance"): WRITE,
    ("delete", "scheduler-maintenance"): WRITE,
    ("post", "token"): PUBLIC,
    ("post", "token-refresh"): PUBLIC,
    ("post", "token-revoke"): PUBLIC,
    ("get", "me"): SIGNED_IN,
    ("get", "key-list"): KEYS_READ,
    ("post", "key-list"): KEYS_WRITE,
    ("get", "key-detail"): KEYS_READ,
    ("patch", "key-detail"): KEYS_WRITE,
    ("delete", "key-detail"): KEYS_WRITE,
    ("post", "key-rotate"): KEYS_WRITE,
    ("get", "tenant-list"): SIGNED_IN,
    ("post", "tenant-list"): TENANT_WRITE,
    ("get", "tenant-detail"): SIGNED_IN,
    ("patch", "tenant-detail"): TENANT_WRITE,
    ("get", "limits"): Scope.TENANT_READ.value,
    ("put", "limits"): TENANT_WRITE,
    ("get", "tenant-limits"): Scope.TENANT_READ.value,
    ("put", "tenant-limits"): TENANT_WRITE,
    ("get", "member-list"): TENANT_READ,
    ("post", "member-list"): TENANT_WRITE,
    ("get", "member-detail"): TENANT_READ,
    ("patch", "member-detail"): TENANT_WRITE,
    ("delete", "member-detail"): TENANT_WRITE,
}
RULES |= {("get", f"scheduler-{name}"): READ for name in ("stats", "jobs-tree", "execution-log", "events")}
RULES |= {
    (method, f"{name}-{end}"): READ if method == "get" else WRITE
    for name in ("job-type", "task-function")
    for method, end in (
        *(("get", "list"), ("post", "list"), ("get", "detail"), ("patch", "detail"), ("delete", "detail")),
    )
}
AUDIT_READ = Scope.AUDIT_READ.value
RULES |= {("get", f"audit-{name}"): AUDIT_READ for name in ("list", "detail", "sample", "export", "seal")}
RULES |= {("get", "request-list"): AUDIT_READ}
NOTIFIED = Scope.NOTIFICATIONS_READ.value
RULES |= {
    (method, name): READ if method == "get" else WRITE
    for name, methods in (
        ("rule-list", ("get", "post")),
        ("rule-detail", ("get", "put", "patch", "delete")),
        ("default-rule", ("get", "put", "patch", "delete")),
    )
    for method in methods
}
RULES |= {("post", "rule-preview"): READ, ("get", "job-notifications"): READ}
NOTIFY = Scope.NOTIFICATIONS_WRITE.value
RULES |= {("get", f"notification-{name}"): NOTIFIED for name in ("list", "detail", "unread", "preferences")}
# People in the console may do so with notifications:read: it concerns nobody but themselves.
FOR_ONESELF = [("post", "notification-read"), ("post", "notification-read-all"), ("delete", "notification-clear")]
FOR_ONESELF += [("put", "notification-preferences"), ("patch", "notification-preferences")]
RULES |= dict.fromkeys((("post", "notification-list"), *FOR_ONESELF), NOTIFY)
RULES |= {("get", "runtime-config"): READ, ("get", "settings-sections"): READ}
# Paths of other schedulers' clients: the rules, bodies and rows of what they stand for.
ALIASES = {
    endpoint: canonical
    for urls in (aliases.under_v1, aliases.under_api_v1, aliases.under_api_admin)
    for endpoint in served(list(urls))
    if (canonical := aliases.stands_for(*endpoint))
}
RULES |= {endpoint: RULES[canonical] for endpoint, canonical in ALIASES.items()}
FOR_ONESELF += [endpoint for endpoint, canonical in ALIASES.items() if canonical in FOR_ONESELF]
# Who only sees notifications gets a ticket too, and may listen to them alone.
LISTENING = ("post", "live-tickets")
# The scope lets nobody else in: they concern every tenant.
SUPERUSERS_ONLY = [("post", "scheduler-maintenance"), ("delete", "scheduler-maintenance"), ("post", "circuit-reset")]
SUPERUSERS_ONLY += [("post", "queue-pause"), ("post", "queue-resume")]
SUPERUSERS_ONLY += [
    (method, name) for method, name in RULES if name.startswith(("job-type-", "task-function-")) and method != "get"
]
SUPERUSERS_ONLY += [("post", "tenant-list"), ("patch", "tenant-detail"), ("put", "limits")]
SUPERUSERS_ONLY += [("post", "scheduler-reconcile")]
# Keys are nobody, so they have no settings of their own.
FOR_PEOPLE_ONLY = [("put", "notification-preferences"), ("patch", "notification-preferences")]
# Nobody gives or takes away what they do not hold, so the scope alone is not enough.
FOR_THOSE_WHO_HOLD_AS_MUCH = [
    (method, name) for method, name in RULES if name.startswith("member-") and method != "get"
]
GUARDED = [endpoint for endpoint, scope in RULES.items() if scope != PUBLIC]
CHANNEL = {"name": "Chat", "kind": "webhook", "config": {"url": "https://receiver.invalid/"}}
IN_A_TENANT = [
    endpoint
    for endpoint, canonical in ALIASES.items()
    if canonical in (("post", "job-list"), ("post", "notification-list"))
]
IN_A_TENANT += [("post", "rule-preview")]
IN_A_TENANT += [("post", "channel-list")]
IN_A_TENANT += [
    ("post", f"{name}-list")
    for name in ("rule", "webhook", "job", "calendar", "pool", "saved-view", "task", "key", "member", "notification")
]
OF_ROWS = (
    "job-",
    "execution-",
    "tick-",
    "calendar-",
    "pool-",
    "saved-view-",
    "task-",
    "dead-letter-",
    "replay-",
    "dependency-",
)
OF_ROWS += ("rule-", "event-hook-", "webhook-", "delivery-", "key-", "member-", "tenant-")
OF_ROWS += ("channel-", "sending-")
OF_A_ROW = [
    endpoint
    for endpoint in GUARDED
    if endpoint[1].startswith(OF_ROWS)
    and not endpoint[1].startswith(("job-type-", "task-function-"))
    and not endpoint[1].endswith(
        ("list", "rule-preview", "-graph", "-groups", "-bulk", "-validate", "-import", "-export")
    )
]
OF_A_ROW += [("get", "audit-detail"), ("get", "notification-detail"), ("post", "notification-read")]
Endpoint = tuple[str, str]  # method and route name
WRITES = re.compile(
    "(INSERT|UPDATE|DELETE|MERGE|COPY|TRUNCATE|WITH .*(INSERT INTO|UPDATE|DELETE FROM) )", re.IGNORECASE
)
SHARED_VIEW = {"name": "Paused", "page": "jobs", "query": "state=paused", "is_shared": True}
BODIES: dict[tuple[str, str], Any] = {
    ("post", "job-list"): JOB,
    ("put", "job-detail"): JOB,
    ("patch", "job-detail"): {"description": "other"},
    ("post", "job-bulk"): {"action": "pause", "filter": {"queue": "default"}},
    ("post", "execution-bulk"): {"action": "cancel", "filter": {"status": "queued"}},
    ("post", "job-import"): {"document": {"format": "daybook-jobs", "version": 1}, "tenant": "acme"},
    ("post", "job-validate"): {**JOB, "name": "Judged", "tenant": "acme"},
    ("post", "job-impact"): {"schedule": {"kind": "cron", "cron": "5 * * * *"}},
    ("post", "schedule-preview"): {"schedule": JOB["schedule"]},
    ("post", "job-backfills"): {"since": "2026-01-01T00:00:00Z", "until": "2026-01-03T00:00:00Z", "plan_only": True},
    ("patch", "dependency-detail"): {"condition": "always"},
    ("post", "calendar-list"): {"name": "Office"},
    ("put", "calendar-detail"): {"name": "Office"},
    ("patch", "calendar-detail"): {"weekdays": [0]},
    ("post", "saved-view-list"): SHARED_VIEW,
    ("patch", "saved-view-detail"): {"name": "Held"},
    ("post", "pool-list"): {"name": "Vendor", "size": 3},
    ("patch", "pool-detail"): {"size": 4},
    ("post", "task-list"): {"template": "echo"},
    ("post", "job-type-list"): {"name": "daily", "title": "Daily", "kind": "interval", "fields": {"type": "object"}},
    ("patch", "job-type-detail"): {"title": "Each hour"},
    ("post", "task-function-list"): {"name": "reports.send"},
    ("patch", "task-function-detail"): {"description": "Other"},
    ("patch", "execution-detail"): {"priority": "high"},
    ("patch", "execution-list"): {"priority": "high"},
    ("post", "job-hooks"): {"name": "CI"},
    ("post", "rule-list"): {"name": "Nights", "kinds": ["failed", "recovered"], "tag": "night", "users": ["olaf"]},
    ("post", "rule-preview"): {"name": "Nights", "kinds": ["failed"], "users": ["olaf"], "days": 3},
    ("put", "rule-detail"): {"name": "Days"},
    ("patch", "rule-detail"): {"in_row": 3},
    ("put", "default-rule"): {"name": "Owners"},
    ("patch", "default-rule"): {"in_row": 2},
    ("put", "notification-preferences"): {"toasts_from": "error"},
    ("patch", "notification-preferences"): {"on_desktop": True},
    ("post", "notification-list"): {"title": "The backup is done", "type": "backup.done", "severity": "success"},
    ("post", "webhook-list"): {"name": "Chat", "url": "https://receiver.invalid/"},
    ("patch", "event-hook-detail"): {"enabled": False},
    ("patch", "webhook-detail"): {"enabled": False},
    ("post", "channel-list"): CHANNEL,
    ("patch", "channel-detail"): {"enabled": False},
    ("post", "channel-preview"): {"title_text": "{job} again", "about": "failed"},
    ("post", "scheduler-maintenance"): {"note": "New disks"},
    ("post", "queue-pause"): {"note": "New disks"},
    ("post", "dead-letter-discard"): {"note": "Known."},
    ("post", "dead-letter-discard-group"): {"note": "Known."},
    ("post", "key-list"): {"name": "Importer", "scopes": [KEYS_WRITE]},
    ("patch", "key-detail"): {"name": "Exporter"},
    ("post", "tenant-list"): {"slug": "initech", "name": "Initech"},
    ("patch", "tenant-detail"): {"name": "Acme & Sons"},
    ("put", "limits"): {"limits": [{"endpoint": "read", "per_minute": 50}]},
    ("put", "tenant-limits"): {"limits": [{"endpoint": "read", "per_minute": 50}]},
    ("post", "member-list"): {"user": "newcomer", "role": "viewer"},
    ("patch", "member-detail"): {"role": "operator"},
}


BODIES |= {endpoint: BODIES[canonical] for endpoint, canonical in ALIASES.items() if canonical in BODIES}


STREAMS = {("get", "live")}  # tests/notifications/live has a real process for it


class Stage:
    """A row of each kind of acme, and the paths that reach them. `rows` are found by the first word of a route."""

    def __init__(self, job: Job, execution: Execution) -> None:
        self.job, self.execution, self.tick = job, execution, missed_tick_of(job)
        self.rows: dict[str, Model] = {
            "job": job,
            "execution": execution,
            "tick": self.tick,
            "worker": worker(),
            **hook_and_delivery_of(job),
            **channel_and_sending_of(job),
            "calendar": calendars.create({"name": "Stage"}, tenant=job.tenant, actor="user:ana"),
            "task": task_of(job.tenant),
            **catalogued(),
            "dependency": dependency_of(job),
            "pool": pools.create({"name": "Stage", "size": 3}, tenant=job.tenant, actor="user:ana"),
            "saved": saved_views.create(SHARED_VIEW, tenant=job.tenant, owner_id=None, actor="user:ana"),
            **dead_letter_and_replay_of(job.tenant),
            **key_and_member_of(job.tenant),
            "rule": changes.create(
                {"name": "Stage", "job": job.pk, "channels": []}, tenant=job.tenant, by=Editor("user:ana")
            ),
            "notification": notification_of(job.tenant),
            "audit": AuditEntry.objects.filter(tenant=job.tenant).latest("id"),
        }

        other = registry.create({**JOB, "name": "Other"}, tenant=job.tenant, actor="user:ana")
        self.bodies = {
            **BODIES,
            ("put", "ui-job-list"): {"id": job.pk, "description": "other"},
            ("post", "job-dependencies"): {"upstream": other.pk},
            ("post", "dependency-list"): {"upstream": other.pk, "downstream": job.pk},
        }

    def path(self, name: str) -> str:
        if name.endswith(("notification-unread", "notification-read-all", "notification-clear")):
            return reverse(name)
        if (canonical := aliases.stands_for("get", name)) and not name.endswith("-list"):
            return reverse(name, args=[self.rows[canonical[1].partition("-")[0]].pk])
        if name.startswith(("job-type-", "task-function-")) and name.endswith("-detail"):
            return reverse(name, args=[self.rows[name.removesuffix("-detail")].pk])
        if name == "rule-preview":
            return reverse(name)
        if name == "default-rule":
            return f"{reverse(name)}?tenant=acme"
        if name in ("queue-pause", "queue-resume"):
            return reverse(name, args=["default"])
        if name == "circuit-reset":
            return reverse(name, args=["mail"])
        if name == "live":
            return f"{reverse(name)}?topics=workers"
        if name in ("live-tickets", "forecast", "upcoming", "queues", "me", "limits", "notification-preferences"):
            return reverse(name)
        if name in ("audit-sample", "audit-export", "audit-seal"):
            return reverse(name)
        if name.startswith("backfill-"):
            return reverse(name, args=[Backfill.objects.get(job=self.job).pk])
        if name in ("template-detail", "template-versions"):
            return reverse(name, args=["echo"])
        if name == "execution-list":
            return f"{reverse(name)}?job={self.job.pk}"  # a change of many must be narrowed down
        if (
            name.endswith(
                ("list", "-docs", "-schema", "-status", "-maintenance", "-graph", "-groups", "-bulk", "-export")
            )
            or name in ("job-import", "job-validate", "schedule-preview", "runtime-config", "settings-sections")
            or name.startswith("scheduler-")
        ):
            return reverse(name)
        if name == "job-restore":
            return reverse(name, args=[self.job.pk, 1])
        if name == "job-tick-explain":
            return reverse(name, args=[self.job.pk, self.tick.pk])
        path = reverse(name, args=[self.rows.get(name.partition("-")[0], self.job).pk])
        return f"{path}?job={self.job.pk}" if name == "calendar-preview" else path


def dependency_of(job: Job) -> Dependency:
    upstream = registry.create({**JOB, "name": "Upstream"}, tenant=job.tenant, actor="user:ana")
    return dependencies.add(upstream.pk, job.pk, {}, actor="user:ana")


def worker() -> Worker:
    registration.beat("w1@stage:abc", queues=["default"], concurrency=2)
    return Worker.objects.get()


def notification_of(tenant: Tenant) -> Notification:
    """For everybody in it."""
    entry = Entry(tenant.pk, None, "job.failed", "error", "Greet failed", meta={"path": "/admin/"})
    return Notification.objects.get(pk=tell([entry])[0])


def catalogued() -> dict[str, Model]:
    hourly = {"title": "Hourly", "kind": "interval", "fields": {"type": "object"}}
    function = {"for_all_tenants": True}
    return {
        "job-type": JobType.objects.get_or_create(name="hourly", defaults=hourly)[0],
        "task-function": TaskFunction.objects.get_or_create(name="reports.build", defaults=function)[0],
    }


def task_of(tenant: Tenant) -> Execution:
    execution_id = submission.submit({"template": "echo"}, tenant=tenant, actor="user:ana")
    return Execution.objects.get(pk=execution_id)


def dead_letter_and_replay_of(tenant: Tenant) -> dict[str, Model]:
    replay = dead_letters.start(letter_of(task_of(tenant)).pk, actor="user:ana")
    return {"dead": letter_of(task_of(tenant)), "replay": replay}


def letter_of(execution: Execution) -> DeadLetter:
    Execution.objects.filter(pk=execution.pk).update(attempt=1)
    executions.give_up(execution.pk, by="user:ana")
    return DeadLetter.objects.get(execution_id=execution.pk)


def hook_and_delivery_of(job: Job) -> dict[str, Model]:
    hook, _ = hooks.create(job.pk, {"name": "Stage"}, actor="user:ana")
    receiver = {"name": "Stage", "url": "https://receiver.invalid/"}
    webhook, _ = webhooks.create(receiver, tenant=job.tenant, actor="user:ana")
    entry = {"at": "2026-11-21T09:00:00+00:00", "seconds": 0.12, "status": 500, "answer": "no", "error": ""}
    ends = {"status": "dead", "give_up_at": timezone.now(), "payload": {"event": "execution.failed"}, "log": [entry]}
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, tenant=job.tenant, execution_id=1, event="failed", **ends
    )
    return {"event": hook, "webhook": webhook, "delivery": delivery}


def channel_and_sending_of(job: Job) -> dict[str, Model]:
    channel, _ = channels.create({**CHANNEL, "name": "Stage"}, tenant=job.tenant, actor="user:ana")
    entry = {"at": "2026-11-21T09:00:00+00:00", "seconds": 0.12, "status": 500, "answer": "no", "error": ""}
    ends = {"status": "dead", "give_up_at": timezone.now(), "ended_at": timezone.now(), "log": [entry]}
    facts = example_facts(Kind.FAILED, tenant=job.tenant.slug)
    sending = Delivery.objects.create(
        channel=channel, tenant=job.tenant, type="job.failed", severity="error", group_key="x", facts=facts, **ends
    )
    return {"channel": channel, "sending": sending}


def key_and_member_of(tenant: Tenant) -> dict[str, Model]:
    """And somebody who is no member of anything yet."""
    User.objects.get_or_create(username="newcomer")
    member = Membership.objects.create(
        tenant=tenant, user=User.objects.create_user(f"member of {tenant.slug}"), role=Role.VIEWER
    )
    key, _ = keys.create(tenant=tenant, name="Stage", scopes=[KEYS_WRITE])
    return {"key": key, "member": member, "tenant": tenant}


def missed_tick_of(job: Job) -> Tick:
    at = timezone.now()
    values = {"outcome": "missed", "reason": "misfire_none", "revision": 1, "epoch": 1, "decided_at": at}
    return Tick.objects.create(tenant=job.tenant, job=job, due_at=at, **values)


@pytest.fixture
def stage(job_of: MakeJob, run_of: RunJob) -> Stage:
    job = job_of()
    backfill_of(job)
    return Stage(job, run_of(job))


class Walk:
    """Tries endpoints on one stage. Each request is undone; what went wrong is kept, so that one walk tells it all."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.tried = 0
        self.problems: list[str] = []

    def send(self, endpoint: Endpoint, client: ApiClient, path: str = "", body: Any = None) -> Answer:
        """As it is sent to the row of the stage, unless told another path."""
        method, name = endpoint
        path = path or self.stage.path(name)
        if endpoint == ("delete", "ui-job-list"):
            path = f"{path}?id={self.stage.job.pk}"
        self.tried += 1
        with transaction.atomic(), recorded_writes() as writes:
            body = self.stage.bodies.get(endpoint) if body is None else body
            answer = client.send(method.upper(), path, body)
            transaction.set_rollback(True)
        content = answer.getvalue() if answer.streaming else answer.content
        return Answer(answer.status_code, content, dict(answer.headers), writes)

    def expect(self, it_holds: bool, *what: Any) -> None:
        if not it_holds:
            self.problems.append(" · ".join(str(part)[:300] for part in what))

    def finish(self) -> None:
        print(f"\n{self.tried} pairs of endpoint and credential tried")
        assert not self.problems, "\n" + "\n".join(self.problems)


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    headers: dict[str, str]
    writes: list[str]

    @property
    def error(self) -> Any:
        """The error of the answer, empty where it is none."""
        try:
            return json.loads(self.content).get("error") or {}
        except (ValueError, AttributeError):
            return {}

    @property
    def is_refusal(self) -> tuple[int, str]:
        return self.status, self.error.get("code", "")


@contextmanager
def recorded_writes() -> Iterator[list[str]]:
    """The statements that change rows, but for the record of refusals itself."""
    writes: list[str] = []

    def record(execute: Any, text: str, parameters: Any, many: bool, context: Any) -> Any:
        statement = " ".join(str(text).split())
        if WRITES.match(statement) and "audit" not in statement:
            writes.append(statement[:120])
        return execute(text, parameters, many, context)

    with connection.execute_wrapper(record):
        yield writes


def prepare(endpoint: Endpoint, stage: Stage) -> None:
    """Bring the rows of the stage to where the endpoint has something to do."""
    _, name = endpoint
    if endpoint == ("delete", "scheduler-maintenance"):
        maintenance.start(actor="user:root", note="x")
    if endpoint == ("delete", "default-rule"):
        changes.change_default({"in_row": 2}, tenant=stage.job.tenant, by=Editor("user:ana"))
    if endpoint == ("post", "queue-resume"):
        workers.pause("default", actor="user:root", note="x")
    if RULES[endpoint] == Scope.SCHEDULER_APPROVE:
        Execution.objects.filter(pk=stage.execution.pk).update(held_for="approval")
    if name == "execution-rerun":
        now = timezone.now()
        Execution.objects.filter(pk=stage.execution.pk).update(status="cancelled", reason="cancelled", finished_at=now)
    if name == "job-restore":
        registry.change(stage.job.pk, {"description": "Other than in the first revision"}, actor="user:ana")
    if name in ("execution-retry-now", "execution-give-up"):
        Execution.objects.filter(pk=stage.execution.pk).update(attempt=1)
    if name == "dead-letter-restore":
        DeadLetter.objects.filter(pk=stage.rows["dead"].pk).update(state="discarded", closed_at=timezone.now())


def test_every_endpoint_has_a_rule() -> None:
    assert set(served(get_resolver().url_patterns)) == set(RULES)


def test_nobody_gets_in_without_good_credentials(
    stage: Stage, cast: Cast, client_of: ClientOf, make_key: MakeKey, settings: Any
) -> None:
    sleeping = Tenant.objects.create(slug="sleeping", name="Sleeping", is_active=False)
    disabled = User.objects.create_user("disabled")
    Membership.objects.create(tenant=cast.acme, user=disabled, role=Role.ADMIN)
    callers = {
        "nobody": client_of(None),
        "a revoked key": client_of(make_key(revoked=True)[1]),
        "an expired key": client_of(make_key(expires_at=timezone.now() - timedelta(seconds=1))[1]),
        "a key of an inactive tenant": client_of(make_key(tenant=sleeping)[1]),
        "a forged key": client_of(f"{keys.BRAND}_00000000_{'A' * 43}"),
        "a key with a letter changed": client_of(changed(make_key()[1])),
        "a disabled user": client_of(disabled),
        "a token of a disabled user": client_of(tokens.start(disabled).access),
        "a token with a letter changed": client_of(changed(tokens.start(cast.ana).access, at=-5)),
        "a token for other tokens": client_of(tokens.start(cast.ana).refresh),
    }
    settings.DAYBOOK_TOKEN_LIFE = timedelta(seconds=-1)
    callers["an expired token"] = client_of(tokens.start(cast.ana).access)
    User.objects.filter(pk=disabled.pk).update(is_active=False)
    walk = Walk(stage)
    for endpoint in GUARDED:
        for who, client in callers.items():
            answer = walk.send(endpoint, client)
            is_refused = answer.is_refusal in ((401, "not_authenticated"), (401, "authentication_failed"))
            walk.expect(is_refused, endpoint, who, answer.status, answer.content)
            walk.expect(answer.headers.get("WWW-Authenticate", "").startswith("Bearer"), endpoint, who, answer.headers)
            walk.expect(not answer.writes, endpoint, who, answer.writes)
    walk.finish()


def test_a_caller_without_the_scope_is_told_what_is_missing(
    stage: Stage, cast: Cast, client_of: ClientOf, make_key: MakeKey
) -> None:
    by_session = {who: client_of(getattr(cast, who)) for who in MEMBERS}
    scopes = set(RULES.values()) - {PUBLIC, SIGNED_IN}
    by_key = {scope: client_of(make_key(*(set(Scope.values) - {scope}))[1]) for scope in scopes}
    held = ROLE_SCOPES[Role.AUTHOR]
    by_token = {
        scope: client_of(tokens.start(cast.ana, scopes=sorted(held - {scope}), tenant=cast.acme).access)
        for scope in scopes & held
    }
    hears_nothing = client_of(make_key(*(set(Scope.values) - {READ, NOTIFIED}))[1])
    walk = Walk(stage)
    for endpoint in GUARDED:
        scope = RULES[endpoint]
        if scope == SIGNED_IN:
            continue
        refused = {"a key": by_key[scope], **({"a token": by_token[scope]} if scope in by_token else {})}
        if endpoint == LISTENING:
            refused = {"a key that hears nothing": hears_nothing}
        if endpoint not in FOR_ONESELF:
            refused |= {who: client for who, client in by_session.items() if scope not in ROLE_SCOPES[MEMBERS[who][1]]}
        for who, client in refused.items():
            answer = walk.send(endpoint, client)
            message = answer.error.get("message", "")
            walk.expect(answer.is_refusal == (403, "missing_scope"), endpoint, who, answer.status, answer.content)
            walk.expect(f"needs the scope {scope}" in message, endpoint, who, message)
            walk.expect("scheduler:" in message.partition("holds")[2], endpoint, who, message)
            walk.expect(not answer.writes, endpoint, who, answer.writes)
    walk.finish()


def test_a_caller_with_the_scope_gets_in(stage: Stage, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
    by_session = {who: client_of(getattr(cast, who)) for who in ("ana", "olaf", "vera")}
    by_key = {scope: client_of(make_key(scope)[1]) for scope in set(RULES.values()) - {PUBLIC, SIGNED_IN}}
    of_ana = client_of(tokens.start(cast.ana).access)
    all_scopes = client_of(make_key()[1])
    root = client_of(cast.root)
    walk = Walk(stage)
    for endpoint in GUARDED:
        scope = RULES[endpoint]
        is_enough = scope != SIGNED_IN and endpoint not in FOR_THOSE_WHO_HOLD_AS_MUCH
        allowed = {"a key": by_key[scope] if is_enough else all_scopes}
        allowed |= {who: client for who, client in by_session.items() if scope in ROLE_SCOPES[MEMBERS[who][1]]}
        allowed |= {"a token of ana's": of_ana} if "ana" in allowed else {}
        if endpoint in SUPERUSERS_ONLY:
            allowed = {}
        if endpoint in FOR_PEOPLE_ONLY:
            allowed.pop("a key")
        if endpoint in STREAMS:
            continue
        body = stage.bodies.get(endpoint)
        if endpoint in IN_A_TENANT:
            body = {**body, "tenant": "acme"}
        for who, client in {**allowed, "root": root}.items():
            with transaction.atomic():
                prepare(endpoint, stage)
                answer = walk.send(endpoint, client, body=body)
                transaction.set_rollback(True)
            walk.expect(answer.status in (200, 201, 202, 204), endpoint, who, answer.status, answer.content)
    walk.finish()


def test_what_concerns_every_tenant_is_closed_to_keys_and_members(
    stage: Stage, cast: Cast, client_of: ClientOf, make_key: MakeKey
) -> None:
    maintenance.start(actor="user:root", note="x")
    walk = Walk(stage)
    for endpoint in SUPERUSERS_ONLY:
        for caller in (make_key()[1], *([cast.ana] if RULES[endpoint] in ROLE_SCOPES[MEMBERS["ana"][1]] else [])):
            answer = walk.send(endpoint, client_of(caller))
            walk.expect(answer.is_refusal == (403, "superuser_only"), endpoint, answer.status, answer.content)
            walk.expect(not answer.writes, endpoint, answer.writes)
    walk.finish()


def test_a_row_of_another_tenant_is_refused_by_id(
    stage: Stage, cast: Cast, client_of: ClientOf, make_key: MakeKey
) -> None:
    gita, key = client_of(cast.gita), client_of(make_key(tenant=cast.globex)[1])
    walk = Walk(stage)
    for endpoint in OF_A_ROW:
        is_open_to_gita = RULES[endpoint] in ROLE_SCOPES[MEMBERS["gita"][1]]
        for who, client in {"a key": key, **({"gita": gita} if is_open_to_gita else {})}.items():
            answer = walk.send(endpoint, client)
            walk.expect(answer.is_refusal == (403, "other_tenant"), endpoint, who, answer.status, answer.content)
            message = answer.error.get("message", "")
            walk.expect("Use a key of that tenant" in message, endpoint, who, message)
            walk.expect(not answer.writes, endpoint, who, answer.writes)
    walk.finish()


def test_an_unknown_id_is_not_found(stage: Stage, client_of: ClientOf, make_key: MakeKey) -> None:
    client = client_of(make_key()[1])
    walk = Walk(stage)
    for endpoint in OF_A_ROW:
        for number in (987_654_321, 10**18 - 1, 10**30):
            path = stage.path(endpoint[1])
            for row in stage.rows.values():
                path = path.replace(f"/{row.pk}", f"/{number}")
            answer = walk.send(endpoint, client, path)
            walk.expect(answer.is_refusal == (404, "not_found"), endpoint, number, answer.status, answer.content)
            walk.expect(not answer.writes, endpoint, answer.writes)
    walk.finish()


def changed(text: str, at: int = -1) -> str:
    letters = list(text)
    letters[at] = "A" if letters[at] != "A" else "B"
    return "".join(letters)


@pytest.mark.parametrize(
    "name",
    [
        "webhook-list",
        "job-list",
        "execution-list",
        "calendar-list",
        "pool-list",
        "task-list",
        "dead-letter-list",
        "notification-list",
    ],
)
def test_lists_leave_other_tenants_out(name: str, stage: Stage, cast: Cast, client_of: ClientOf) -> None:
    counts = {
        who: client_of(getattr(cast, who)).get(reverse(name)).json()["total_count"] for who in ("vera", "gita", "root")
    }
    there_are = {"job-list": 3, "execution-list": 4, "task-list": 3, "dead-letter-list": 2}.get(name, 1)
    assert counts == {"vera": there_are, "gita": 0, "root": there_are}


def test_head_is_held_to_the_rule_of_get(stage: Stage, client_of: ClientOf, make_key: MakeKey) -> None:
    for text, status in ((None, 401), (make_key(RUN)[1], 403), (make_key(READ)[1], 200)):
        answer = client_of(text).head(stage.path("job-detail"))
        assert (answer.status_code, answer.content) == (status, b"")


def test_a_user_without_a_tenant_sees_nothing(stage: Stage, client_of: ClientOf) -> None:
    stranger = User.objects.create_user("stranger")
    answer = client_of(stranger).get(reverse("job-list"))
    assert answer.status_code == 403
    assert "user:stranger holds no scope" in answer.json()["error"]["message"]

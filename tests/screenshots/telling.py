"""What people are told on the stage: channels and rules, an inbox, and messages that went out or did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from accounts.models import Tenant
from jobs.models import Execution, Job
from notifications.channels import changes as channels
from notifications.inbox import marking, readers
from notifications.inbox.writing import Entry, tell
from notifications.models import Channel, Delivery, JobCondition, Notification, Rule
from notifications.rulebook import changes as rules
from notifications.rulebook.changes import Editor

BY = Editor("user:ana")
CHANNELS: Mapping[str, dict[str, Any]] = {
    "Ops mail": {"kind": "email", "config": {"to": ["ops@acme.example"], "people": False}},
    "#orders": {"kind": "slack", "config": {"url": "https://hooks.slack.com/services/T0/B0/of-the-stage"}},
    "On call": {"kind": "pagerduty", "config": {"routing_key": "0" * 32, "region": "eu"}},
    "Billing system": {"kind": "webhook", "config": {"url": "https://billing.acme.example/daybook"}},
}
ERROR = "ConnectTimeout: The vendor's server did not answer within 10 s"
HOUR = timedelta(hours=1)
UNREAD = 5
UNAVAILABLE = "upstream connect error or disconnect/reset before headers"


@dataclass
class Told:
    mail: Channel
    rule: Rule
    retried: Delivery


def build(acme: Tenant, jobs: Mapping[str, Job], failed: Execution, root: User, now: datetime) -> Told:
    made = {
        name: channels.create({"name": name, **data}, tenant=acme, actor=BY.actor)[0] for name, data in CHANNELS.items()
    }
    rule = _rules(acme, jobs, made)
    _inbox(root, acme, now)
    JobCondition.objects.create(
        job=failed.job, failures_in_row=1, failing_since=now - HOUR, last_execution_id=failed.pk,
        last_at=now - HOUR,
    )  # fmt: skip
    Channel.objects.filter(pk=made["Billing system"].pk).update(
        failures_in_row=5, open_until=now + timedelta(minutes=4)
    )
    Channel.objects.filter(pk=made["#orders"].pk).update(minute_started_at=now, minute_sent=3)
    return Told(made["Ops mail"], rule, _deliveries(acme, jobs, failed, made, rule, now))


def _rules(acme: Tenant, jobs: Mapping[str, Job], made: Mapping[str, Channel]) -> Rule:
    night = {"from": "22:00", "until": "07:00"}
    feed = {
        "name": "Price feed, to those on call", "job": jobs["Price feed"].pk, "kinds": ["failed", "recovered"],
        "in_row": 3, "channels": [made["On call"].pk],
    }  # fmt: skip
    finance = {
        "name": "Finance by mail", "tag": "finance", "kinds": ["failed", "recovered", "missed"], "users": ["olaf"],
        "channels": [made["Ops mail"].pk, made["Billing system"].pk],
    }  # fmt: skip
    orders = {
        "name": "Orders", "tag": "orders", "kinds": ["failed", "recovered", "slow"], "only_changes": False,
        "users": ["olaf"], "channels": [made["#orders"].pk, made["Ops mail"].pk], "quiet_hours": night,
        "zone": "Europe/Berlin", "quiet_passes": "error", "group_minutes": 30,
    }  # fmt: skip
    for data in (feed, finance):
        rules.create(data, tenant=acme, by=BY)
    return rules.create(orders, tenant=acme, by=BY)


def _inbox(root: User, acme: Tenant, now: datetime) -> None:
    """The failures of two days by job, and what works again; all but the newest were read."""
    by_job: dict[int, list[Execution]] = {}
    dead = Execution.objects.filter(status="dead", finished_at__gt=now - timedelta(days=2), job__isnull=False)
    for run in dead.select_related("job").order_by("-finished_at"):
        by_job.setdefault(run.job_id or 0, []).append(run)
    entries = [
        Entry(acme.pk, None, "backup.done", "success", "The backup is done", "12 GB in 4 minutes", at=now - HOUR)
    ]
    for runs in by_job.values():
        last, times = runs[0], f" {len(runs)} times" if len(runs) > 1 else ""
        name = last.job.name if last.job else ""
        meta = {"job": {"id": last.job_id, "name": name}, "path": f"/admin/jobs/execution/{last.pk}/change/"}
        told: dict[str, Any] = {"tenant_id": last.tenant_id, "user_id": root.pk, "meta": meta}
        words = {"title": f"{name} failed{times}", "body": f"{last.error_class}: {last.error}"}
        entries.append(
            Entry(**told, **words, type="job.failed", severity="error", count=len(runs), at=last.finished_at)
        )
        next_one = Execution.objects.filter(job=last.job, status="succeeded", finished_at__gt=last.finished_at)
        if mended := next_one.order_by("finished_at").first():
            words = {
                "title": f"{name} works again",
                "body": f"After {len(runs)} failure{'s' if len(runs) > 1 else ''} in a row.",
            }
            entries.append(Entry(**told, **words, type="job.recovered", severity="success", at=mended.finished_at))
    entries.sort(key=lambda entry: entry.at or now)
    ids = tell(entries)
    reader = readers.of_user(root)
    for pk in ids[:-UNREAD]:
        marking.read_one(reader, pk)
    for row in Notification.objects.all():
        Notification.objects.filter(pk=row.pk).update(created_at=row.last_at - timedelta(hours=row.count - 1))


def _deliveries(
    acme: Tenant, jobs: Mapping[str, Job], failed: Execution, made: Mapping[str, Channel], rule: Rule, now: datetime
) -> Delivery:
    """The newest last; the one that is returned is tried again."""
    rule_of = {name: "Finance by mail" if "invoices" in name else rule.name for name in jobs}

    def facts(name: str, kind: str) -> dict[str, Any]:
        error = {"error": ERROR, "failures_in_row": 3} if kind == "failed" else {"reason": "After 3 failures in a row."}
        return {
            "kind": kind, "job": {"id": jobs[name].pk, "name": name, "slug": jobs[name].slug},
            "execution": {"id": failed.pk}, "tenant": acme.slug, "rule": rule_of[name], "at": now.isoformat(),
            "path": f"/admin/jobs/execution/{failed.pk}/change/", **error,
        }  # fmt: skip

    def sent(
        channel: str, name: str, kind: str, minutes: int, tries: Iterable[dict[str, Any]], **more: Any
    ) -> Delivery:
        at = now - timedelta(minutes=minutes)
        log = [
            {"answer": "", "error": "", **one, "at": (at + timedelta(seconds=one["at"])).isoformat()} for one in tries
        ]
        ends = {"status": "delivered", "ended_at": at, **more}
        made_at = {"created_at": at, "last_at": at, "not_before": at, "give_up_at": at + timedelta(days=1)}
        severity = "error" if kind == "failed" else "success"
        return Delivery.objects.create(
            tenant=acme, channel=made[channel], rule=rule, type=f"job.{kind}", severity=severity, log=log,
            group_key=f"{rule.pk}:{name}:{kind}", facts=facts(name, kind), tries=len(log), **made_at, **ends,
        )  # fmt: skip

    ok = {"at": 1, "seconds": 0.212, "status": 200, "answer": "ok"}
    queued = {"at": 1, "seconds": 0.094, "status": 250, "answer": "2.0.0 Ok: queued as 4bKq2V"}
    gone = {"at": 1, "seconds": 0.051, "status": 404, "answer": "no_service"}
    busy = [{"at": at, "seconds": 0.38, "status": 503, "answer": UNAVAILABLE} for at in (1, 12, 33, 74, 161)]
    sent(
        "#orders",
        "Pull orders",
        "failed",
        1_440,
        [gone],
        status="dead",
        reason="The receiver answered with the status 404.",
    )
    sent("#orders", "Pull orders", "recovered", 1_290, [ok])
    sent("Ops mail", "Stock levels", "recovered", 700, [queued])
    sent("On call", "Price feed", "failed", 130, [{**ok, "status": 202, "answer": '{"status":"success"}'}])
    sent("On call", "Price feed", "recovered", 58, [{**ok, "status": 202, "answer": '{"status":"success"}'}])
    sent("Ops mail", "Price feed", "failed", 9, [queued], count=2)
    sent(
        "#orders",
        "Price feed",
        "failed",
        9,
        [{**ok, "status": 429, "answer": "rate_limited"}, {**ok, "at": 32}],
        count=2,
    )
    return sent(
        "Billing system", "Send invoices", "failed", 4, busy, status="waiting", ended_at=None, count=2,
        next_try_at=now + timedelta(minutes=4), reason="The receiver answered with the status 503.",
    )  # fmt: skip

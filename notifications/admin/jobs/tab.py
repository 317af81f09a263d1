"""The tab of a job: who would hear what of it, by which rules, and what was told lately."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from jobs.admin.jobs.page import Tab
from jobs.models import Job
from notifications.admin.channels import states
from notifications.admin.inbox import lines
from notifications.admin.rules import finding
from notifications.admin.rules.list_page import row
from notifications.admin.rules.names import Names
from notifications.fanout.explanation import KindAnswer, explain
from notifications.fanout.standing import TargetLine
from notifications.inbox import readers, reading
from notifications.models import Delivery
from notifications.rulebook import book, preferences
from notifications.rules.happening import JobFacts
from notifications.rules.matching import covers, in_order

SHOWN = 5
RECENT = 2_000
"""So many of an inbox, and of what a tenant sent, are looked through: what is told of a job has no index."""


@dataclass(frozen=True)
class Heard:
    """One kind: who hears of it, and who would but does not, each way once."""

    answer: KindAnswer
    told: list[TargetLine]
    kept: list[TargetLine]


def facts(request: HttpRequest, job: Job, now: datetime) -> dict[str, Any]:
    explanation = explain(job)
    rules = [rule for rule in in_order(book.rules_of([job.tenant_id])[job.tenant_id]) if covers_job(rule, job)]
    names = Names.of(rules)
    return {
        "explanation": explanation,
        "heard": [Heard(one, one.told, _kept(one)) for one in explanation.answers],
        "rules": [
            {**row(rule, names), "url": finding.url_of(job.tenant, None if rule.is_default else rule.rule_id)}
            for rule in rules
        ],
        "may_write_rules": access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id),
        "is_muted": job.pk in preferences.of_user(_user(request).pk).muted_jobs,
        "told_lately": _inbox(request, job),
        "sent_lately": _sent(job),
    }


TAB = Tab("notifications", "Notifications", facts, template="notifications/jobs/tab.html")


def covers_job(rule: Any, job: Job) -> bool:
    about = JobFacts(job.pk, job.name, job.slug, job.owner_id, frozenset(job.tags))
    return covers(rule, tenant_id=job.tenant_id, job=about)


def _kept(answer: KindAnswer) -> list[TargetLine]:
    """Whom a rule leaves out that no other rule tells by the same way."""
    told = {line.target for line in answer.told}
    return [line for line in answer.lines if not line.is_told and line.target not in told]


def _inbox(request: HttpRequest, job: Job) -> list[lines.Line]:
    """Of the viewer's own inbox."""
    found = []
    for part in reading.parts(readers.of_user(_user(request))):
        newest = part.order_by(*reading.ORDER).values("pk")[:RECENT]
        found.append(part.filter(pk__in=newest, meta__job__id=job.pk))
    return lines.lines(reading.newest(found, most=SHOWN))


def _sent(job: Job) -> list[dict[str, Any]]:
    newest = Delivery.objects.filter(tenant=job.tenant_id).order_by("-pk").values("pk")[:RECENT]
    rows = Delivery.objects.filter(pk__in=newest, facts__job__id=job.pk).select_related("channel").order_by("-pk")
    return [{"delivery": one, "chip": states.delivery_chip(one.status)} for one in rows[:SHOWN]]


def _user(request: HttpRequest) -> Any:
    return request.user

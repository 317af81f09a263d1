"""What can be listened to, and who may: one function, by the same principal, scopes and words as the API."""

from __future__ import annotations

import re
from dataclasses import dataclass

from accounts.models import Tenant
from accounts.scopes import Scope
from jobs.models import Execution, Job
from scheduler_project.api import refusals
from scheduler_project.api.errors import Invalid
from scheduler_project.api.permissions import MissingScope
from scheduler_project.api.principal import Principal

FORM = re.compile(
    r"(?P<kind>tenant):(?P<slug>[-a-zA-Z0-9_]{1,63})|(?P<rows>job|exec):(?P<id>[1-9][0-9]{0,17})|workers|scheduler|notifications",
    re.ASCII,
)
KNOWN = "tenant:<slug>, job:<id>, exec:<id>, workers, scheduler, notifications"


@dataclass(frozen=True)
class Topic:
    """`name` is the slug or the id; empty for what there is one of."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def group(self) -> str:
        """Its name on the channel layer."""
        return f"live.{self.kind}.{self.name}" if self.name else f"live.{self.kind}"

    @property
    def id(self) -> int:
        return int(self.name)

    @property
    def has_places(self) -> bool:
        """Whether each client is told from its own place on, so that it misses nothing; see `followed`."""
        return self.kind in ("exec", "notifications")


@dataclass(frozen=True)
class Grant:
    """What was found out about a topic when it was opened, so that looking again at who listens asks nothing of it."""

    topic: Topic
    tenant_id: int | None
    """None for what belongs to no tenant."""
    scopes: tuple[str, ...] = (Scope.SCHEDULER_READ.value,)
    """Any of them is enough."""


def read(text: object) -> Topic:
    """Raises `Invalid`."""
    found = FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Invalid({"topics": [f"There is no topic {str(text)[:80]!r}. Topics are {KNOWN}."]})
    if found["slug"]:
        return Topic("tenant", found["slug"])
    return Topic(found["rows"], found["id"]) if found["rows"] else Topic(found[0])


def may_listen(principal: Principal, topic: Topic) -> Grant:
    """Raises what the API would answer: `NotFound`, `OtherTenant`, `MissingScope`."""
    grant = _grant(topic)
    recheck(principal, grant)
    return grant


def recheck(principal: Principal, grant: Grant) -> None:
    """Whether somebody who was let in may go on; asks nothing. Raises as `may_listen` does."""
    topic, scope = grant.topic, grant.scopes[0]
    if topic.kind in ("workers", "scheduler", "notifications"):
        if scope not in principal.held:
            raise MissingScope(scope, principal, held=principal.held)
    elif grant.tenant_id is None or not any(principal.may(scope, grant.tenant_id) for scope in grant.scopes):
        raise _refusal(principal, grant)


def _grant(topic: Topic) -> Grant:
    if topic.kind == "tenant":
        return Grant(topic, Tenant.objects.filter(slug=topic.name).values_list("pk", flat=True).first())
    if topic.kind == "job":
        return Grant(topic, Job.objects.filter(pk=topic.id).values_list("tenant_id", flat=True).first())
    if topic.kind == "exec":
        row = Execution.objects.filter(pk=topic.id).values_list("tenant_id", "job_id").first()
        if row is None:
            return Grant(topic, None)
        is_task = row[1] is None
        return Grant(topic, row[0], (Scope.SCHEDULER_READ.value, *((Scope.TASK_READ.value,) if is_task else ())))
    if topic.kind == "notifications":
        return Grant(topic, None, (Scope.NOTIFICATIONS_READ.value,))
    return Grant(topic, None)


def _refusal(principal: Principal, grant: Grant) -> Exception:
    topic, scope, tenant_id = grant.topic, grant.scopes[0], grant.tenant_id
    if topic.kind == "tenant":
        is_member = tenant_id is not None and principal.is_member(tenant_id)
        return refusals.of_tenant(principal, scope, slug=topic.name, tenant_id=tenant_id if is_member else None)
    noun = "job" if topic.kind == "job" else "execution"
    return refusals.of_row(principal, scope, noun=noun, pk=topic.name, tenant_id=tenant_id)

"""Jobs whose failures are told in inboxes and by two channels, beside jobs that are due each second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from accounts.models import Membership, Tenant
from accounts.scopes import Role
from jobs import registry
from jobs.models import Job
from notifications.channels import changes
from notifications.fanout import fan_out
from notifications.models import Channel, Rule
from tests.receivers import Receiver

HOOK, CHAT = "/hook", "/chat"
OWNERS, EACH_SECOND = 3, 3


@dataclass(frozen=True)
class World:
    """The failures of `owned` jobs lie in the inboxes of their owners, those of `shared` ones in that of the tenant."""

    tenant: Tenant
    owners: Sequence[User]
    owned: Sequence[int]
    shared: Sequence[int]

    @property
    def jobs(self) -> list[int]:
        return [*self.owned, *self.shared]


def build(receiver: Receiver, *, jobs: int) -> World:
    tenant, _ = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})
    owners = [User.objects.create_user(f"owner{number}") for number in range(OWNERS)]
    Membership.objects.bulk_create(Membership(tenant=tenant, user=user, role=Role.AUTHOR) for user in owners)
    for number in range(EACH_SECOND):
        _job(tenant, f"Each second {number}", {"kind": "interval", "every_seconds": 1})
    owned, shared = ([_job(tenant, f"{name} {n}", {"kind": "manual"}) for n in range(jobs // 2)] for name in "AB")
    for number, job in enumerate(owned):
        Job.objects.filter(pk=job).update(owner=owners[number % OWNERS])
    channels = [_channel(tenant, "webhook", receiver.url(HOOK)), _channel(tenant, "slack", receiver.url(CHAT))]
    for job in [*owned, *shared]:  # each folds by itself, so many messages go out
        _rule(tenant, job, to_everyone=job in shared).channels.set(channels)
    fan_out.begin_now()
    return World(tenant, owners, owned, shared)


def _job(tenant: Tenant, name: str, schedule: dict[str, object]) -> int:
    data = {"name": name, "template": "echo", "schedule": schedule, "policies": {"overlap": "allow"}}
    return registry.create(data, tenant=tenant, actor="user:test", may_run_sub_minute=True).pk


def _channel(tenant: Tenant, kind: str, url: str) -> Channel:
    data = {"name": kind, "kind": kind, "config": {"url": url}, "per_minute": 6000}
    return changes.create(data, tenant=tenant, actor="user:test")[0]


def _rule(tenant: Tenant, job: int, *, to_everyone: bool) -> Rule:
    return Rule.objects.create(
        tenant=tenant,
        name=f"Job {job}",
        job_id=job,
        kinds=["failed"],
        only_changes=False,
        to_everyone=to_everyone,
        group_minutes=0,
    )

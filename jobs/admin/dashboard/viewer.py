"""Who looks at the dashboard, when, whose rows they see, and what their address asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import HttpRequest

from accounts import access, focus
from accounts.scopes import Scope
from jobs import workers
from jobs.models import Execution, Job, Worker
from jobs.workers import QueueStatus
from scheduler_project.lib import sql

LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Viewer:
    request: HttpRequest
    now: datetime
    tenant_ids: list[int] | None
    """None for those who see every tenant."""

    @classmethod
    def of(cls, request: HttpRequest) -> Viewer:
        sees_all = access.is_superuser(request.user) and focus.tenant_id() is None
        ids = None if sees_all else list(access.tenants(request.user).values_list("pk", flat=True))
        return cls(request, sql.now(), ids)

    @property
    def jobs(self) -> Any:
        return access.visible(Job.objects.all(), self.request.user)

    @property
    def executions(self) -> Any:
        return access.visible(Execution.objects.all(), self.request.user)

    @cached_property
    def queues(self) -> list[QueueStatus]:
        return workers.list_queues(tenant_ids=self.tenant_ids)

    @cached_property
    def workers(self) -> list[tuple[Worker, str]]:
        """Those that have not stopped, and how each does."""
        alive = Worker.objects.filter(stopped_at=None).order_by("name")
        return [(worker, workers.state_of(worker, now=self.now)) for worker in alive]

    @property
    def is_superuser(self) -> bool:
        return access.is_superuser(self.request.user)

    @property
    def may_write(self) -> bool:
        return access.may_anywhere(self.request.user, Scope.SCHEDULER_WRITE)

    def chosen(self, name: str, among: Collection[str], otherwise: str = "") -> str:
        """What the address says, as far as there is such a choice."""
        asked = self.request.GET.get(name, "")
        return asked if asked in among else otherwise

    def number(self, name: str) -> int | None:
        asked = self.request.GET.get(name, "")
        if not asked.isascii() or not asked.isdecimal() or len(asked) > len(str(LARGEST_ID)):
            return None
        return number if 0 < (number := int(asked)) <= LARGEST_ID else None

"""The scopes that a credential can hold, and what each role of a member amounts to."""

from __future__ import annotations

from django.db.models import TextChoices


class Scope(TextChoices):
    SCHEDULER_READ = "scheduler:read", "See jobs, templates, ticks and executions"
    SCHEDULER_WRITE = "scheduler:write", "Create, change, pause, resume and archive jobs"
    SCHEDULER_RUN = "scheduler:run", "Run jobs now, cancel executions, change their priority"
    SCHEDULER_APPROVE = "scheduler:approve", "Approve and refuse runs that wait for it"
    TASK_CREATE = "task:create", "Run any template once, without a job"
    TASK_READ = "task:read", "See runs without a job"
    TASK_CANCEL = "task:cancel", "Cancel runs without a job"


class Role(TextChoices):
    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    AUTHOR = "author", "Author"
    ADMIN = "admin", "Administrator"


_SEES = frozenset({Scope.SCHEDULER_READ, Scope.TASK_READ})
_RUNS = _SEES | {Scope.SCHEDULER_RUN, Scope.TASK_CANCEL}
_WRITES = _RUNS | {Scope.SCHEDULER_WRITE, Scope.TASK_CREATE}

# Whoever writes a job does not approve its runs by that; see `accounts.access.scopes`.
ROLE_SCOPES: dict[str, frozenset[str]] = {
    Role.VIEWER: _SEES,
    Role.OPERATOR: _RUNS,
    Role.AUTHOR: _WRITES,
    Role.ADMIN: _WRITES | {Scope.SCHEDULER_APPROVE},
}

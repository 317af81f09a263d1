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
    NOTIFICATIONS_READ = "notifications:read", "See notifications"
    NOTIFICATIONS_WRITE = "notifications:write", "Create notifications, mark them as read, clear them"
    KEYS_READ = "keys:read", "See the tenant's API keys, without their text"
    KEYS_WRITE = "keys:write", "Create, rotate and revoke the tenant's API keys"
    TENANT_READ = "tenant:read", "See the tenant's members and limits"
    TENANT_WRITE = "tenant:write", "Change the tenant's members and limits"
    AUDIT_READ = "audit:read", "See the audit trail and the record of requests"


class Role(TextChoices):
    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    AUTHOR = "author", "Author"
    ADMIN = "admin", "Administrator"


_SEES = frozenset({Scope.SCHEDULER_READ, Scope.TASK_READ, Scope.NOTIFICATIONS_READ})
_RUNS = _SEES | {Scope.SCHEDULER_RUN, Scope.TASK_CANCEL, Scope.NOTIFICATIONS_WRITE}
_WRITES = _RUNS | {Scope.SCHEDULER_WRITE, Scope.TASK_CREATE}
_ADMINISTERS = frozenset({Scope.KEYS_READ, Scope.KEYS_WRITE, Scope.TENANT_READ, Scope.TENANT_WRITE, Scope.AUDIT_READ})

# Whoever writes a job does not approve its runs by that; see `accounts.access.scopes`.
ROLE_SCOPES: dict[str, frozenset[str]] = {
    Role.VIEWER: _SEES,
    Role.OPERATOR: _RUNS,
    Role.AUTHOR: _WRITES,
    Role.ADMIN: _WRITES | {Scope.SCHEDULER_APPROVE} | _ADMINISTERS,
}

"""The scopes that a credential can hold, and what each role of a member amounts to."""

from __future__ import annotations

from django.db.models import TextChoices


class Scope(TextChoices):
    SCHEDULER_READ = "scheduler:read", "See jobs, templates, ticks and executions"
    SCHEDULER_WRITE = "scheduler:write", "Create, change, pause, resume and archive jobs"
    SCHEDULER_RUN = "scheduler:run", "Run jobs now, cancel executions"


class Role(TextChoices):
    VIEWER = "viewer", "Viewer"
    OPERATOR = "operator", "Operator"
    AUTHOR = "author", "Author"
    ADMIN = "admin", "Administrator"


ROLE_SCOPES: dict[str, frozenset[str]] = {
    Role.VIEWER: frozenset({Scope.SCHEDULER_READ}),
    Role.OPERATOR: frozenset({Scope.SCHEDULER_READ, Scope.SCHEDULER_RUN}),
    Role.AUTHOR: frozenset(Scope.values),
    Role.ADMIN: frozenset(Scope.values),
}

"""Celery tasks that nobody may choose: the product's own, and Celery's, some of which run any task they are told to."""

from __future__ import annotations

from celery import current_app

OWN_APPS = ("jobs", "notifications", "accounts", "templates_registry", "scheduler_project")
OWN_PREFIXES = ("scheduler.", *(f"{app}." for app in OWN_APPS))
RESERVED_PREFIXES = (*OWN_PREFIXES, "celery.")


def is_own(name: str) -> bool:
    """Whether a task is the product's, by its name or by the module that registered it."""
    task = current_app.tasks.get(name)
    return name.startswith(OWN_PREFIXES) or (task is not None and type(task).__module__.partition(".")[0] in OWN_APPS)


def is_reserved(name: str) -> bool:
    """In whatever letters and with whatever space around it: nobody's own task is called so by chance."""
    return name.strip().lower().startswith(RESERVED_PREFIXES) or is_own(name)

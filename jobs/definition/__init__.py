"""What a job is made of, read from untrusted input: one frozen value, or every problem with its path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Tenant
from jobs.definition.reader import FIELDS, Reader, default_policies
from jobs.definition.value import Definition, InvalidJob, Problems
from jobs.rules.schedule import ScheduleSpec

__all__ = ["FIELDS", "Definition", "InvalidJob", "Problems", "default_policies", "read", "read_schedule"]


def read(
    data: Mapping[str, Any],
    *,
    current: Definition | None = None,
    now: datetime,
    tenant: Tenant,
    may_run_sub_minute: bool = False,
    replaces: bool = False,
) -> Definition:
    """The definition that `data` describes, on top of `current` when a job is changed; its secrets are sealed.

    With `replaces`, only the slug and the secrets that `data` leaves out are taken from `current`. Raises `InvalidJob`,
    `KeysUnavailable`.
    """
    base = None if replaces else current
    reader = Reader(data, base, before=current, now=now, may_run_sub_minute=may_run_sub_minute, tenant=tenant)
    definition = reader.read()
    if reader.problems or definition is None:
        raise InvalidJob(reader.problems)
    return definition


def read_schedule(data: Mapping[str, Any], *, now: datetime, may_run_sub_minute: bool = False) -> ScheduleSpec:
    """The schedule that `data` describes, alone; by the template's rules when one is named. Raises `InvalidJob`."""
    reader = Reader(data, None, before=None, now=now, may_run_sub_minute=may_run_sub_minute, tenant=None)
    for name in data:
        if name not in ("schedule", "template", "template_version"):
            reader.refuse(name, "Unknown field. Known are schedule, template, template_version.")
    template = reader.template() if "template" in data else None
    schedule = reader.schedule(template)
    if reader.problems or schedule is None:
        raise InvalidJob(reader.problems)
    return schedule

"""The schedule in Celery's settings, and the clean-up that Celery's own beat adds: put in as rows, as DatabaseScheduler
does. From then on they are rows like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from celery import current_app, schedules
from django.db import InterfaceError, OperationalError, transaction
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import ModelEntry

from scheduler_project.lib import sql, telemetry

CLEANUP = "celery.backend_cleanup"


def install() -> None:
    """Make or update one row per entry; whether it is enabled stays as it is. One that cannot be told is skipped."""
    for name, entry in _entries().items():
        try:
            with transaction.atomic():
                _install(name, entry)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001  settings may hold anything, and the other entries must go on
            telemetry.emit("beat.entry_refused", entry=name, error=f"{type(error).__name__}: {error}")


def _entries() -> dict[str, Mapping[str, Any]]:
    entries: dict[str, Mapping[str, Any]] = dict(current_app.conf.beat_schedule or {})
    if current_app.conf.result_expires:
        at_four = {
            "task": CLEANUP,
            "schedule": schedules.crontab("0", "4", "*"),
            "options": {"expire_seconds": 12 * 3600},
        }
        entries.setdefault(CLEANUP, at_four)
    return entries


def _install(name: str, entry: Mapping[str, Any]) -> None:
    values = ModelEntry._unpack_fields(**entry)
    found = PeriodicTask.objects.filter(name=name)
    before = found.values(*values).first()
    if before is None:
        PeriodicTask(name=name, **values).save()
    elif before != {field: getattr(value, "pk", value) for field, value in values.items()}:
        # Not by saving: that locks in another order than the admin does, and forgets the last run of a disabled row.
        found.update(**values, date_changed=sql.now())
        PeriodicTasks.update_changed()

"""What a person wants of notifications: read from untrusted input, and kept. Without a row the defaults hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.models import Membership
from jobs.definition import Problems
from jobs.models import Job
from notifications.models import Preference
from notifications.rulebook.reader import SEVERITIES, QuietInput, is_id, read_quiet_hours, read_zone
from notifications.rules.kinds import Severity
from scheduler_project.lib import sql, telemetry, transactions
from scheduler_project.lib.input import InvalidInput

MOST_MUTED = 500


class InvalidPreferences(InvalidInput):
    """Input that is no preferences; `fields` has the messages by path."""


@dataclass(frozen=True)
class Preferences:
    toasts_from: str = Severity.WARNING.value
    on_desktop: bool = False
    muted_jobs: tuple[int, ...] = ()
    zone: str = "UTC"
    quiet_hours: QuietInput | None = None

    def to_json(self) -> dict[str, Any]:
        quiet = self.quiet_hours.to_json() if self.quiet_hours else None
        return {**vars(self), "muted_jobs": list(self.muted_jobs), "quiet_hours": quiet}


FIELDS = tuple(Preferences.__dataclass_fields__)


def of_user(user_id: int) -> Preferences:
    row = Preference.objects.filter(pk=user_id).first()
    return _of(row) if row else Preferences()


def change(
    user: AbstractBaseUser,
    data: Mapping[str, Any],
    *,
    actor: str,
    replaces: bool = False,
    mute: Collection[int] = (),
    unmute: Collection[int] = (),
) -> Preferences:
    """Change what `data` names; with `replaces`, all else goes back to the defaults. `mute` and `unmute` are judged by
    the jobs that are muted by then, whoever has changed those since the caller looked. Raises `InvalidPreferences`."""
    with transactions.engine():
        Preference.objects.get_or_create(user_id=user.pk)
        row = Preference.objects.select_for_update().get(pk=user.pk)
        before = _of(row)
        if mute or unmute:
            kept = [job for job in before.muted_jobs if job not in unmute]
            data = {**data, "muted_jobs": [*kept, *(job for job in mute if job not in kept)]}
        new = _read(data, user, before, replaces=replaces)
        if new != before:
            _write(row, new)
            _tell(user, actor, before, new)
    return new


def mute(user: AbstractBaseUser, job_id: int, *, actor: str, is_muted: bool) -> Preferences:
    """Let one job be silent for the person, or no longer. Raises `InvalidPreferences`."""
    return change(user, {}, actor=actor, mute=[job_id] if is_muted else (), unmute=() if is_muted else [job_id])


def jobs_to_mute(user: AbstractBaseUser) -> QuerySet[Job]:
    """Those that the person can see."""
    if getattr(user, "is_superuser", False):
        return Job.objects.all()
    tenants = Membership.objects.filter(user_id=user.pk, tenant__is_active=True).values("tenant")
    return Job.objects.filter(tenant__in=tenants)


def _read(data: Mapping[str, Any], user: AbstractBaseUser, before: Preferences, *, replaces: bool) -> Preferences:
    problems: Problems = {
        str(name)[:100]: [f"Unknown field. Known are {', '.join(FIELDS)}."] for name in data if name not in FIELDS
    }
    found: dict[str, Any] = {}
    if "toasts_from" in data:
        found["toasts_from"] = data["toasts_from"]
        if not isinstance(data["toasts_from"], str) or data["toasts_from"] not in SEVERITIES:
            problems["toasts_from"] = [f"Write one of {', '.join(SEVERITIES)}."]
    if "on_desktop" in data:
        found["on_desktop"] = data["on_desktop"]
        if not isinstance(data["on_desktop"], bool):
            problems["on_desktop"] = ["Write true or false."]
    if "muted_jobs" in data:
        found["muted_jobs"], wrong = _muted_jobs(data["muted_jobs"], user, before.muted_jobs)
        problems |= wrong
    if "zone" in data:
        found["zone"], problem = read_zone(data["zone"])
        problems |= {"zone": [problem]} if problem else {}
    if "quiet_hours" in data:
        found["quiet_hours"], unfit = read_quiet_hours(data["quiet_hours"])
        problems |= {path: [message] for path, message in unfit.items()}
    if problems:
        raise InvalidPreferences(problems)
    return replace(Preferences() if replaces else before, **found)


def _muted_jobs(value: object, user: AbstractBaseUser, muted: tuple[int, ...]) -> tuple[tuple[int, ...], Problems]:
    """Jobs that are muted already may stay, also when the person cannot see them any more."""
    if not isinstance(value, list | tuple) or len(value) > MOST_MUTED:
        return (), {"muted_jobs": [f"Write a list of at most {MOST_MUTED} ids of jobs."]}
    wanted = {one for one in value if is_id(one)}
    known = set(jobs_to_mute(user).filter(pk__in=wanted).values_list("pk", flat=True)) | set(muted)
    problems: Problems = {}
    for place, one in enumerate(value):
        if not is_id(one):
            problems[f"muted_jobs[{place}]"] = ["Write the id of a job."]
        elif one not in known:
            problems[f"muted_jobs[{place}]"] = [f"There is no job {one} that you can see."]
    return tuple(sorted(wanted)), problems


def _of(row: Preference) -> Preferences:
    quiet = None
    if row.quiet_from is not None and row.quiet_until is not None:
        quiet = QuietInput(row.quiet_from, row.quiet_until)
    return Preferences(row.toasts_from, row.on_desktop, tuple(row.muted_jobs), row.zone, quiet)


def _write(row: Preference, new: Preferences) -> None:
    row.toasts_from, row.on_desktop, row.muted_jobs = new.toasts_from, new.on_desktop, list(new.muted_jobs)
    quiet = new.quiet_hours
    row.quiet_from, row.quiet_until = (quiet.starts, quiet.ends) if quiet else (None, None)
    row.zone, row.updated_at = new.zone, sql.now()
    row.save()


def _tell(user: AbstractBaseUser, actor: str, before: Preferences, new: Preferences) -> None:
    name = user.get_username()
    audit.record(
        "notification_preference.changed",
        actor=actor,
        tenant_id=None,
        target="notification_preference",
        target_id=user.pk,
        target_name=name,
        before=before.to_json(),
        after=new.to_json(),
    )
    transaction.on_commit(lambda: telemetry.emit("notification_preference.changed", user=name, actor=actor))

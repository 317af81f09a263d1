"""Who set a field of a job's definition to the value it has: found in the revisions."""

from __future__ import annotations

from typing import Any

from jobs.models import Job, JobRevision


def setter_of(job: Job, path: str, *, upto: int | None = None) -> JobRevision | None:
    """The revision since which the field has the value it has in revision `upto` (the newest unless told); `path` is
    written as Django does, such as `policies__overlap`."""
    revisions = JobRevision.objects.filter(job=job).order_by("-number")
    if upto is not None:
        revisions = revisions.filter(number__lte=upto)
    newest = revisions.first()
    if newest is None:
        return None
    value = _value(newest.definition, path)
    other = revisions.exclude(**{f"definition__{path}": value}) if value is not None else revisions.none()
    last_other = other.values_list("number", flat=True).first() or 0
    return revisions.filter(number__gt=last_other).last() if value is not None else newest


def _value(definition: dict[str, Any], path: str) -> Any:
    value: Any = definition
    for name in path.split("__"):
        value = value.get(name) if isinstance(value, dict) else None
    return value

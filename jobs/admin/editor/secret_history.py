"""When a job's stored secrets last changed, and by whom, as its revisions tell."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from jobs.models import Job, JobRevision
from scheduler_project.lib import viewer_zone
from templates_registry.models import TemplateVersion
from templates_registry.schema import map_secret_places

MOST_REVISIONS = 200


def notes_of(job: Job, template: TemplateVersion) -> dict[str, str]:
    """`last changed 3 Nov by ana` by path. Nothing of a secret that is older than the newest revisions."""
    now = _secrets(template, job.parameters)
    if not now:
        return {}
    rows = JobRevision.objects.filter(job_id=job.pk).order_by("-number").values_list(
        "definition__parameters", "valid_from", "actor"
    )[:MOST_REVISIONS]  # fmt: skip
    notes: dict[str, str] = {}
    last: dict[str, Any] = {}
    for parameters, valid_from, actor in rows:
        before = _secrets(template, parameters or {})
        for place in now:
            if place not in notes and place in last and before.get(place) != last[place][0]:
                notes[place] = _words(*last[place][1:])
        last = {place: (before.get(place), valid_from, actor) for place in now if place not in notes}
    if len(rows) < MOST_REVISIONS:  # the first revision is among them
        notes |= {place: _words(at, actor) for place, (_, at, actor) in last.items()}
    return notes


def _secrets(template: TemplateVersion, parameters: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    map_secret_places(template.schema, parameters, found.setdefault)
    return found


def _words(at: Any, actor: str) -> str:
    local = viewer_zone.local(at)
    year = f" {local.year}" if local.year != viewer_zone.local(timezone.now()).year else ""
    return f"last changed {local.day} {local:%b}{year} by {actor.partition(':')[2] or actor}"

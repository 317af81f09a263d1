"""Brings back what an earlier revision of a job said, as a change of the job like any other.

Not its switches: whether it is enabled or paused stays as it is, and so do dependencies and hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.sealing import CannotOpen
from jobs import impact, sealed
from jobs.definition import FIELDS, InvalidJob
from jobs.models import Job, JobRevision
from templates_registry.models import TemplateVersion

MOST_NOTE = 500


def restore(
    job: Job,
    revision: JobRevision,
    *,
    actor: str,
    note: str = "",
    missed: str = "none",
    expected_revision: int | None = None,
    may_run_sub_minute: bool = False,
) -> Job:
    """Raises what `impact.change` raises, and `CannotOpen`."""
    lead = f"Restored revision {revision.number}."
    return impact.change(
        job.pk,
        definition_of(revision, job),
        missed=missed,
        actor=actor,
        note=f"{lead} {note}".strip()[:MOST_NOTE],
        expected_revision=expected_revision,
        may_run_sub_minute=may_run_sub_minute,
        replaces=True,
    )


def definition_of(revision: JobRevision, job: Job) -> dict[str, Any]:
    """What the revision said, as the registry takes it. Raises `CannotOpen`, `InvalidJob`, `KeysUnavailable`."""
    stored: Mapping[str, Any] = revision.definition
    data = {name: stored[name] for name in FIELDS if name in stored}
    data["schedule"] = {
        name: value for name, value in stored["schedule"].items() if name != "spread_offset_seconds"
    }  # computed for each job
    data["parameters"] = _parameters(stored, job)
    return data


def _parameters(stored: Mapping[str, Any], job: Job) -> dict[str, Any]:
    """Opened, and with null for the secrets that the job has got since: what is left out would stay."""
    name, version = stored["template"], stored["template_version"]
    template = TemplateVersion.objects.filter(name=name, version=version).first()
    if template is None:
        raise InvalidJob({"template": [f"Version {version} of {name} is not known any more."]})
    try:
        given = sealed.open_all(template.schema, stored["parameters"], tenant_id=job.tenant_id, template=name)
    except CannotOpen as error:
        raise InvalidJob({"parameters": [f"{error} This revision cannot be restored."]}) from error
    if job.template.name == name:
        current = sealed.secrets_by_place(job.template.schema, job.parameters)
        for place in current:
            top = place.removeprefix("parameters.")
            if "." not in top and "[" not in top:
                given.setdefault(top, None)
    return given

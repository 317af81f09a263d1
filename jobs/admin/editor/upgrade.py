"""A newer version of a job's template: what it changes, and where the job is moved to it. The job itself stays."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from jobs.models import Job
from templates_registry.models import TemplateVersion
from templates_registry.schema_changes import Change, changes


@dataclass(frozen=True)
class Upgrade:
    before: TemplateVersion
    after: TemplateVersion
    changes: list[Change]
    url: str

    @property
    def attention(self) -> int:
        return sum(change.needs_attention for change in self.changes)


def upgrade_of(job: Job | None) -> Upgrade | None:
    """The newest version that the code has, when the job is of an earlier one."""
    if job is None or job.archived_at is not None:
        return None
    newer = TemplateVersion.objects.filter(name=job.template.name, version__gt=job.template.version, is_available=True)
    newest = newer.order_by("-version").first()
    if newest is None:
        return None
    url = f"{reverse('admin:jobs_job_change', args=[job.pk])}?template={newest.pk}"
    return Upgrade(job.template, newest, changes(job.template.schema, newest.schema), url)

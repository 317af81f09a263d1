"""The definition of a job as a frozen value, to and from its row and JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from jobs.models import Job
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec
from jobs.rules.states import PRIORITY_NAMES
from scheduler_project.lib.input import InvalidInput
from templates_registry.models import TemplateVersion

Problems = dict[str, list[str]]


class InvalidJob(InvalidInput):
    """Input that is no job; `fields` has the messages by path."""


@dataclass(frozen=True)
class Definition:
    """Everything that an author decides about a job."""

    name: str
    slug: str
    description: str
    template: TemplateVersion
    parameters: dict[str, Any]
    schedule: ScheduleSpec
    policies: JobPolicy
    queue: str
    priority: int
    tags: tuple[str, ...]
    calendars: tuple[str, ...] = ()
    pool: str = ""  # its slug
    owner_id: int | None = None  # of a user; not in the JSON, which other installations read

    @classmethod
    def of(cls, job: Job) -> Definition:
        return cls(
            name=job.name,
            slug=job.slug,
            description=job.description,
            template=job.template,
            parameters=job.parameters,
            schedule=job.schedule,
            policies=job.policies,
            queue=job.queue,
            priority=job.priority,
            tags=tuple(job.tags),
            calendars=tuple(job.calendars),
            pool=job.pool.slug if job.pool else "",
            owner_id=job.owner_id,
        )

    def says_the_same(self, other: Definition) -> bool:
        """Whether nothing differs that an author decides; the spread's own part of a job is computed."""
        schedule = replace(self.schedule, spread_offset_seconds=other.schedule.spread_offset_seconds)
        return replace(self, schedule=schedule) == other

    def write_to(self, job: Job) -> None:
        job.name, job.slug, job.description = self.name, self.slug, self.description
        job.template, job.parameters = self.template, self.parameters
        job.spec, job.policy = self.schedule.to_json(), self.policies.to_json()
        job.queue, job.priority, job.tags = self.queue, self.priority, list(self.tags)
        job.calendars = list(self.calendars)
        job.owner_id = self.owner_id

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "slug": self.slug,
            "description": self.description,
            "template": self.template.name,
            "template_version": self.template.version,
            "parameters": self.parameters,
            "schedule": self.schedule.to_json(),
            "policies": self.policies.to_json(),
            "queue": self.queue,
            "priority": PRIORITY_NAMES[self.priority],
            "tags": list(self.tags),
            "calendars": list(self.calendars),
            "pool": self.pool,
        }

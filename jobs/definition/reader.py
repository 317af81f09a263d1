"""Reads a definition from untrusted input, field by field, and collects every problem with its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.text import slugify

from accounts import members
from accounts.models import Tenant
from jobs.definition import parameters as judging
from jobs.definition.value import Definition, Problems
from jobs.rules.policy import InvalidPolicy, JobPolicy
from jobs.rules.schedule import InvalidSchedule, ScheduleSpec
from jobs.rules.states import PRIORITIES, OnLost
from scheduler_project.lib import plain_text
from templates_registry import registry as templates
from templates_registry.models import TemplateVersion

QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,99}", re.ASCII)
TAG = re.compile(r"[\w][\w .:/-]{0,49}")
MAX_TAGS = 20
MAX_CALENDARS = 10

FIELDS = (
    "name", "slug", "description", "template", "template_version", "parameters", "schedule", "policies", "queue",
    "priority", "tags", "calendars", "pool", "owner",
)  # fmt: skip


class Reader:
    """One reading. `current` gives what `data` leaves out, `before` the slug and the secrets that are kept.
    Without `now` no schedule can be read."""

    def __init__(
        self,
        data: Mapping[str, Any],
        current: Definition | None,
        *,
        before: Definition | None,
        now: datetime | None,
        may_run_sub_minute: bool,
        tenant: Tenant | None,
    ) -> None:
        self.data = data
        self.tenant = tenant
        self.current = current
        self.before = before
        self.now = now
        self.may_run_sub_minute = may_run_sub_minute
        self.problems: Problems = {}
        self.judged: judging.Judged | None = None

    def read(self) -> Definition | None:
        for name in self.data:
            if name not in FIELDS:
                self.refuse(name, f"Unknown field. Known are {', '.join(FIELDS)}.")
        name = self.text("name", most=200, required=True)
        slug = self.slug(name)
        description = self.text("description", most=10_000)
        template = self.template()
        parameters = self.parameters(template)
        schedule = self.schedule(template)
        policies = self.policies(template)
        queue = self.queue()
        priority = self.priority()
        tags = self.tags()
        calendars = self.calendars()
        pool = self.pool()
        owner_id = self.owner()
        if self.problems or template is None or schedule is None or policies is None:
            return None
        if self.judged is not None:
            parameters = self.judged.seal()
        return Definition(
            name,
            slug,
            description,
            template,
            parameters,
            schedule,
            policies,
            queue,
            priority,
            tags,
            calendars,
            pool,
            owner_id,
        )

    def refuse(self, path: str, *messages: str) -> None:
        self.problems.setdefault(path, []).extend(messages)

    def text(self, key: str, *, most: int, required: bool = False) -> str:
        if key not in self.data:
            before = str(getattr(self.current, key)) if self.current else ""
            if required and not before:
                self.refuse(key, "This field is required.")
            return before
        given = self.data[key]
        if not isinstance(given, str):
            self.refuse(key, "Write a text.")
            return ""
        value = given.strip()
        if required and not value:
            self.refuse(key, "This field may not be empty.")
        if len(value) > most:
            self.refuse(key, f"Write at most {most} characters.")
        if not plain_text.is_printable(value, lines=key != "name"):
            self.refuse(key, plain_text.REFUSAL)
        return value

    def slug(self, name: str) -> str:
        if "slug" not in self.data or self.data["slug"] == "":
            return self.before.slug if self.before else str(slugify(name)[:100].strip("-") or "job")
        slug = self.data["slug"]
        if not isinstance(slug, str) or not SLUG.fullmatch(slug):
            self.refuse(
                "slug", "Write 1 to 100 lower-case letters, digits and hyphens, beginning with a letter or digit."
            )
            return ""
        return slug

    def template(self) -> TemplateVersion | None:
        if "template" not in self.data and "template_version" not in self.data:
            if self.current is None:
                self.refuse("template", "This field is required.")
                return None
            return self.current.template
        name = self.data.get("template", self.current.template.name if self.current else None)
        version = self.data.get("template_version")
        if not isinstance(name, str):
            self.refuse("template", "Write the name of a template.")
            return None
        if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
            self.refuse("template_version", "Write a whole number, or leave it out for the newest version.")
            return None
        try:
            template = templates.get(name, version)
        except templates.UnknownTemplate as error:
            self.refuse("template" if version is None else "template_version", str(error))
            return None
        row = TemplateVersion.objects.filter(name=template.name, version=template.version).first()
        if row is None:
            self.refuse("template", f"Template {name} is not in the database yet; run `manage.py migrate`.")
        return row

    def parameters(self, template: TemplateVersion | None) -> dict[str, Any]:
        """As they were given, or as they are stored when nobody gave others; only then nothing was `judged`."""
        if template is None:
            return {}
        if "parameters" not in self.data and self.current is not None and template == self.current.template:
            return self.current.parameters  # judged when they were chosen, and again by each run
        before = judging.Before(self.before.template, self.before.parameters) if self.before else None
        assert self.tenant is not None
        if "parameters" in self.data:
            given = self.data["parameters"]
        else:
            given = judging.opened(before, tenant=self.tenant) if before and self.current else {}
        if not isinstance(given, dict):
            self.refuse("parameters", "Write an object.")
            return {}
        try:
            code = templates.get(template.name, template.version)
        except templates.UnknownTemplate as error:
            self.refuse("template", str(error))
            return {}
        self.judged = judging.judge(given, code, tenant=self.tenant, before=before)
        for path, messages in self.judged.problems.items():
            self.refuse(path, *messages)
        return self.judged.plain

    def schedule(self, template: TemplateVersion | None) -> ScheduleSpec | None:
        if "schedule" not in self.data:
            if self.current is None:
                self.refuse("schedule", "This field is required.")
                return None
            return self.current.schedule
        given = self.data["schedule"]
        if not isinstance(given, Mapping):
            self.refuse(
                "schedule", 'Write an object, e.g. {"kind": "cron", "cron": "0 9 * * *", "timezone": "Europe/Berlin"}.'
            )
            return None
        before = self.current.schedule if self.current else None
        if before is not None and before.kind == "interval" and given.get("kind") == "interval":
            given = {"anchor": before.anchor.isoformat() if before.anchor else None, **given}
            given = {key: value for key, value in given.items() if value is not None}
        assert self.now is not None
        shortest = 1 if self.may_run_sub_minute else int(template.min_interval.total_seconds()) if template else 60
        try:
            return ScheduleSpec.parse(
                given, min_interval_seconds=max(shortest, 1), default_anchor=self.now.replace(microsecond=0)
            )
        except InvalidSchedule as error:
            for path, messages in error.fields.items():
                self.refuse(_join("schedule", path), *messages)
            return None

    def policies(self, template: TemplateVersion | None) -> JobPolicy | None:
        given = self.data.get("policies", {})
        base = self.current.policies if self.current else default_policies(template)
        if not isinstance(given, Mapping):
            self.refuse("policies", "Write an object.")
            return None
        if template is not None and template.requires_approval:
            if given.get("requires_approval") is False:
                self.refuse(
                    "policies.requires_approval",
                    f"The template {template.name} requires approval of each run; a job cannot switch that off.",
                )
            base = replace(base, requires_approval=True)
        try:
            return JobPolicy.parse({**base.to_json(), **given})
        except InvalidPolicy as error:
            for path, messages in error.fields.items():
                self.refuse(_join("policies", path), *messages)
            return None

    def queue(self) -> str:
        queue = self.data.get("queue", self.current.queue if self.current else "default")
        if not isinstance(queue, str) or not QUEUE.fullmatch(queue):
            self.refuse("queue", "Write 1 to 100 letters, digits, dots, hyphens and underscores.")
            return ""
        return queue

    def priority(self) -> int:
        if "priority" not in self.data:
            return self.current.priority if self.current else PRIORITIES["normal"]
        given = self.data["priority"]
        if not isinstance(given, str) or given not in PRIORITIES:
            self.refuse("priority", f"Write one of {', '.join(PRIORITIES)}.")
            return PRIORITIES["normal"]
        return PRIORITIES[given]

    def tags(self) -> tuple[str, ...]:
        given = self.data.get("tags", list(self.current.tags) if self.current else [])
        if not isinstance(given, list) or len(given) > MAX_TAGS:
            self.refuse("tags", f"Write a list of at most {MAX_TAGS} tags.")
            return ()
        for position, tag in enumerate(given):
            if not isinstance(tag, str) or not TAG.fullmatch(tag):
                self.refuse(f"tags[{position}]", "Write 1 to 50 letters, digits, spaces and . : / - _.")
        return tuple(dict.fromkeys(tag for tag in given if isinstance(tag, str)))

    def calendars(self) -> tuple[str, ...]:
        given = self.data.get("calendars", list(self.current.calendars) if self.current else [])
        if not isinstance(given, list) or len(given) > MAX_CALENDARS:
            self.refuse("calendars", f"Write a list of at most {MAX_CALENDARS} short names of calendars.")
            return ()
        for position, slug in enumerate(given):
            if not isinstance(slug, str) or not SLUG.fullmatch(slug):
                self.refuse(f"calendars[{position}]", "Write the short name of a calendar.")
        return tuple(dict.fromkeys(slug for slug in given if isinstance(slug, str)))

    def pool(self) -> str:
        given = self.data.get("pool", self.current.pool if self.current else "")
        if given in (None, ""):
            return ""
        if not isinstance(given, str) or not SLUG.fullmatch(given):
            self.refuse("pool", "Write the short name of a pool, or nothing for none.")
            return ""
        return given

    def owner(self) -> int | None:
        """Whose job it is stays so, whatever else is replaced."""
        if "owner" not in self.data:
            return self.before.owner_id if self.before else None
        given = self.data["owner"]
        if given in (None, "") or self.tenant is None:
            return None
        if isinstance(given, str) and plain_text.is_printable(given):
            users = get_user_model()
            found = users._default_manager.filter(**{users.USERNAME_FIELD: given}).first()
            stays = found is not None and self.before is not None and found.pk == self.before.owner_id
            if found is not None and (stays or self._may_answer(found.pk)):
                return int(found.pk)
        self.refuse("owner", f"Write the name of a user who is a member of {self.tenant.slug}, or null for nobody.")
        return None

    def _may_answer(self, user_id: int) -> bool:
        assert self.tenant is not None
        return members.responsible(Tenant.objects.filter(pk=self.tenant.pk)).filter(pk=user_id).exists()


def default_policies(template: TemplateVersion | None) -> JobPolicy:
    """What the template's author set, for a job that says nothing."""
    if template is None:
        return JobPolicy()
    soft = template.soft_timeout
    return replace(
        JobPolicy(),
        timeout_seconds=int(template.timeout.total_seconds()),
        soft_timeout_seconds=int(soft.total_seconds()) if soft else None,
        max_retries=template.max_retries,
        on_lost=OnLost(template.on_lost),
        requires_approval=template.requires_approval,
    )


def _join(root: str, path: str) -> str:
    if not path or path == root:
        return root
    return f"{root}{path}" if path.startswith(("[", ".")) else f"{root}.{path}"

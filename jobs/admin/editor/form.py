"""The form of a job without its parameters. It converts what was entered; `jobs.definition` is the judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms import BoundField
from django.utils import timezone

from accounts import members
from accounts.models import Tenant
from jobs.admin.editor import builder
from jobs.admin.editor.builder import BuilderFields
from jobs.admin.editor.fields import (
    LOCAL_TIMES,
    MAY_BE_EMPTY,
    MISFIRES,
    OF_KIND,
    ON_LOST,
    OVERLAPS,
    PLACES,
    POLICIES,
    SCHEDULE,
    JobFields,
)
from jobs.models import Calendar, Job, Pool
from jobs.rules.cron_builder import expression_of
from jobs.rules.cron_meaning import FieldMeaning, meanings
from jobs.rules.schedule import ScheduleSpec, load_zone
from jobs.rules.states import PRIORITY_NAMES, Origin
from jobs.rules.zones import UnknownZone, zone_offsets
from templates_registry.models import TemplateVersion

DEFAULT_CRON = expression_of(builder.FIRST)


class JobForm(BuilderFields, JobFields):
    def __init__(
        self, data: Any = None, *, job: Job | None, tenants: QuerySet[Tenant], templates: Iterable[TemplateVersion],
        initial: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(data, initial={**_initial(job), **(initial or {})}, label_suffix="")
        self.job = job
        self._fill_choices(tenants, templates)
        self._fill_calendars(tenants)
        self._fill_pools(tenants)
        self._fill_owners(tenants)
        if job is not None:
            del self.fields["tenant"]
            if job.origin == Origin.ADOPTED:
                for name in ("name", "template", "queue", *SCHEDULE):
                    self.fields[name].disabled = True
        else:
            del self.fields["note"]

    def _fill_choices(self, tenants: QuerySet[Tenant], templates: Iterable[TemplateVersion]) -> None:
        if "tenant" in self.fields:
            field = self.fields["tenant"]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = tenants
        grouped: dict[str, list[tuple[str, str]]] = {}
        for template in templates:
            title = template.title or template.name
            if self.job is not None and template.name == self.job.template.name:
                title = f"{title} (version {template.version})"
            grouped.setdefault(template.category, []).append((str(template.pk), title))
        self._set_choices("template", [("", "Choose a template"), *sorted(grouped.items())])
        empty = "" if self.job else "As the template says"
        for name, options in (("overlap", OVERLAPS), ("misfire", MISFIRES), ("on_lost", ON_LOST)):
            self._set_choices(name, options if self.job or name != "on_lost" else [("", empty), *options])

    def _fill_calendars(self, tenants: QuerySet[Tenant]) -> None:
        """Those of the job's tenant; of a new job, of all tenants that it may get, and then the judge has the say."""
        known = (
            Calendar.objects.filter(tenant=self.job.tenant_id)
            if self.job
            else Calendar.objects.filter(tenant__in=tenants)
        )
        names: dict[str, str] = {}
        for slug, name in known.order_by("name").values_list("slug", "name"):
            names.setdefault(slug, name)
        for slug in self.job.calendars if self.job else []:
            names.setdefault(slug, slug)
        if names:
            self._set_choices("calendars", list(names.items()))
        else:
            del self.fields["calendars"]

    def _fill_pools(self, tenants: QuerySet[Tenant]) -> None:
        known = Pool.objects.filter(tenant=self.job.tenant_id) if self.job else Pool.objects.filter(tenant__in=tenants)
        names = dict(known.order_by("name").values_list("slug", "name"))
        if names:
            self._set_choices("pool", [("", "None"), *names.items()])
        else:
            del self.fields["pool"]

    def _fill_owners(self, tenants: QuerySet[Tenant]) -> None:
        """Members of the job's tenant, and whoever has it now; of a new job, of all tenants that it may get."""
        of = Tenant.objects.filter(pk=self.job.tenant_id) if self.job else tenants
        names = [user.get_username() for user in members.responsible(of)]
        if self.job is not None and self.job.owner is not None:
            names.append(self.job.owner.get_username())
        shown = [(name, name) for name in sorted(set(names))]
        self._set_choices("owner", [("", "Nobody" if self.job else "Whoever creates it"), *shown])

    def _set_choices(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        self.compose()
        zone = self._zone()
        for name in LOCAL_TIMES:
            value = self.cleaned_data.get(name)
            if value is not None and zone is not None and name in OF_KIND.get(self.cleaned_data.get("kind", ""), ()):
                self.cleaned_data[name] = self._instant(name, value, zone)
        for name in [*POLICIES] if self.job else []:
            if name not in self.errors and name not in MAY_BE_EMPTY and self.cleaned_data.get(name) in (None, ""):
                self.add_error(name, "Enter a value.")
        return self.cleaned_data

    def _zone(self) -> Any:
        try:
            return load_zone(self.cleaned_data.get("timezone") or "UTC")
        except UnknownZone:
            return None  # the judge says so

    def _instant(self, name: str, wall: datetime, zone: Any) -> datetime:
        instant = wall.replace(tzinfo=zone)
        if instant.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
            self.add_error(name, f"The clocks of {zone.key} leave this time out; choose another.")
        return instant.astimezone(UTC)

    def template_id(self) -> int | None:
        value = self["template"].value()
        return int(value) if str(value or "").isdecimal() else None

    def silence(self) -> None:
        """Show what was entered without judging it: for the buttons that only load or check something."""
        self._errors = forms.utils.ErrorDict()
        self.cleaned_data = {}

    # --- to the registry and back ---

    def schedule_data(self) -> dict[str, Any]:
        """The schedule as `ScheduleSpec.parse` reads it; what does not belong to the kind is left out."""
        kind = self.cleaned_data.get("kind", "")
        given = {SCHEDULE[name]: self.cleaned_data.get(name) for name in ("timezone", *OF_KIND.get(kind, ()))}
        return {"kind": kind, **{name: value for name, value in given.items() if value not in (None, "")}}

    def policy_data(self) -> dict[str, Any]:
        given = {POLICIES[name]: self.cleaned_data.get(name) for name in POLICIES if name in self.cleaned_data}
        if self.job is None:
            # What was not ticked is as the template says.
            return {name: value for name, value in given.items() if value not in (None, "") and value is not False}
        return given

    def to_data(self, template: TemplateVersion | None, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What `registry.create` and `registry.change` take."""
        cleaned = self.cleaned_data
        data: dict[str, Any] = {
            "description": cleaned.get("description", ""),
            "slug": cleaned.get("slug", ""),
            "policies": self.policy_data(),
            "priority": cleaned.get("priority") or "normal",
            "calendars": cleaned.get("calendars", []),
            "pool": cleaned.get("pool", ""),
            "tags": [tag.strip() for tag in cleaned.get("tags", "").split(",") if tag.strip()],
        }
        if owner := cleaned.get("owner"):
            data["owner"] = owner
        elif self.job is not None:
            data["owner"] = None
        if self.job is None or self.job.origin != Origin.ADOPTED:
            data |= {
                "name": cleaned.get("name", ""),
                "queue": cleaned.get("queue") or "default",
                "schedule": self.schedule_data(),
                "parameters": dict(parameters),
            }
            if template is not None:
                data |= {"template": template.name, "template_version": template.version}
        return data

    def apply_problems(self, problems: Mapping[str, list[str]]) -> None:
        """Put the judge's messages at the fields they belong to; those about parameters are not ours."""
        for path, messages in problems.items():
            if path.startswith("parameters"):
                continue
            name = PLACES.get(path, path.partition("[")[0].partition(".")[0])
            name = "template" if name == "template_version" else name
            if name not in self.fields:
                self.add_error(None, [f"{path}: {message}" for message in messages])
            elif name not in self.errors:
                self.add_error(name, list(messages))

    def shown(self, *names: str) -> list[BoundField]:
        return [self[name] for name in names if name in self.fields]

    # --- the groups of the page ---

    def zones(self) -> list[tuple[str, str]]:
        return zone_offsets(int(timezone.now().timestamp() // 3600))

    def cron_text(self) -> str:
        """The expression that the chosen mode stands for, or what was written."""
        shown = self.cleaned_data.get("cron") if self.is_bound and hasattr(self, "cleaned_data") else None
        return str(shown or self["cron"].value() or (DEFAULT_CRON if self["kind"].value() == "daily" else ""))

    def cron_state(self) -> dict[str, Any]:
        """What the page needs to keep the builder and the expression at one; `mode` is None for what only the
        expression can say."""
        cron = self.cron_text()
        found = builder.initial_of(cron)
        is_built = found["kind"] != "cron"
        return {"cron": cron, "mode": found.pop("kind") if is_built else None, "values": found if is_built else {}}

    def cron_fields(self) -> tuple[FieldMeaning, ...]:
        return meanings(self.cron_text())

    def cron_details(self) -> list[BoundField]:
        return self.shown("day_match", "gap", "fold")

    def bounds(self) -> list[BoundField]:
        return self.shown("spread", "start_at", "end_at")

    def about(self) -> list[BoundField]:
        return self.shown("description", "tags", "slug", *(["owner"] if self.job else []))

    def where(self) -> list[BoundField]:
        return self.shown("queue", "priority", "on_queue_full", "pool", "requires_approval")

    def overlapping(self) -> list[BoundField]:
        return self.shown(
            "overlap", "max_instances", "misfire", "misfire_window", "misfire_cap", "start_deadline", "max_runs"
        )

    def limits(self) -> list[BoundField]:
        return self.shown(
            *("timeout", "soft_timeout", "max_retries", "retry_base", "retry_cap", "on_lost", "pause_after_failures")
        )

    def held_back(self) -> list[BoundField]:
        return self.shown("calendars")

    def schedule_more_has_errors(self) -> bool:
        return any(field.errors for field in (*self.cron_details(), *self.bounds()))

    def more_has_errors(self) -> bool:
        return any(field.errors for field in (*self.about(), *self.where(), *self.overlapping(), *self.limits()))


def _initial(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {**builder.values_of(builder.FIRST), "kind": "daily", "timezone": "UTC", "every": 900, "gap": "shift",
                "fold": "first", "queue": "default", "priority": "normal", "overlap": "skip", "on_queue_full": "skip",
                "misfire": "last"}  # fmt: skip
    spec, policy = readable_schedule(job), job.policies
    return {
        **{field: getattr(spec, name) or None for field, name in SCHEDULE.items()},
        **(builder.initial_of(spec.cron) if spec.kind == "cron" else builder.values_of(builder.FIRST)),
        **{field: getattr(policy, name) for field, name in POLICIES.items()},
        **{name: _local(spec, getattr(spec, name)) for name in LOCAL_TIMES},
        "name": job.name,
        "slug": job.slug,
        "description": job.description,
        "template": str(job.template_id),
        "tags": ", ".join(job.tags),
        "calendars": job.calendars,
        "pool": job.pool.slug if job.pool else "",
        "queue": job.queue,
        "priority": PRIORITY_NAMES[job.priority],
        "owner": job.owner.get_username() if job.owner else "",
        "expected_revision": job.revision,
    }


def readable_schedule(job: Job) -> ScheduleSpec:
    """What is stored, or an empty one where that cannot be understood any more: the form is there to mend it."""
    try:
        return job.schedule
    except Exception:  # noqa: BLE001  whatever is stored; the job's problem says what is wrong
        return ScheduleSpec(kind="cron")


def _local(spec: ScheduleSpec, at: datetime | None) -> datetime | None:
    if at is None:
        return None
    try:
        zone = load_zone(spec.timezone)
    except UnknownZone:
        zone = load_zone("UTC")
    return at.astimezone(zone).replace(tzinfo=None)

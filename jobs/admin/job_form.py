"""The form of a job without its parameters. It converts what was entered; `jobs.definition` is the judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BoundField

from accounts.models import Tenant
from jobs.admin.duration_field import DurationField
from jobs.models import Job
from jobs.rules.schedule import ScheduleSpec, load_zone
from jobs.rules.states import PRIORITIES, PRIORITY_NAMES, Misfire, OnLost, Origin, Overlap
from jobs.rules.zones import UnknownZone
from templates_registry.models import TemplateVersion

KINDS = [
    ("cron", "Calendar"),
    ("interval", "Interval"),
    ("once", "Once"),
    ("manual", "By hand only"),
]
OVERLAPS = [
    (Overlap.SKIP.value, "Skip the new run"),
    (Overlap.QUEUE_ONE.value, "Let one run wait"),
    (Overlap.QUEUE_ALL.value, "Let all runs wait"),
    (Overlap.ALLOW.value, "Run side by side"),
    (Overlap.REPLACE.value, "Cancel the earlier run"),
]
MISFIRES = [
    (Misfire.LAST.value, "Run the newest one late"),
    (Misfire.ALL.value, "Run all of them late"),
    (Misfire.NONE.value, "Run none of them"),
]
ON_LOST = [(OnLost.RETRY.value, "Try again"), (OnLost.FAIL.value, "Fail")]

# form field -> name in the schedule and in the policies
SCHEDULE = {
    "kind": "kind", "cron": "cron", "timezone": "timezone", "every": "every_seconds", "at": "at",
    "day_match": "day_match", "gap": "gap", "fold": "fold", "spread": "spread_seconds", "start_at": "start_at",
    "end_at": "end_at",
}  # fmt: skip
POLICIES = {
    "overlap": "overlap", "max_instances": "max_instances", "misfire": "misfire",
    "misfire_window": "misfire_window_seconds", "misfire_cap": "misfire_cap",
    "start_deadline": "start_deadline_seconds", "max_runs": "max_runs", "timeout": "timeout_seconds",
    "soft_timeout": "soft_timeout_seconds", "max_retries": "max_retries", "retry_base": "retry_base_seconds",
    "retry_cap": "retry_cap_seconds", "on_lost": "on_lost",
}  # fmt: skip
MAY_BE_EMPTY = {"max_instances", "start_deadline", "max_runs", "soft_timeout"}
OF_KIND = {
    "cron": ("cron", "day_match", "gap", "fold", "spread", "start_at", "end_at"),
    "interval": ("every", "spread", "start_at", "end_at"),
    "once": ("at",),
    "manual": (),
}
LOCAL_TIMES = ("at", "start_at", "end_at")
PLACES = {**{f"schedule.{name}": field for field, name in SCHEDULE.items()}, "schedule": "kind"}
PLACES |= {f"policies.{name}": field for field, name in POLICIES.items()}


class LocalTimeField(forms.DateTimeField):
    """A wall-clock time; the zone is another field's."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S")
    input_formats = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")

    def prepare_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        for form in self.input_formats:
            try:
                return datetime.strptime(str(value).strip(), form)  # noqa: DTZ007
            except ValueError:
                continue
        raise ValidationError("Write a date and a time, such as 2026-11-30 09:00.")


def _choices(options: list[tuple[str, str]], empty: str) -> list[tuple[str, str]]:
    return [("", empty), *options]


def _number(label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, required=False)


class JobForm(forms.Form):
    use_required_attribute = False

    tenant = forms.ModelChoiceField(Tenant.objects.none(), required=False, empty_label=None)
    name = forms.CharField(required=False, widget=forms.TextInput(attrs={"maxlength": 200, "autocomplete": "off"}))
    template = forms.ChoiceField(required=False)

    kind = forms.ChoiceField(label="When it runs", choices=KINDS, widget=forms.RadioSelect, required=False)
    cron = forms.CharField(
        label="Cron expression",
        help_text="Minute, hour, day of the month, month, day of the week. For example 0 9 * * mon-fri",
        required=False,
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false", "maxlength": 100}),
    )
    every = DurationField(label="Every")
    at = LocalTimeField(label="Date and time", required=False)
    timezone = forms.CharField(
        label="Time zone", required=False, widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"})
    )
    day_match = forms.ChoiceField(
        label="Day of the month and day of the week",
        help_text="Needed only when the expression names both.",
        choices=_choices([("all", "Both must fit"), ("any", "Either is enough")], "Not needed"),
        required=False,
    )
    gap = forms.ChoiceField(
        label="Hours that the clocks leave out",
        choices=[("shift", "Run at the first minute after them"), ("skip", "Do not run")],
        required=False,
    )
    fold = forms.ChoiceField(
        label="Hours that the clocks repeat",
        choices=[("first", "Run in the first pass"), ("second", "Run in the second pass"), ("both", "Run in both")],
        required=False,
    )
    spread = DurationField(label="Spread over", help_text="Runs later by a fixed part of this, chosen by the job's id.")
    start_at = LocalTimeField(label="Starts at", required=False)
    end_at = LocalTimeField(label="Ends at", help_text="From here on nothing is due any more.", required=False)

    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    slug = forms.CharField(
        label="Short name", help_text="For addresses and the API. Made from the name when left empty.", required=False
    )
    tags = forms.CharField(help_text="Separated by commas.", required=False)
    queue = forms.CharField(required=False, help_text="The workers that serve this queue run the job.")
    priority = forms.ChoiceField(choices=[(name, name.capitalize()) for name in PRIORITIES], required=False)

    overlap = forms.ChoiceField(label="When the earlier run has not ended", required=False)
    max_instances = _number("Runs at once, at most")
    misfire = forms.ChoiceField(label="Runs that were missed", required=False)
    misfire_window = DurationField(label="Missed runs count for", help_text="Older ones are recorded as missed.")
    misfire_cap = _number("Late runs at once, at most")
    start_deadline = DurationField(label="Start deadline", help_text="A run that has not begun by then is cancelled.")
    max_runs = _number("Runs in total, at most")
    timeout = DurationField(label="Time limit", help_text="A run that takes longer is stopped.")
    soft_timeout = DurationField(label="Warning limit", help_text="The run is asked to stop at this point.")
    max_retries = _number("Retries")
    retry_base = DurationField(label="First retry after", help_text="Each further wait doubles.")
    retry_cap = DurationField(label="Longest wait")
    on_lost = forms.ChoiceField(label="When the worker vanishes", required=False)

    note = forms.CharField(
        label="Why this change",
        help_text="Kept with the revision.",
        required=False,
        widget=forms.TextInput(attrs={"maxlength": 500}),
    )
    expected_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, job: Job | None, tenants: QuerySet[Tenant], templates: Iterable[TemplateVersion],
        initial: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(data, initial={**_initial(job), **(initial or {})}, label_suffix="")
        self.job = job
        self._fill_choices(tenants, templates)
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
            grouped.setdefault(template.category, []).append((str(template.pk), title))
        self._set_choices("template", [("", "Choose a template"), *sorted(grouped.items())])
        empty = "" if self.job else "As the template says"
        for name, options in (("overlap", OVERLAPS), ("misfire", MISFIRES), ("on_lost", ON_LOST)):
            self._set_choices(name, options if self.job or name != "on_lost" else _choices(options, empty))

    def _set_choices(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean(self) -> dict[str, Any]:
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
            return {name: value for name, value in given.items() if value not in (None, "")}
        return given

    def to_data(self, template: TemplateVersion | None, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What `registry.create` and `registry.change` take."""
        cleaned = self.cleaned_data
        data: dict[str, Any] = {
            "description": cleaned.get("description", ""),
            "slug": cleaned.get("slug", ""),
            "policies": self.policy_data(),
            "priority": cleaned.get("priority") or "normal",
            "tags": [tag.strip() for tag in cleaned.get("tags", "").split(",") if tag.strip()],
        }
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

    def cron_details(self) -> list[BoundField]:
        return self.shown("day_match", "gap", "fold")

    def bounds(self) -> list[BoundField]:
        return self.shown("spread", "start_at", "end_at")

    def about(self) -> list[BoundField]:
        return self.shown("description", "tags", "slug")

    def where(self) -> list[BoundField]:
        return self.shown("queue", "priority")

    def overlapping(self) -> list[BoundField]:
        return self.shown(
            "overlap", "max_instances", "misfire", "misfire_window", "misfire_cap", "start_deadline", "max_runs"
        )

    def limits(self) -> list[BoundField]:
        return self.shown("timeout", "soft_timeout", "max_retries", "retry_base", "retry_cap", "on_lost")

    def schedule_more_has_errors(self) -> bool:
        return any(field.errors for field in (*self.cron_details(), *self.bounds()))

    def more_has_errors(self) -> bool:
        return any(field.errors for field in (*self.about(), *self.where(), *self.overlapping(), *self.limits()))


def _initial(job: Job | None) -> dict[str, Any]:
    if job is None:
        return {"kind": "cron", "timezone": "UTC", "queue": "default", "priority": "normal", "overlap": "skip",
                "misfire": "last", "gap": "shift", "fold": "first", "every": 900}  # fmt: skip
    spec, policy = job.schedule, job.policies
    return {
        **{field: getattr(spec, name) or None for field, name in SCHEDULE.items()},
        **{field: getattr(policy, name) for field, name in POLICIES.items()},
        **{name: _local(spec, getattr(spec, name)) for name in LOCAL_TIMES},
        "name": job.name,
        "slug": job.slug,
        "description": job.description,
        "template": str(job.template_id),
        "tags": ", ".join(job.tags),
        "queue": job.queue,
        "priority": PRIORITY_NAMES[job.priority],
        "expected_revision": job.revision,
    }


def _local(spec: ScheduleSpec, at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(load_zone(spec.timezone)).replace(tzinfo=None)

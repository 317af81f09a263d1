"""The fields of the form of a job: their labels, choices and controls, and which part of a job each stands for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import Tenant
from jobs.admin.editor.duration_field import DurationField
from jobs.rules.states import PRIORITIES, Misfire, OnLost, Overlap

# Kinds of schedules, and the modes of the builder, which are all cron underneath.
KINDS = [
    ("interval", "Every …"),
    ("hourly", "Hourly"),
    ("daily", "Daily"),
    ("weekly", "Weekly"),
    ("monthly", "Monthly"),
    ("once", "Once"),
    ("cron", "Expression"),
    ("manual", "Manual only"),
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
    "retry_cap": "retry_cap_seconds", "on_lost": "on_lost", "pause_after_failures": "pause_after_failures",
    "requires_approval": "requires_approval",
    "on_queue_full": "on_queue_full",
}  # fmt: skip
MAY_BE_EMPTY = {"max_instances", "start_deadline", "max_runs", "soft_timeout", "pause_after_failures"}
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


def in_utc(text: str) -> datetime | None:
    """What a browser's date and time field says, taken as UTC. Raises `ValidationError`."""
    wall = LocalTimeField(required=False).to_python(text)
    return None if wall is None else wall.replace(tzinfo=UTC)


def _choices(options: list[tuple[str, str]], empty: str) -> list[tuple[str, str]]:
    return [("", empty), *options]


def _number(label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, required=False)


class JobFields(forms.Form):
    """What the form asks for, in words for people."""

    use_required_attribute = False

    tenant = forms.ModelChoiceField(Tenant.objects.none(), required=False, empty_label=None)
    name = forms.CharField(required=False, widget=forms.TextInput(attrs={"maxlength": 200, "autocomplete": "off"}))
    template = forms.ChoiceField(required=False)

    kind = forms.ChoiceField(label="When it runs", choices=KINDS, widget=forms.RadioSelect, required=False)
    cron = forms.CharField(
        label="Cron expression",
        help_text="Five fields, such as 0 9 * * mon-fri, or a name such as @daily.",
        required=False,
        widget=forms.TextInput(attrs={"class": "mono", "autocomplete": "off", "spellcheck": "false"}),
    )
    every = DurationField(label="Every")
    at = LocalTimeField(label="Date and time", required=False)
    timezone = forms.CharField(
        label="Time zone", required=False, widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"})
    )
    day_match = forms.ChoiceField(
        label="Day of the month and day of the week",
        help_text="Counts when the expression names both.",
        choices=_choices([("all", "Both must fit"), ("any", "Either is enough")], "Not chosen"),
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

    calendars = forms.MultipleChoiceField(
        label="Calendars",
        help_text="Runs that one of them leaves out are skipped.",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    pool = forms.ChoiceField(
        label="Pool", help_text="Its runs share the slots of the pool with those of other jobs.", required=False
    )
    on_queue_full = forms.ChoiceField(
        label="When its queue is full",
        choices=[("skip", "Skip the run"), ("degrade", "Wait in a lower priority")],
        required=False,
    )

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
    pause_after_failures = _number(
        "Pause after failures in a row",
        "Counted in runs that failed for good; empty: the job is never paused for that.",
    )

    owner = forms.ChoiceField(help_text="Who answers for it, and hears of it.", required=False)

    requires_approval = forms.BooleanField(
        label="Each run needs approval",
        help_text="It waits until somebody with that right approves it; dry runs do not.",
        required=False,
    )

    note = forms.CharField(
        label="Why this change",
        help_text="Kept with the revision.",
        required=False,
        widget=forms.TextInput(attrs={"maxlength": 500}),
    )
    expected_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

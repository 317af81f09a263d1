"""The form that asks for a backfill: a window on the clock of the job's zone, outcomes, a pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from jobs.admin.editor.fields import LocalTimeField
from jobs.backfill import MOST_AT_ONCE, UNRECORDED
from jobs.models import Job
from jobs.rules.schedule import load_zone
from jobs.rules.states import TickOutcome

OUTCOMES = [
    (TickOutcome.MISSED.value, "Missed"),
    (TickOutcome.SKIPPED.value, "Skipped"),
    (TickOutcome.COALESCED.value, "Coalesced"),
    (TickOutcome.FIRED.value, "Fired"),
    (TickOutcome.LATE.value, "Late"),
    (TickOutcome.SHADOW.value, "Shadow"),
    (UNRECORDED, "Not recorded"),
]
# What the form's fields are called where the engine names a problem.
FIELDS = ("since", "until", "only", "at_once", "dry_run")


class BackfillForm(forms.Form):
    since = LocalTimeField(label="From")
    until = LocalTimeField(label="To")
    only = forms.MultipleChoiceField(
        label="Only runs that were",
        help_text="None chosen: all of them, those that ran as well.",
        choices=OUTCOMES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    at_once = forms.IntegerField(
        label="At once",
        help_text="How many of them may be queued or running at a time.",
        min_value=1,
        max_value=MOST_AT_ONCE,
        initial=1,
    )
    dry_run = forms.BooleanField(
        label="Dry run", help_text="Each says what it would do and changes nothing.", required=False
    )
    note = forms.CharField(label="Why", max_length=500, required=False)

    def __init__(self, job: Job, *args: Any, now: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""
        self.zone = _zone_of(job)
        if not job.template.supports_dry_run:
            del self.fields["dry_run"]
        local = now.astimezone(self.zone).replace(tzinfo=None, second=0, microsecond=0)
        self.fields["since"].initial = local - timedelta(days=1)
        self.fields["until"].initial = local

    def wishes(self) -> dict[str, Any]:
        """As `jobs.backfill.start` takes them."""
        cleaned = self.cleaned_data
        return {
            "since": self._instant(cleaned["since"]),
            "until": self._instant(cleaned["until"]),
            "only": cleaned["only"] or None,
            "at_once": cleaned["at_once"],
            "dry_run": cleaned.get("dry_run", False),
            "note": cleaned["note"],
        }

    def refuse(self, problems: dict[str, list[str]]) -> None:
        for name, texts in problems.items():
            for text in texts:
                self.add_error(name if name in self.fields else None, text)

    def _instant(self, wall: datetime) -> datetime:
        try:
            return wall.replace(tzinfo=self.zone).astimezone(UTC)
        except OverflowError:  # the first or the last day that there is
            return wall.replace(tzinfo=UTC)


def _zone_of(job: Job) -> ZoneInfo:
    """UTC where the stored schedule cannot be read."""
    try:
        return load_zone(job.schedule.timezone)
    except (ValueError, TypeError):
        return load_zone("UTC")

"""The form of a calendar. It converts what was entered; `jobs.calendars` is the judge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms import BaseFormSet, formset_factory

from accounts.models import Tenant
from jobs.admin.editor.fields import LocalTimeField
from jobs.calendars.reader import MOST_BLACKOUTS, WEEKDAYS
from jobs.models import Calendar
from jobs.rules.zones import UnknownZone, load_zone

BLANK_ROWS = 2
PLACE = re.compile(r"(?P<list>holidays|blackouts)(\[(?P<position>\d+)\])?(\.(?P<field>\w+))?")


class CalendarForm(forms.Form):
    use_required_attribute = False

    tenant = forms.ModelChoiceField(Tenant.objects.none(), required=False, empty_label=None)
    name = forms.CharField(required=False, widget=forms.TextInput(attrs={"maxlength": 200, "autocomplete": "off"}))
    slug = forms.CharField(
        label="Short name", help_text="Jobs name it by this, so it stays. Made from the name when left empty.",
        required=False,
    )  # fmt: skip
    timezone = forms.CharField(
        label="Time zone", help_text="Where its days begin and end.", required=False,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )  # fmt: skip
    weekdays = forms.TypedMultipleChoiceField(
        label="Working days", help_text="Runs on other days are skipped. With none chosen every day is one.",
        choices=[(number, day.capitalize()) for number, day in enumerate(WEEKDAYS)], coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    holidays = forms.CharField(
        help_text="One day per line, such as 2026-12-25 Christmas Day. Runs on these days are skipped.", required=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "mono", "spellcheck": "false"}),
    )  # fmt: skip
    expected_updated_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, calendar: Calendar | None, tenants: QuerySet[Tenant], is_open: bool) -> None:
        super().__init__(data, initial=_initial(calendar), label_suffix="")
        if calendar is not None:
            del self.fields["tenant"], self.fields["slug"]
        else:
            field = self.fields["tenant"]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = tenants
        for one in self.fields.values():
            one.disabled = not is_open

    def zone(self) -> Any:
        try:
            return load_zone(self.cleaned_data.get("timezone") or "UTC")
        except UnknownZone:
            return UTC  # the judge speaks of the zone


class BlackoutForm(forms.Form):
    use_required_attribute = False

    name = forms.CharField(required=False, widget=forms.TextInput(attrs={"maxlength": 200, "autocomplete": "off"}))
    starts_at = LocalTimeField(label="From", required=False)
    ends_at = LocalTimeField(label="Until", required=False)
    remove = forms.BooleanField(required=False)

    @property
    def is_left_empty(self) -> bool:
        return not any(self.cleaned_data.get(name) for name in ("name", "starts_at", "ends_at")) and not self.errors

    def to_data(self, zone: Any) -> dict[str, Any]:
        times = {name: self._instant(name, zone) for name in ("starts_at", "ends_at")}
        return {"name": self.cleaned_data.get("name", ""), **times}

    def _instant(self, name: str, zone: Any) -> datetime | None:
        wall: datetime | None = self.cleaned_data.get(name)
        if wall is None:
            return None
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) != wall:
            self.add_error(name, f"The clocks of {zone} leave this time out; choose another.")
        return instant


def blackout_rows(data: Any, calendar: Calendar | None, *, extra: int = BLANK_ROWS) -> Any:
    """The rows of the form: those that are stored, and some to fill in."""
    made: type[BaseFormSet[BlackoutForm]] = formset_factory(
        BlackoutForm, extra=extra, max_num=MOST_BLACKOUTS + 20, absolute_max=MOST_BLACKOUTS + 20
    )
    initial = []
    if calendar is not None and data is None:
        zone = load_zone(calendar.timezone)
        initial = [
            {"name": row.name, "starts_at": _wall(row.starts_at, zone), "ends_at": _wall(row.ends_at, zone)}
            for row in calendar.blackouts.all()
        ]
    return made(data, initial=initial, prefix="blackouts", form_kwargs={"label_suffix": ""})


class Submission:
    """What was posted, as `jobs.calendars` reads it, and where its complaints belong."""

    def __init__(self, form: CalendarForm, rows: Any) -> None:
        self.form = form
        self.rows = rows
        self.kept = [row for row in rows if not row.is_left_empty and not row.cleaned_data.get("remove")]
        self.lines = [
            (number, line.strip())
            for number, line in enumerate(form.cleaned_data.get("holidays", "").splitlines(), start=1)
            if line.strip()
        ]

    @property
    def is_sound(self) -> bool:
        return not self.form.errors and not any(row.errors for row in self.kept)

    def to_data(self) -> dict[str, Any]:
        cleaned, zone = self.form.cleaned_data, self.form.zone()
        data = {
            "name": cleaned.get("name", ""),
            "timezone": cleaned.get("timezone") or "UTC",
            "weekdays": cleaned.get("weekdays", []),
            "holidays": [_day_and_name(line) for _, line in self.lines],
            "blackouts": [row.to_data(zone) for row in self.kept],
        }
        return {**data, "slug": cleaned.get("slug", "")} if "slug" in self.form.fields else data

    def apply_problems(self, problems: Mapping[str, list[str]]) -> None:
        for path, messages in problems.items():
            place = PLACE.fullmatch(path)
            if place is None or place["position"] is None:
                self.form.add_error(path if path in self.form.fields else None, messages)
            elif place["list"] == "holidays":
                number, _ = self.lines[int(place["position"])]
                self.form.add_error("holidays", [f"Line {number}: {message}" for message in messages])
            else:
                row = self.kept[int(place["position"])]
                field = place["field"] or "name"
                if field not in row.errors:
                    row.add_error(field, messages if row.cleaned_data.get(field) else ["Fill this in."])


def _initial(calendar: Calendar | None) -> dict[str, Any]:
    if calendar is None:
        return {"timezone": "UTC"}
    return {
        "name": calendar.name,
        "timezone": calendar.timezone,
        "weekdays": calendar.weekdays,
        "holidays": "\n".join(f"{day} {name}" for day, name in sorted(calendar.holidays.items())),
        "expected_updated_at": calendar.updated_at.isoformat(),
    }


def _day_and_name(line: str) -> dict[str, str]:
    day, _, name = line.partition(" ")
    return {"date": day, "name": name.strip()}


def _wall(at: datetime, zone: Any) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)

"""The fields of the schedule builder: what is chosen by hand becomes a cron expression, and back where that is true."""

from __future__ import annotations

from datetime import time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from jobs.rules.cron import expand
from jobs.rules.cron_builder import EVERY_HOURS, EVERY_MONTHS, MODES, Choice, Mode, MonthDay, choice_of, expression_of
from jobs.rules.cron_syntax import LAST_WEEK, BadCron

WEEKDAYS = [(1, "Mon"), (2, "Tue"), (3, "Wed"), (4, "Thu"), (5, "Fri"), (6, "Sat"), (0, "Sun")]
LONG_WEEKDAYS = [
    *((1, "Monday"), (2, "Tuesday"), (3, "Wednesday"), (4, "Thursday")),
    *((5, "Friday"), (6, "Saturday"), (0, "Sunday")),
]
WEEKS = [(1, "First"), (2, "Second"), (3, "Third"), (4, "Fourth"), (5, "Fifth"), (LAST_WEEK, "Last")]
MONTH_DAYS = [("days", "Days of the month"), ("last", "Last day"), ("weekday", "Weekday")]
FIRST = Choice("daily", 9, weekdays=frozenset(range(1, 6)))
"""What a mode shows before anything was chosen."""
LONGEST = 200


class NumberListField(forms.CharField):
    """`1, 15`: cleans to a set of numbers."""

    def __init__(self, *, low: int, high: int, **options: Any) -> None:
        self.low, self.high = low, high
        attributes = {"autocomplete": "off", "inputmode": "text", "class": "number-list"}
        super().__init__(required=False, widget=forms.TextInput(attrs=attributes), **options)

    def clean(self, value: Any) -> frozenset[int]:
        words = str(value or "")[: LONGEST + 1].replace(",", " ").split()
        known = {str(number) for number in range(self.low, self.high + 1)}
        numbers = [word.lstrip("0") or "0" for word in words]
        if len(str(value or "")) > LONGEST or not all(number in known for number in numbers):
            raise ValidationError(f"Write numbers from {self.low} to {self.high}, such as {self.low}, 15.")
        return frozenset(map(int, numbers))


def _choices(options: list[tuple[int, str]]) -> list[tuple[str, str]]:
    return [(str(value), label) for value, label in options]


def _every(numbers: tuple[int, ...], unit: str) -> list[tuple[str, str]]:
    return [(str(number), f"Every {unit}" if number == 1 else f"Every {number} {unit}s") for number in numbers]


class BuilderFields(forms.Form):
    """Those of all modes; which of them count, the mode says."""

    at_minutes = NumberListField(label="Minutes past the hour", low=0, high=59)
    every_hours = forms.ChoiceField(label="How often", choices=_every(EVERY_HOURS, "hour"), required=False)
    time_of_day = forms.TimeField(
        label="At", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    weekdays = forms.MultipleChoiceField(
        label="On", choices=_choices(WEEKDAYS), required=False, widget=forms.CheckboxSelectMultiple
    )
    month_day = forms.ChoiceField(label="On", choices=MONTH_DAYS, required=False)
    month_days = NumberListField(label="Days", low=1, high=31)
    week = forms.ChoiceField(label="Which one", choices=_choices(WEEKS), required=False)
    weekday = forms.ChoiceField(label="Weekday", choices=_choices(LONG_WEEKDAYS), required=False)
    every_months = forms.ChoiceField(
        label="How often",
        choices=[*_every(EVERY_MONTHS[:-1], "month"), ("12", "Every January")],
        required=False,
    )

    def compose(self) -> None:
        """A mode of the builder becomes the expression that it stands for; one that means the same stays as written."""
        mode = self.cleaned_data.get("kind", "")
        if mode not in MODES:
            return
        self.cleaned_data["kind"] = "cron"
        choice = self._choice(cast(Mode, mode))
        if choice is not None:
            expression, written = expression_of(choice), self.cleaned_data.get("cron", "")
            self.cleaned_data["cron"] = written if _mean_the_same(written, expression) else expression

    def _choice(self, mode: Mode) -> Choice | None:
        """None after what is missing was said at its field."""
        given = self.cleaned_data
        if mode == "hourly":
            every = int(given.get("every_hours") or 1)
            minutes = self._needed("at_minutes", "Write at least one minute, such as 0.")
            return Choice("hourly", minutes=minutes, every_hours=every) if minutes else None
        at: time | None = self._needed("time_of_day", "Choose a time.")
        if mode == "daily":
            return Choice("daily", at.hour, at.minute) if at else None
        if mode == "weekly":
            days = self._needed("weekdays", "Choose at least one day.")
            return Choice("weekly", at.hour, at.minute, weekdays=frozenset(map(int, days))) if at and days else None
        return self._monthly(at)

    def _monthly(self, at: time | None) -> Choice | None:
        given = self.cleaned_data
        month_day = cast(MonthDay, given.get("month_day") or "days")
        days = self._needed("month_days", "Write at least one day, such as 1.") if month_day == "days" else {1}
        if at is None or not days:
            return None
        return Choice(
            "monthly", at.hour, at.minute, month_day=month_day, month_days=frozenset(days),
            week=int(given.get("week") or 1), weekday=int(given.get("weekday") or 1),
            every_months=int(given.get("every_months") or 1),
        )  # fmt: skip

    def _needed(self, name: str, message: str) -> Any:
        value = self.cleaned_data.get(name)
        if value in (None, "", []) or value == frozenset():
            if name not in self.errors:
                self.add_error(name, message)
            return None
        return value


def initial_of(expression: str) -> dict[str, Any]:
    """The mode and the values of the builder, or the mode of the expression where no other says the same."""
    choice = choice_of(expression)
    return {"kind": choice.mode if choice else "cron", **values_of(choice or FIRST)}


def values_of(choice: Choice) -> dict[str, Any]:
    """By field, as the controls show them. What does not belong to the mode keeps what the builder begins with."""
    is_weekly = choice.mode == "weekly"
    at = (9, 0) if choice.mode == "hourly" else (choice.hour, choice.minute)
    return {
        "at_minutes": _listed(choice.minutes),
        "every_hours": str(choice.every_hours),
        "time_of_day": f"{at[0]:02}:{at[1]:02}",
        "weekdays": [str(day) for day, _ in WEEKDAYS if day in (choice if is_weekly else FIRST).weekdays],
        "month_day": choice.month_day,
        "month_days": _listed(choice.month_days),
        "week": str(choice.week),
        "weekday": str(choice.weekday),
        "every_months": str(choice.every_months),
    }


def _listed(numbers: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def _mean_the_same(written: str, expression: str) -> bool:
    try:
        return expand(written) == expand(expression)
    except BadCron:
        return False

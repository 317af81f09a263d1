"""A length of time as a number and a unit, for form fields that end up as whole seconds."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

UNITS = {"s": ("seconds", 1), "min": ("minutes", 60), "h": ("hours", 3_600), "d": ("days", 86_400)}


class DurationInput(forms.MultiWidget):
    def __init__(self) -> None:
        number = forms.NumberInput(attrs={"min": 0, "step": "any", "inputmode": "decimal", "aria-label": "Number"})
        unit = forms.Select(choices=[(key, name) for key, (name, _) in UNITS.items()], attrs={"aria-label": "Unit"})
        super().__init__({"": number, "unit": unit}, attrs={"class": "duration"})

    def decompress(self, value: Any) -> list[Any]:
        if value in (None, ""):
            return [None, "min"]
        for key, (_, size) in reversed(UNITS.items()):
            if isinstance(value, int) and value and value % size == 0:
                return [int(value // size), key]
        return [value, "s"]


class DurationField(forms.MultiValueField):
    """Cleans to seconds: a whole number where there is one. None when the number is left empty."""

    widget = DurationInput

    def __init__(self, **options: Any) -> None:
        fields = (
            forms.FloatField(required=False, min_value=0, error_messages={"invalid": "Write a number."}),
            forms.ChoiceField(choices=[(key, name) for key, (name, _) in UNITS.items()], required=False),
        )
        super().__init__(fields, require_all_fields=False, required=False, **options)

    def compress(self, data_list: list[Any]) -> float | int | None:
        if not data_list or data_list[0] is None:
            return None
        seconds = data_list[0] * UNITS[data_list[1] or "s"][1]
        if seconds > 1e12:
            raise ValidationError("This is too long.")
        return int(seconds) if seconds == int(seconds) else seconds

"""Form fields that turn what a browser sends into a JSON value and back. None of them judges; the schema does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import from_current_timezone
from django.utils import timezone

from templates_registry.forms.widgets import MapInput

NOT_SET = "Not set"
DEEPEST = 50
"""Levels of lists and objects in a value that is written as JSON."""


class _Absent:
    """The user left the field empty: its name is left out of the parameters."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


class JsonValueField(forms.Field):
    """Base: `convert` reads what was entered, `show` is its inverse."""

    schema_required = False

    def __init__(self, *, widget: forms.Widget, **options: Any) -> None:
        super().__init__(required=False, widget=widget, **options)

    def clean(self, value: Any) -> Any:
        if value is None or value == "" or value == []:
            return ABSENT
        return self.convert(value)

    def convert(self, entered: Any) -> Any:
        return entered

    def show(self, value: Any) -> Any:
        return value

    def represents(self, value: Any) -> bool:
        """Whether this field can show the value so that leaving it alone keeps it."""
        try:
            return _same(self.clean(self.show(value)), value)
        except (ValidationError, TypeError, ValueError, AttributeError, KeyError):
            return False

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.show(initial) != data)


class TextField(JsonValueField):
    def convert(self, entered: Any) -> str:
        return str(entered).replace("\r\n", "\n")

    def represents(self, value: Any) -> bool:
        is_one_line = isinstance(self.widget, forms.TextInput)
        return (
            isinstance(value, str) and not (is_one_line and re.search(r"[\r\n]", value)) and super().represents(value)
        )


class DateField(TextField):
    def represents(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


class TimeField(TextField):
    """A time of day in UTC: JSON Schema wants an offset, which the browser's control does not have."""

    def convert(self, entered: Any) -> str:
        match = re.fullmatch(r"(\d\d:\d\d)(:\d\d(?:\.\d+)?)?", str(entered))
        return f"{match[1]}{match[2] or ':00'}Z" if match else str(entered)

    def show(self, value: Any) -> Any:
        return value.removesuffix("Z").removesuffix("+00:00")


class DateTimeField(TextField):
    """A local time of the zone that is current in this request."""

    def convert(self, entered: Any) -> str:
        try:
            local = datetime.fromisoformat(str(entered))
        except ValueError:
            return str(entered)
        instant = from_current_timezone(local) if local.tzinfo is None else local
        return instant.isoformat().replace("+00:00", "Z")

    def show(self, value: Any) -> Any:
        return timezone.localtime(datetime.fromisoformat(value)).replace(tzinfo=None).isoformat()

    def represents(self, value: Any) -> bool:
        try:
            return _instant(self.clean(self.show(value))) == _instant(value)
        except (ValidationError, ValueError, TypeError, AttributeError):
            return False


class NumberField(JsonValueField):
    def __init__(self, *, whole: bool, **options: Any) -> None:
        super().__init__(**options)
        self.whole = whole

    def convert(self, entered: Any) -> int | float:
        return read_number(str(entered), whole=self.whole)

    def show(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value)


class YesNoField(JsonValueField):
    """A checkbox: never absent."""

    def clean(self, value: Any) -> bool:
        return bool(value)


class ChoiceField(JsonValueField):
    """One of a few JSON values; the browser sees each under a key."""

    def __init__(
        self, *, values: Sequence[Any], labels: Sequence[str], choose: type[forms.widgets.ChoiceWidget], **options: Any
    ) -> None:
        plain = all(isinstance(value, str) and value for value in values)
        self.by_key = {value if plain else json.dumps(value): value for value in values}
        super().__init__(widget=choose(), **options)
        self.choices = list(zip(self.by_key, labels, strict=True))
        self.offer(may_be_empty=True)

    def offer(self, *, may_be_empty: bool) -> None:
        assert isinstance(self.widget, forms.widgets.ChoiceWidget)
        self.widget.choices = [*([("", NOT_SET)] if may_be_empty else []), *self.choices]

    def convert(self, entered: Any) -> Any:
        return self.by_key.get(str(entered), entered)

    def show(self, value: Any) -> Any:
        return next((key for key, known in self.by_key.items() if _same(known, value)), None)


class ChoicesField(JsonValueField):
    """A list of some of a few JSON values."""

    def __init__(self, *, values: Sequence[Any], **options: Any) -> None:
        plain = all(isinstance(value, str) and value for value in values)
        self.by_key = {value if plain else json.dumps(value): value for value in values}
        choices = [(key, key if plain else str(value)) for key, value in self.by_key.items()]
        super().__init__(widget=forms.CheckboxSelectMultiple(choices=choices), **options)

    def clean(self, value: Any) -> Any:
        return [] if not value and self.schema_required else super().clean(value)

    def convert(self, entered: Any) -> list[Any]:
        return [self.by_key.get(str(key), key) for key in entered]

    def show(self, value: Any) -> Any:
        return [key for item in value for key, known in self.by_key.items() if _same(known, item)]

    def represents(self, value: Any) -> bool:
        # The browser sends what is ticked in the order of the page.
        if not isinstance(value, list) or len(self.show(value)) != len(value):
            return False
        ordered = [key for key in self.by_key if key in self.show(value)]
        return ordered == self.show(value) and (bool(value) or self.schema_required)


class LinesField(JsonValueField):
    """A list, one item per line; lines that are blank are passed over."""

    def __init__(self, *, read: Callable[[str], Any], **options: Any) -> None:
        super().__init__(**options)
        self.read = read

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return [] if found is ABSENT and self.schema_required else found

    def convert(self, entered: Any) -> Any:
        return self._read(lines(entered)) or ABSENT

    def _read(self, numbered: list[tuple[int, str]]) -> list[Any]:
        items, problems = [], []
        for number, line in numbered:
            try:
                items.append(self.read(line))
            except ValidationError as error:
                problems.append(f"Line {number}: {error.messages[0]}")
        if problems:
            raise ValidationError(problems)
        return items

    def show(self, value: Any) -> Any:
        return "\n".join(show_scalar(item) for item in value)

    def represents(self, value: Any) -> bool:
        return isinstance(value, list) and super().represents(value)


class MapField(LinesField):
    """An object of free names: rows of name and value, and lines of `name: value`."""

    def clean(self, value: Any) -> Any:
        given = MapInput(text=value) if isinstance(value, str) else value or MapInput()
        found = self.convert(given) if given else ABSENT
        return {} if found is ABSENT and self.schema_required else found

    def convert(self, entered: Any) -> Any:
        found: dict[str, Any] = {}
        problems = []
        for where, name, text in _pairs(entered):
            try:
                found[_new_name(name, where, found)] = self.read(text)
            except ValidationError as error:
                problems.append(f"{where}: {error.messages[0]}")
        if problems:
            raise ValidationError(problems)
        return found or ABSENT

    def show(self, value: Any) -> Any:
        return MapInput(tuple((str(name), show_scalar(item)) for name, item in value.items()))

    def represents(self, value: Any) -> bool:
        if not isinstance(value, Mapping) or any(_has_lines(name) or _has_lines(item) for name, item in value.items()):
            return False
        return JsonValueField.represents(self, value)


def _pairs(entered: MapInput) -> Iterator[tuple[str, str, str]]:
    """(where, name, text) of all that was entered; a line without a colon has no name."""
    for number, (name, text) in enumerate(entered.rows, start=1):
        if name or text:
            yield f"Row {number}", name, text
    for number, line in lines(entered.text):
        name, colon, text = (part.strip() for part in line.partition(":"))
        yield f"Line {number}", name if colon else "", text


def _new_name(name: str, where: str, found: Mapping[str, Any]) -> str:
    if not name.strip():
        raise ValidationError("Write it as name: value." if where.startswith("Line") else "Write a name.")
    if name in found:
        raise ValidationError(f"The name {name} is there twice.")
    return name


def _has_lines(text: Any) -> bool:
    return isinstance(text, str) and re.search(r"[\r\n]", text) is not None


class JsonField(JsonValueField):
    """Any value, written as JSON."""

    def convert(self, entered: Any) -> Any:
        try:
            value = json.loads(str(entered), parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            raise ValidationError(
                f"Line {error.lineno}, column {error.colno}: this is not JSON ({error.msg})."
            ) from None
        except (ValueError, RecursionError):
            raise ValidationError("This is not JSON.") from None
        if is_too_deep(value):
            raise ValidationError(f"This is nested more than {DEEPEST} levels deep.")
        return value

    def show(self, value: Any) -> Any:
        return json.dumps(value, indent=2, ensure_ascii=False)


class SecretField(TextField):
    """A text that is taken but never shown."""

    def show(self, value: Any) -> Any:
        return None


def is_too_deep(value: Any) -> bool:
    """Deeper than what may be sent to the API, and so deep that a walk through it could end in a RecursionError."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, dict | list) for one in level)


def read_number(text: str, *, whole: bool) -> int | float:
    text = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        return int(text)
    if whole:
        raise ValidationError("Enter a whole number.")
    # The length first: the pattern takes the square of it.
    if len(text) <= 100 and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        return float(text)
    raise ValidationError("Enter a number.")


def lines(entered: Any) -> list[tuple[int, str]]:
    """The lines that hold something, with their numbers."""
    numbered = enumerate(re.split(r"\r\n|\r|\n", str(entered)), start=1)
    return [(number, line.strip()) for number, line in numbered if line.strip()]


def show_scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _same(one: Any, other: Any) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)

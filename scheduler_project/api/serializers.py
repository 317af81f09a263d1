"""Building blocks of serializers: input that refuses what it does not know, instants in UTC, durations in seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

from django.db import models
from django.utils.functional import cached_property
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

# Docstrings of serializers are descriptions in the OpenAPI document, so what is for us stands in comments.


# Input: an unknown name is refused, with the known ones.
class StrictSerializer(serializers.Serializer[Any]):
    default_error_messages = {"invalid": "Write a JSON object."}

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        found = super().get_fields()
        for field in found.values():
            one = field.child if isinstance(field, serializers.ListField) else field
            one.error_messages.update(_in_our_words(one))
            if isinstance(one, serializers.ChoiceField):
                one.error_messages["invalid_choice"] = f"Write one of {', '.join(map(str, one.choices))}."
        return found

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = ", ".join(self.fields) or "none"
            problems = {str(name): [f"Unknown. Known are {known}."] for name in data if name not in self.fields}
            if problems:
                raise serializers.ValidationError(problems)
        return super().to_internal_value(data)


# DRF's words say what is wrong; these say what would be right.
WORDS: dict[type[serializers.Field[Any, Any, Any, Any]], str] = {
    serializers.IntegerField: "Write a whole number.",
    serializers.FloatField: "Write a number.",
    serializers.BooleanField: "Write true or false.",
}


def _in_our_words(field: serializers.Field[Any, Any, Any, Any]) -> dict[str, str]:
    words = next((words for kind, words in WORDS.items() if isinstance(field, kind)), "")
    return {"invalid": words} if words else {}


class InstantField(serializers.DateTimeField):
    """ISO 8601, written in UTC with a `Z`; what is read must carry its offset."""

    default_error_messages = {
        "invalid": "Write an instant with its offset, such as 2026-11-01T09:00:00Z.",
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)

    def enforce_timezone(self, value: Any) -> Any:
        if value.utcoffset() is None:
            self.fail("invalid", format="")
        try:
            return value.astimezone(UTC)
        except OverflowError:  # an offset that leads out of the years that there are
            self.fail("invalid", format="")


class TrueOrFalseField(serializers.BooleanField):
    """For bodies: `true` or `false`, and no text that means it."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("Write true or false.")
        return data


class TextField(serializers.CharField):
    """For bodies: no number that would be turned into text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Write a text.")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """For bodies: no text that looks like a number."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            raise serializers.ValidationError("Write a whole number.")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.DOUBLE)
class SecondsField(serializers.Field[timedelta | None, Any, float | None, Any]):
    """A duration, written in seconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: timedelta | None) -> float | None:
        return None if value is None else round(value.total_seconds(), 3)


# What a model's attribute holds can be shown as it is.
AS_THEY_ARE = (serializers.CharField, serializers.IntegerField, serializers.BooleanField, serializers.FloatField)

Shown = Callable[["RowSerializer", Any], Any]


# Output: rows as they are shown. DRF would look at the model for each request, and at each field for each row; here
# that is done once for each class, of which only methods (`SerializerMethodField`) know the instance and its context.
# Where the context has `only`, a set of names, the other fields are neither computed nor shown. `needs` has the columns
# that computed fields are made of.
class IdsParameter(serializers.CharField):
    """Ids in a query, separated by commas."""

    def __init__(self, noun: str, most: int, **options: Any) -> None:
        super().__init__(required=False, max_length=most * len(", 9223372036854775807"), **options)
        self._noun, self._most = noun, most

    def to_internal_value(self, data: Any) -> list[int]:  # type: ignore[override]
        parts = [part.strip() for part in super().to_internal_value(data).split(",")]
        if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts) or len(parts) > self._most:
            raise serializers.ValidationError(f"Write at most {self._most} ids of {self._noun}, separated by commas.")
        return list(dict.fromkeys(map(int, parts)))


class RowSerializer(serializers.ModelSerializer[Any]):
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: InstantField,
        models.DurationField: SecondsField,
    }

    def get_fields(self) -> dict[str, Any]:
        """A choice that a row can be without is empty in answers, which DRF forgets of fields that are only read."""
        fields: dict[str, Any] = super().get_fields()
        model: type[models.Model] = self.Meta.model
        known = {field.name: field for field in model._meta.concrete_fields}
        for name, field in fields.items():
            if isinstance(field, serializers.ChoiceField) and getattr(known.get(field.source or name), "blank", False):
                field.allow_blank = True
        return fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {name: show(self, instance) for name, show in self._shown}

    @cached_property
    def _shown(self) -> list[tuple[str, Shown]]:
        only = self.context.get("only")
        plan = _plan(type(self))
        return plan if only is None else [(name, show) for name, show in plan if name in only]


@cache
def _plan(kind: type[RowSerializer]) -> list[tuple[str, Shown]]:
    return [(str(field.field_name), _shown(field)) for field in kind()._readable_fields]


def _shown(field: serializers.Field[Any, Any, Any, Any]) -> Shown:
    if isinstance(field, serializers.SerializerMethodField):
        method = str(field.method_name)
        return lambda serializer, row: getattr(serializer, method)(row)
    if isinstance(field, serializers.PrimaryKeyRelatedField):  # the row that it names need not be read
        number = attrgetter(f"{field.source}_id")
        return lambda serializer, row: number(row)
    read = attrgetter(str(field.source)) if field.source_attrs == [field.source] else field.get_attribute
    if type(field) in AS_THEY_ARE:
        return lambda serializer, row: read(row)
    write = field.to_representation

    def show(serializer: RowSerializer, row: Any) -> Any:
        value = read(row)
        return None if value is None else write(value)

    return show


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.JSONField):
    """Any JSON object."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Write an object.")
        return data


@extend_schema_field({})
class AnyJSONField(serializers.JSONField):
    """Any JSON value."""


class ErrorDetailSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs: `invalid`, `missing_scope`, `not_found`, …")
    message = serializers.CharField(help_text="For people.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text="Messages by the path of what they are about, such as `schedule.cron`.",
    )
    request_id = serializers.CharField(help_text="What to look for in the log; also in the header `X-Request-ID`.")


class ErrorSerializer(serializers.Serializer[Any]):
    error = ErrorDetailSerializer()

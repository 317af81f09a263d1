"""`fields=`: rows with some of their fields only. What is not named is neither computed nor fetched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from scheduler_project.api import keyset
from scheduler_project.api.serializers import RowSerializer

PARAMETER = "fields"


class FieldsParameter(serializers.CharField):
    """Names of fields of a row, separated by commas."""

    def __init__(self, of: type[RowSerializer]) -> None:
        self._known = tuple(of.Meta.fields)
        super().__init__(
            required=False, max_length=2_000, help_text="Only these fields of each row, separated by commas."
        )

    def to_internal_value(self, data: Any) -> Any:
        named = {name.strip() for name in super().to_internal_value(data).split(",")}
        if unknown := sorted(named.difference(self._known)):
            raise serializers.ValidationError(
                f"There is no field {', '.join(name[:60] or 'without a name' for name in unknown[:10])}. "
                f"Known are {', '.join(self._known)}."
            )
        return tuple(name for name in self._known if name in named)


def narrowed(rows: QuerySet[Any], serializer: type[RowSerializer], names: Iterable[str]) -> QuerySet[Any]:
    """The rows with no columns but those that the fields are made of, and those that they are ordered by."""
    columns = {column for name in names for column in _columns(serializer, name)}
    ordering = {key.column for key in keyset.keys_of(rows) or ()}
    relations = {column.rpartition("__")[0] for column in columns if "__" in column}
    rows = rows.select_related(None).defer(None).only("pk", *columns, *ordering)
    return rows.select_related(*relations) if relations else rows


def _columns(serializer: type[RowSerializer], name: str) -> tuple[str, ...]:
    if name in serializer.needs:
        return serializer.needs[name]
    field = serializer().fields[name]
    path = (field.source or name).replace(".", "__")
    if isinstance(field, serializers.SlugRelatedField):
        return (f"{path}__{field.slug_field}",)
    return (path,)

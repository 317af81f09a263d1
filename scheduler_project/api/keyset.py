"""Pages that begin after a row instead of after a number of rows: as fast at depth as at the start, and steady while
rows come and go. The place is a signed token, good for the list that it came from only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as BadValue
from django.db.models import F, Field, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from rest_framework.request import Request

from scheduler_project.api.errors import Invalid

PARAMETER = "cursor"
SALT = "daybook.cursor"
LONGEST = 4_000
BAD = "Is no cursor of ours; take `next_cursor` of an answer as it is, or leave it out to begin anew."
OTHER = "Belongs to another query; ask with the same filters and ordering, or leave it out to begin anew."
IRRELEVANT = {PARAMETER, "limit", "per_page", "fields"}  # what may differ from page to page


@dataclass(frozen=True)
class Key:
    """One column of an ordering. Nulls stand before or behind all values."""

    column: str
    descending: bool
    nulls_last: bool
    field: Field[Any, Any]

    def after(self, value: Any) -> Q:
        return Q(**{f"{self.column}__{'lt' if self.descending else 'gt'}": value})

    def not_before(self, value: Any) -> Q:
        return Q(**{f"{self.column}__{'lte' if self.descending else 'gte'}": value})

    def order(self) -> Any:
        by = F(self.column)
        nulls = {"nulls_last": True} if self.nulls_last else {"nulls_first": True}
        given = nulls if self.field.null else {}
        return by.desc(**given) if self.descending else by.asc(**given)


@dataclass(frozen=True)
class Place:
    """Behind a row of a list: its values of the ordering, and how many rows stand up to it."""

    values: tuple[Any, ...]
    offset: int


def keys_of(rows: Any) -> tuple[Key, ...] | None:
    """The ordering of the rows, made total by the primary key; None when there is none that a row could be found by."""
    if not isinstance(rows, QuerySet) or rows.query.combinator or rows._fields is not None:  # type: ignore[attr-defined]
        return None
    model = rows.model
    keys = []
    for term in rows.query.order_by or model._meta.ordering:
        key = _key(model, term)
        if key is None:
            return None
        keys.append(key)
    if not keys:
        return None
    if not keys[-1].field.primary_key:
        keys.append(Key("pk", keys[-1].descending, nulls_last=True, field=model._meta.pk))
    if any(key.field.null for key in keys[1:]):
        return None
    return tuple(keys)


def _key(model: type[Model], term: Any) -> Key | None:
    if isinstance(term, str):
        name, descending, nulls_last = term.removeprefix("-"), term.startswith("-"), None
    elif isinstance(term, OrderBy) and isinstance(term.expression, F):
        name, descending, nulls_last = str(vars(term.expression)["name"]), term.descending, term.nulls_last
    else:
        return None
    try:
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    if not isinstance(field, Field) or field.is_relation:
        return None
    # PostgreSQL puts nulls behind all values unless told, and turns that round with the rest.
    return Key(name, descending, nulls_last=not descending if nulls_last is None else bool(nulls_last), field=field)


def page(rows: QuerySet[Any], keys: Sequence[Key], place: Place | None, *, most: int) -> list[Any]:
    """The next rows. Values and nulls are asked for one after the other, so that an index serves each."""
    found: list[Any] = []
    for part in _parts(rows.order_by(*(key.order() for key in keys)), keys, place):
        found += part[: most - len(found)]
        if len(found) == most:
            break
    return found


def _parts(rows: QuerySet[Any], keys: Sequence[Key], place: Place | None) -> Iterator[QuerySet[Any]]:
    first = keys[0]
    if not first.field.null:
        yield rows if place is None else rows.filter(_behind(keys, place.values))
        return
    values, nulls = rows.exclude(**{first.column: None}), rows.filter(**{first.column: None})
    order = (values, nulls) if first.nulls_last else (nulls, values)
    if place is None:
        yield from order
        return
    is_among_nulls = place.values[0] is None
    rest = _behind(keys[1:], place.values[1:]) if is_among_nulls else _behind(keys, place.values)
    yield (nulls if is_among_nulls else values).filter(rest)
    if is_among_nulls != first.nulls_last:
        yield order[1]


def _behind(keys: Sequence[Key], values: Sequence[Any]) -> Q:
    """Behind these values. The bound of the first column stands for itself, where an index can begin at it."""
    key, value = keys[0], values[0]
    if len(keys) == 1:
        return key.after(value)
    return key.not_before(value) & (key.after(value) | (Q(**{key.column: value}) & _behind(keys[1:], values[1:])))


def token(request: Request, row: Model, keys: Sequence[Key], offset: int) -> str:
    values = [_written(getattr(row, key.column)) for key in keys]
    return signing.dumps({"q": _identity(request), "v": values, "o": offset}, salt=SALT)


def place(request: Request, keys: Sequence[Key] | None) -> Place | None:
    """Where the request's cursor points; None without one. Raises Invalid."""
    text = request.query_params.get(PARAMETER)
    if text is None:
        return None
    if keys is None:
        raise Invalid({PARAMETER: ["This list has no cursors; use `offset`."]})
    try:
        told: Mapping[str, Any] = signing.loads(text[: LONGEST + 1], salt=SALT)
    except signing.BadSignature:
        raise Invalid({PARAMETER: [BAD]}) from None
    if told["q"] != _identity(request) or len(told["v"]) != len(keys):
        raise Invalid({PARAMETER: [OTHER]})
    try:
        pairs = zip(keys, told["v"], strict=True)
        values = tuple(None if value is None else key.field.to_python(value) for key, value in pairs)
    except BadValue:  # a column of another kind by now
        raise Invalid({PARAMETER: [BAD]}) from None
    return Place(values, int(told["o"]))


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _identity(request: Request) -> str:
    """Of the list: its path, its filters and its ordering."""
    asked = sorted((name, value) for name, value in request.query_params.items() if name not in IRRELEVANT)
    return hashlib.sha256(json.dumps([request.path.rstrip("/"), asked]).encode()).hexdigest()[:24]

"""The bar over a list: its search, a select for each filter, and a chip for each that is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

SEARCH, PAGE, SORT, VIEW = "q", "p", "sort", "view"
# Read by the lists themselves; not filters.
OWN = (PAGE, SORT, VIEW, "ids", "newest", "older", "newer", "since", "until", "zone")
PLACES = (PAGE, "older", "newer")  # where in a list; begins anew with each change of what is listed


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Filter:
    title: str
    name: str
    everything: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address without it."""

    title: str
    label: str
    url: str


@dataclass(frozen=True)
class Bar:
    filters: tuple[Filter, ...]
    chips: tuple[Chip, ...]
    hidden: tuple[tuple[str, str], ...]
    search: str
    is_narrowed: bool


def of(changelist: Any) -> Bar:
    given: Mapping[str, str] = changelist.params
    filters, chips = [], []
    if changelist.query:
        chips.append(Chip("Search", changelist.query, address(given, **{SEARCH: ""})))
    for spec in changelist.filter_specs:
        shown = _filter(spec, changelist)
        chosen = spec.value()
        if shown is not None:
            filters.append(shown)
        if chosen:
            label = spec.label() if hasattr(spec, "label") else dict(spec.lookup_choices).get(chosen, chosen)
            without = getattr(spec, "beside", ())
            chips.append(
                Chip(
                    str(spec.title).capitalize(),
                    label,
                    address(given, **dict.fromkeys([spec.parameter_name, *without], "")),
                )
            )
    ends = [name for spec in changelist.filter_specs for name in getattr(spec, "beside", ())]
    named = {SEARCH, *PLACES, *ends, *(one.name for one in filters)}
    hidden = tuple((name, value) for name, value in given.items() if name not in named)
    return Bar(tuple(filters), tuple(chips), hidden, changelist.query, bool(chips))


def _filter(spec: Any, changelist: Any) -> Filter | None:
    """None for one that is set by links only, or between whose choices there is nothing to choose."""
    if getattr(spec, "is_set_by_links", False):
        return None
    counts = spec.get_facet_queryset(changelist) if changelist.add_facets else None
    choices = []
    for place, (value, label) in enumerate(spec.lookup_choices):
        count = None if counts is None else counts[f"{place}__c"]
        is_chosen = value == spec.value()
        if count == 0 and not is_chosen:
            continue
        choices.append(Choice(value, label if count is None else f"{label} ({count})", is_chosen))
    if not choices:
        return None
    return Filter(str(spec.title).capitalize(), spec.parameter_name, getattr(spec, "everything", "All"), tuple(choices))


def address(given: Mapping[str, str], **changes: str) -> str:
    """The list with other parameters; an empty one is left out, and the list begins at its first page."""
    merged = {**given, **dict.fromkeys(PLACES, ""), **changes}
    return "?" + urlencode({name: value for name, value in merged.items() if value})

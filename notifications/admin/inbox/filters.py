"""The filters of the inbox, as they stand in the address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from jobs.admin.lists.filter_bar import SEARCH, Bar, Chip, Choice, Filter, address
from notifications.admin.inbox.lines import SEVERITIES
from notifications.inbox.reading import Wanted
from notifications.rules.kinds import Severity
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of

LONGEST_SEARCH, LONGEST_TYPE = 200, 60
STATES = {"unread": "Unread", "read": "Read"}
WHEN = {"1h": ("Last hour", 1), "24h": ("Last 24 hours", 24), "7d": ("Last 7 days", 168), "30d": ("Last 30 days", 720)}
# From this one on; in the order of gravity.
FROM = {severity.value: SEVERITIES[severity][0] for severity in reversed(Severity)}
FROM_WORDS = {
    value: word if value == Severity.CRITICAL else "Any" if value == Severity.INFO else f"{word} and worse"
    for value, word in FROM.items()
    if value != Severity.INFO
}


@dataclass(frozen=True)
class Known:
    """What there is to choose from."""

    tenants: Mapping[str, str]
    types: Iterable[str]


def given(query: Mapping[str, str]) -> dict[str, str]:
    """The parameters that mean something."""
    found = {name: sql.text(query.get(name, "")).strip() for name in ("state", "severity", "when", "tenant", "type")}
    found |= {name: query.get(name, "") for name in ("job", "id") if number_of(query.get(name, "")) is not None}
    found[SEARCH] = sql.text(query.get(SEARCH, "")).strip()[:LONGEST_SEARCH]
    for name, known in (("state", STATES), ("severity", FROM_WORDS), ("when", WHEN)):
        found[name] = found[name] if found[name] in known else ""
    found["type"] = found["type"][:LONGEST_TYPE]
    return {name: value for name, value in found.items() if value}


def read(query: Mapping[str, str]) -> Wanted:
    found = given(query)
    hours = WHEN[found["when"]][1] if "when" in found else None
    state = found.get("state")
    one = number_of(found.get("id", ""))
    return Wanted(
        unread=None if state is None else state == "unread",
        severity=found.get("severity", ""),
        type=found.get("type", ""),
        job_id=number_of(found.get("job", "")),
        text=found.get(SEARCH, ""),
        since=sql.now() - timedelta(hours=hours) if hours else None,
        tenant=found.get("tenant", ""),
        ids=() if one is None else (one,),
    )


def bar(query: Mapping[str, str], known: Known) -> Bar:
    found = given(query)
    choices = [
        ("State", "state", "Read or not", STATES),
        ("Severity", "severity", "Any severity", FROM_WORDS),
        ("When", "when", "Any time", {name: words for name, (words, _) in WHEN.items()}),
        ("Type", "type", "Any type", {name: name for name in known.types}),
        ("Tenant", "tenant", "Any tenant", known.tenants),
    ]
    filters = tuple(_filter(found, *one) for one in choices if len(one[3]) > 1 or found.get(one[1]))
    chips = [
        Chip(title, labels.get(found[name], found[name]), address(found, **{name: ""}))
        for title, name, _, labels in choices
        if name in found
    ]
    chips += [Chip(title, found[name], address(found, **{name: ""})) for title, name in BY_LINK if name in found]
    hidden = tuple((name, found[name]) for _, name in BY_LINK if name in found and name != SEARCH)
    return Bar(filters, tuple(chips), hidden, found.get(SEARCH, ""), bool(chips))


BY_LINK = (("Search", SEARCH), ("Job", "job"), ("Number", "id"))


def _filter(found: Mapping[str, str], title: str, name: str, everything: str, labels: Mapping[str, str]) -> Filter:
    chosen = found.get(name, "")
    # What is chosen stays to be seen, also when it is none of those that there are.
    known = labels if not chosen or chosen in labels else {**labels, chosen: chosen}
    return Filter(title, name, everything, tuple(Choice(value, word, value == chosen) for value, word in known.items()))

"""The topics that are read from each client's own place on, so that nothing is left out and nothing comes twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from notifications.live import bounds, inbox, runs
from notifications.live.news import News, Place
from notifications.live.topics import Topic
from scheduler_project.api.errors import Invalid
from scheduler_project.api.principal import Principal

Read = Callable[[Principal, Mapping[Topic, Any]], Mapping[Topic, News]]


@dataclass(frozen=True)
class Kind:
    read_place: Callable[[object], Place]
    begin: Callable[[], Place]
    """Where a client begins that names no place."""
    read: Read
    concerns: Callable[[Principal, Mapping[str, Any]], bool]
    """Whether a message on the channel layer says that there may be something for this client."""
    look_every: float
    """Seconds after which it is read without anybody's having said that there is something."""


def _runs(_: Principal, places: Mapping[Topic, Any]) -> dict[Topic, News]:
    """One statement for all. A run that is gone has no news."""
    found = runs.read([(topic.id, place) for topic, place in places.items()])
    return {topic: found[topic.id] for topic in places if topic.id in found}


def _inbox(principal: Principal, places: Mapping[Topic, Any]) -> dict[Topic, News]:
    return {topic: inbox.read(principal, place) for topic, place in places.items()}


KINDS: Mapping[str, Kind] = {
    "exec": Kind(runs.read_place, runs.Place, _runs, lambda *_: True, bounds.LOOK_AT_RUNS),
    "notifications": Kind(inbox.read_place, inbox.begin, _inbox, inbox.concerns, bounds.LOOK_AT_INBOX),
}


def read_places(since: Mapping[str, object], wanted: Iterable[Topic]) -> dict[str, Place]:
    """By the name of the topic. Raises `Invalid`."""
    known = {str(topic): topic for topic in wanted if topic.has_places}
    if stray := set(map(str, since)).difference(known):
        why = f"{stray.pop()[:80]} is none of the runs (exec:<id>) or `notifications` that are listened to."
        raise Invalid({"since": [why]})
    return {name: KINDS[known[name].kind].read_place(text) for name, text in since.items()}


def begin(wanted: Iterable[Topic]) -> dict[Topic, Place]:
    return {topic: KINDS[topic.kind].begin() for topic in wanted if topic.has_places}


def concerns(principal: Principal, topic: Topic, message: Mapping[str, Any]) -> bool:
    return KINDS[topic.kind].concerns(principal, message)


def read(principal: Principal, places: Mapping[Topic, Place]) -> dict[Topic, News]:
    found: dict[Topic, News] = {}
    for name, kind in KINDS.items():
        if of_kind := {topic: place for topic, place in places.items() if topic.kind == name}:
            found |= kind.read(principal, of_kind)
    return found

"""The topic `notifications`: what changes in the listener's own inbox, and how much of it is unread."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from notifications import switch
from notifications.inbox import following, readers, reading
from notifications.inbox.following import Told
from notifications.inbox.readers import Reader
from notifications.inbox.waking import TOPIC
from notifications.live import messages
from notifications.live.messages import Message
from notifications.live.news import News
from scheduler_project.api.errors import Invalid
from scheduler_project.api.principal import Principal
from scheduler_project.lib.instants import instant

TYPE: Final = "ui.notification"
FORM = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """The last change that the client knows. One that is `new` has not been told yet how things stand."""

    change: int
    is_new: bool = False

    def __str__(self) -> str:
        return str(self.change)


def read_place(text: object) -> Place:
    """Raises `Invalid`."""
    if not isinstance(text, str) or FORM.fullmatch(text) is None:
        raise Invalid(
            {"since": [f"{str(text)[:40]!r} is no place in an inbox. Send back the last `seq`, such as 812."]}
        )
    return Place(int(text))


def begin() -> Place:
    return Place(following.place_now(), is_new=True)


def concerns(principal: Principal, message: Mapping[str, Any]) -> bool:
    data = message["data"]
    return data is None or "users" not in data or _reader(principal).is_concerned(data["users"], data["tenants"])


def read(principal: Principal, place: Place) -> News:
    if not switch.is_on():  # nothing is pushed; from its place on it is told later
        return News([], place)
    reader = _reader(principal)
    followed = following.after(reader, place.change)
    end = Place(followed.place)
    if not (followed.told or followed.has_gap or place.is_new):
        return News([], end)
    unread = reading.unread_count(reader)
    found: list[Message] = []
    if followed.has_gap:
        found.append(_state("resync", end, unread))
    elif place.is_new:
        found.append(_state("inbox", place, unread))
    found += [_message(told, unread) for told in followed.told]
    return News(found, end, followed.has_more)


def _reader(principal: Principal) -> Reader:
    return readers.of_principal(principal)


def _state(kind: str, place: Place, unread: int) -> Message:
    return {"topic": TOPIC, "type": kind, "seq": str(place), "data": {"unread": unread}, "at": messages.now()}


def _message(told: Told, unread: int) -> Message:
    is_one = told.notification_id is not None
    data = {"event": told.kind, "notification": told.data if is_one else None, "unread": unread}
    if not is_one:
        data |= told.data
    return {"topic": TOPIC, "type": TYPE, "seq": str(told.id), "data": data, "at": instant(told.at)}

"""What a client may say: topics to listen to and to leave. Everything else is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scheduler_project.api.errors import Invalid

KNOWN = ("subscribe", "unsubscribe", "since", "seen")


@dataclass(frozen=True)
class Frame:
    subscribe: list[object] = field(default_factory=list)
    unsubscribe: list[object] = field(default_factory=list)
    since: Mapping[str, object] = field(default_factory=dict)
    seen: object = ""
    """The state that is shown already, as the page was given it; see `missed`."""


def read(text: str) -> Frame:
    """Raises `Invalid`."""
    try:
        wish = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid({"": ["This is no JSON."]}) from None
    if not isinstance(wish, dict):
        raise Invalid({"": ["Send a JSON object."]})
    if strangers := [name for name in wish if name not in KNOWN]:
        known = ", ".join(KNOWN)
        why = f"Known are {known}. This channel only reads; use the API to change anything."
        raise Invalid({name[:80]: [why] for name in strangers[:5]})
    for name, kind in (("subscribe", list), ("unsubscribe", list), ("since", dict)):
        if not isinstance(wish.get(name, kind()), kind):
            what = "a list of topics" if kind is list else "an object: the last `seq` of each topic"
            raise Invalid({name: [f"Must be {what}."]})
    return Frame(**wish)


def write(message: Mapping[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))

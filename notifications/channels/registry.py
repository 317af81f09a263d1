"""The kinds of channels that there are, each once, judged as they are registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from notifications.channels.apprise import AppriseChannel
from notifications.channels.base import ChannelType
from notifications.channels.email import EmailChannel
from notifications.channels.pagerduty import PagerDutyChannel
from notifications.channels.slack import SlackChannel
from notifications.channels.webhook import WebhookChannel
from notifications.rules.kinds import ChannelKind

MOST_AT_ONCE = 8  # of one channel; the claim looks no further


def _registered(*types: ChannelType) -> Mapping[ChannelKind, ChannelType]:
    """Raises `ValueError` when one is missing, or cannot be as it says."""
    known = {one.kind: one for one in types}
    if set(known) != set(ChannelKind) or len(known) != len(types):
        raise ValueError("Each kind of channel has one type.")
    for one in types:
        names = [field.name for field in one.fields]
        if len(set(names)) != len(names) or not 1 <= one.sends_at_once <= MOST_AT_ONCE:
            raise ValueError(f"The type {one.kind} names a field twice, or sends too much at once.")
    return known


_TYPES = _registered(EmailChannel(), SlackChannel(), WebhookChannel(), PagerDutyChannel(), AppriseChannel())


def type_of(kind: str) -> ChannelType:
    """Raises `ValueError` for what is no kind."""
    return _TYPES[ChannelKind(kind)]


def all_types() -> Sequence[ChannelType]:
    return list(_TYPES.values())

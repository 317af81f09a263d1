"""How a channel does, in a chip and in a sentence, and what became of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from notifications.models import Channel
from notifications.rules.kinds import SendingStatus
from scheduler_project.lib import markup

OF_DELIVERIES = {
    SendingStatus.WAITING: ("Waiting", "quiet", "dots"),
    SendingStatus.DELIVERED: ("Delivered", "good", "check"),
    SendingStatus.DEAD: ("Dead", "bad", "octagon"),
    SendingStatus.DROPPED: ("Dropped", "quiet", "skip"),
}


@dataclass(frozen=True)
class State:
    chip: SafeString
    words: str = ""
    until: datetime | None = None


def state_of(channel: Channel, now: datetime) -> State:
    failures = channel.failures_in_row
    if not channel.is_enabled:
        return State(markup.chip("Switched off", tone="quiet", shape="stop"), "Nothing is sent by it.")
    failed = f"{failures} tr{'y' if failures == 1 else 'ies'} failed in a row"
    if channel.open_until is not None and channel.open_until > now:
        return State(markup.chip("Circuit open", tone="bad", shape="alert"), failed, channel.open_until)
    if failures:
        return State(markup.chip("Failing", tone="warn", shape="alert"), failed)
    return State(markup.chip("Active", tone="good", shape="check"))


def delivery_chip(status: str) -> SafeString:
    word, tone, shape = OF_DELIVERIES[SendingStatus(status)]
    return markup.chip(word, tone=tone, shape=shape)

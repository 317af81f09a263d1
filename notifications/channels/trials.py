"""Trying a channel: how its messages look, and what the receiver answers to one that is sent now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jobs import trail
from notifications import switch
from notifications.channels import examples, pace, registry, secrets
from notifications.channels.base import Letter
from notifications.channels.calling import Tried, call
from notifications.channels.message import Message
from notifications.channels.reader import ChannelInput, read
from notifications.models import Channel, Delivery
from notifications.rules.answers import Came
from notifications.rules.kinds import ChannelKind, Kind
from scheduler_project.lib import sql, transactions

TEST_TITLE = "A test of the channel {name}"
TEST_REASON = "Somebody asked Daybook to send this. Nothing has happened to any job."


class NotificationsDisabled(Exception):
    """Nothing is sent, since the operator has switched notifications off."""


def require_sending() -> None:
    """Raises `NotificationsDisabled`."""
    if why := switch.refusal():
        raise NotificationsDisabled(why)


def send_test(channel: Channel, *, actor: str, to: str = "") -> Tried:
    """Send a message now and say what came back. Nothing is stored or tried again; of the channel's minute it is one.
    Mail for a rule's people goes to `to`.

    Raises `NotificationsDisabled`, `MinuteIsSpent`, `CannotOpen`, `KeysUnavailable`.
    """
    require_sending()
    message = examples.example(Kind.FAILED, tenant=channel.tenant.slug, is_test=True)
    facts = {**message.facts, "job": None, "execution": None, "failures_in_row": 0, "error": "", "rule": ""}
    facts |= {"title": TEST_TITLE.format(name=channel.name), "reason": TEST_REASON, "path": "/admin/", "kind": "test"}
    letter = Letter(
        replace(message, facts=facts),
        channel.config,
        secrets.open_all(channel.secret, tenant_id=channel.tenant_id, public_id=channel.public_id),
        signs_with=channel.secrets(sql.now()),
        to=[to] if to and not channel.config.get("to") else [],
    )
    pace.count_one(channel)
    transactions.release_connection()
    tried = call(registry.type_of(channel.kind), letter)
    after = {"taken": tried.answer.came is Came.TAKEN, "status": tried.answer.status}
    trail.tell("notification_channel.tested", channel, actor=actor, after=after)
    return tried


def preview(
    kind: ChannelKind,
    *,
    tenant: str,
    config: Mapping[str, Any] | None = None,
    title_text: str = "",
    body_text: str = "",
    about: str = Kind.FAILED,
    count: int = 1,
) -> dict[str, Any]:
    """What would be sent of an example of `about`, one of `examples.LABELS`, without secrets. Raises
    `InvalidChannel`."""
    title_text, body_text = _judged(kind, title_text, body_text)
    message = examples.about(about, tenant=tenant, count=count, title_text=title_text, body_text=body_text)
    return shown(kind, message, config or {})


def preview_of(delivery: Delivery, *, title_text: str | None = None, body_text: str | None = None) -> dict[str, Any]:
    """What would be sent of a delivery that there is. Raises `InvalidChannel`."""
    channel = delivery.channel
    title, body = _judged(
        ChannelKind(channel.kind),
        channel.title_text if title_text is None else title_text,
        channel.body_text if body_text is None else body_text,
    )
    message = replace(examples.of_delivery(delivery, channel), title_text=title, body_text=body)
    return shown(ChannelKind(channel.kind), message, channel.config)


def shown(kind: ChannelKind, message: Message, config: Mapping[str, Any]) -> dict[str, Any]:
    """`sent` is what goes out, in the form that the receiver asks for."""
    sent = registry.type_of(kind).compose(message, config)
    return {"title": message.title(), "text": message.text(), "sent": sent}


def _judged(kind: ChannelKind, title_text: str, body_text: str) -> tuple[str, str]:
    given = {"title_text": title_text, "body_text": body_text}
    found = read(given, current=ChannelInput(name="preview", kind=kind.value))
    return found.title_text, found.body_text

"""A call of one's own program: JSON, signed as all of our calls are."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from jobs.rules.webhooks import GONE
from notifications.channels import fields, posting
from notifications.channels.base import ChannelType, Letter
from notifications.channels.fields import Field
from notifications.channels.message import Message
from notifications.rules.answers import Answer
from notifications.rules.kinds import ChannelKind
from scheduler_project.lib import signatures


class WebhookChannel(ChannelType):
    kind = ChannelKind.WEBHOOK
    label = "Webhook"
    about = "A signed call of an address of yours, with all facts as JSON."
    is_signed = True
    fields = (
        Field(
            "url",
            "Address",
            "http or https, on a public address. Path and query are shown only to who may change the channel.",
            "url",
            fields.url,
            is_required=True,
        ),
        Field(
            "authorization",
            "Authorization",
            "What to send in the header Authorization, where the receiver asks for it.",
            "text",
            fields.text_of(1_000),
            is_secret=True,
            meant_for="url",
        ),
    )

    def compose(self, message: Message, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": str(message.uid),
            "event": "notification.test" if message.is_test else "notification",
            "type": message.type,
            "severity": message.severity.value,
            "title": message.title(),
            "text": message.text(),
            "count": message.count,
            "occurred_at": message.at.isoformat(),
            "link": message.link or None,
            **{name: value for name, value in message.facts.items() if name not in ("count", "path", "title")},
        }

    def send(self, letter: Letter) -> Answer:
        payload = self.compose(letter.message, letter.config)
        body = posting.as_json(payload)
        headers = {
            "X-Daybook-Event": payload["event"],
            "X-Daybook-Delivery": payload["id"],
            "Idempotency-Key": payload["id"],
            signatures.HEADER: signatures.sign(letter.signs_with, at=int(time.time()), body=body),
        }
        if authorization := letter.secrets.get("authorization"):
            headers["Authorization"] = authorization
        return posting.post(letter.config["url"], body, headers=headers, refusals=frozenset({GONE}))

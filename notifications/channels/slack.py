"""Slack by an incoming webhook, and those who understand the same, such as Mattermost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifications.channels import fields, posting
from notifications.channels.base import ChannelType, Letter
from notifications.channels.fields import Field
from notifications.channels.message import Message
from notifications.rules.answers import Answer
from notifications.rules.kinds import ChannelKind, Severity
from scheduler_project.lib.http import HttpClient

MOST_HEADER, MOST_TEXT = 150, 3_000
SIGNS: Mapping[Severity, str] = {
    Severity.INFO: ":information_source:",
    Severity.SUCCESS: ":white_check_mark:",
    Severity.WARNING: ":warning:",
    Severity.ERROR: ":x:",
    Severity.CRITICAL: ":rotating_light:",
}


class SlackChannel(ChannelType):
    kind = ChannelKind.SLACK
    label = "Slack"
    about = "Messages into a channel of Slack by an incoming webhook."
    fields = (
        Field(
            "url",
            "Webhook's address",
            "The address that Slack shows for the incoming webhook.",
            "url",
            fields.url,
            is_secret=True,
            is_required=True,
        ),
    )

    def shown_of(self, secrets: Mapping[str, str]) -> Mapping[str, str]:
        return {"host": HttpClient().check(secrets["url"]).host or ""}

    def compose(self, message: Message, config: Mapping[str, Any]) -> dict[str, Any]:
        body = message.body(escaped)
        blocks: list[dict[str, Any]] = [
            {"type": "header", "text": {"type": "plain_text", "text": message.title()[:MOST_HEADER]}}
        ]
        if body:
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": cut(body, MOST_TEXT)}})
        if details := message.details():
            text = "   ".join(f"*{escaped(label)}* {escaped(value)}" for label, value in details)
            blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, MOST_TEXT)}]})
        if message.link and not message.body_text:
            link = f"<{escaped(message.link)}|Open in Daybook>"
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link}})
        text = f"{SIGNS[message.severity]} {message.title(escaped)}"
        return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}

    def send(self, letter: Letter) -> Answer:
        return posting.post(letter.secrets["url"], posting.as_json(self.compose(letter.message, letter.config)))


def escaped(text: str) -> str:
    """So that what jobs print mentions nobody and links nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """Never within an entity: Slack refuses the whole message then."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    start = kept.rfind("&")
    return (kept[:start] if start >= 0 and ";" not in kept[start:] else kept) + "…"

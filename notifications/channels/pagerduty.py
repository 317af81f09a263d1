"""PagerDuty by Events v2: a failure triggers the incident of its job, and a recovery resolves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from notifications.channels import fields, posting
from notifications.channels.base import ChannelType, Letter
from notifications.channels.fields import Field
from notifications.channels.message import Message
from notifications.rules.answers import Answer, Came
from notifications.rules.kinds import ChannelKind, Kind, Severity

REGIONS = (("us", "United States (events.pagerduty.com)"), ("eu", "Europe (events.eu.pagerduty.com)"))
HOSTS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
PATH = "/v2/enqueue"
RESOLVES = frozenset({Kind.RECOVERED, Kind.SUCCEEDED})
MOST_SUMMARY, MOST_KEY = 1_024, 255
SEVERITIES: Mapping[Severity, str] = {
    Severity.INFO: "info",
    Severity.SUCCESS: "info",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "critical",
}


class PagerDutyChannel(ChannelType):
    kind = ChannelKind.PAGERDUTY
    label = "PagerDuty"
    about = "An incident for each job that fails, resolved when it works again."
    keeps_order = True  # a trigger after its resolve would stay open for ever
    sends_at_once = 2
    fields = (
        Field(
            "routing_key",
            "Integration key",
            "Of an integration of the type Events API v2.",
            "text",
            fields.text_of(100),
            is_secret=True,
            is_required=True,
        ),
        Field("region", "Region", "Where the account is.", "choice", fields.choice_of(REGIONS), "us", choices=REGIONS),
    )

    def compose(self, message: Message, config: Mapping[str, Any]) -> dict[str, Any]:
        event: dict[str, Any] = {
            "event_action": "resolve" if message.kind in RESOLVES else "trigger",
            "dedup_key": dedup_key(message),
            "client": "Daybook",
            "payload": {
                "summary": message.title()[:MOST_SUMMARY],
                "source": str(message.facts.get("tenant") or "daybook"),
                "severity": SEVERITIES[message.severity],
                "timestamp": message.at.isoformat(),
                "class": message.kind or message.type,
                "component": str((message.job or {}).get("slug") or "daybook"),
                "group": str(message.facts.get("tenant") or "daybook"),
                "custom_details": {"text": message.body(), **dict(message.details())},
            },
        }
        if message.link:
            event |= {"client_url": message.link, "links": [{"href": message.link, "text": "Open in Daybook"}]}
        return event

    def send(self, letter: Letter) -> Answer:
        event = self.compose(letter.message, letter.config)
        answer = self._enqueue(letter, event)
        if letter.message.is_test and answer.came is Came.TAKEN:  # nobody is to be kept awake by it
            self._enqueue(letter, {**event, "event_action": "resolve"})
        return answer

    def _enqueue(self, letter: Letter, event: Mapping[str, Any]) -> Answer:
        host: str = settings.DAYBOOK_PAGERDUTY_URL or HOSTS[letter.config.get("region", "us")]
        body = posting.as_json({**event, "routing_key": letter.secrets["routing_key"]})
        return posting.post(host.rstrip("/") + PATH, body)


def dedup_key(message: Message) -> str:
    """What one incident is about: a job, or something else that happened."""
    about = f"job-{message.job['id']}" if message.job else f"{message.kind or message.type}"
    key = f"daybook/{message.facts.get('tenant') or 'system'}/{about}"
    return (f"{key}/test-{message.uid}" if message.is_test else key)[:MOST_KEY]

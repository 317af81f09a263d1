"""PagerDuty by Events v2: a failure triggers the incident of its job, and a recovery resolves it.

What comes late or too slowly has an incident of its own beside that one, so that it hides no failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings

from notifications.channels import fields, posting
from notifications.channels.base import ChannelType, Letter
from notifications.channels.fields import Field
from notifications.channels.message import Message
from notifications.rules.answers import Answer, Came
from notifications.rules.kinds import RESOLVING, ChannelKind, Kind, Severity

REGIONS = (("us", "United States (events.pagerduty.com)"), ("eu", "Europe (events.eu.pagerduty.com)"))
HOSTS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
PATH = "/v2/enqueue"
OF_TIME = frozenset({Kind.MISSED, Kind.LATE, Kind.SLOW})
TIME = "time"
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
    about = "An incident for each job that fails, resolved by its recovery."
    note = (
        "So its rules ask for recoveries too. What is late, missed or slow has another incident of its job, resolved "
        "by the next success or recovery that a rule tells. Nothing tells the end of a storm or of trouble of the "
        "system: those are closed by hand."
    )
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
            "event_action": "resolve" if message.kind in RESOLVING else "trigger",
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
                "custom_details": {"text": message.body(), **dict(message.details()), "Closed by": closed_by(message)},
            },
        }
        if message.link:
            event |= {"client_url": message.link, "links": [{"href": message.link, "text": "Open in Daybook"}]}
        return event

    def send(self, letter: Letter) -> Answer:
        answers = (self._enqueue(letter, event) for event in self._events(letter))
        answer = next(answers)
        while answer.came is Came.TAKEN and (following := next(answers, None)):
            answer = following
        return answer

    def _events(self, letter: Letter) -> Iterator[Mapping[str, Any]]:
        event, message = self.compose(letter.message, letter.config), letter.message
        if message.job and message.kind in RESOLVING:
            yield {**event, "dedup_key": f"{event['dedup_key']}/{TIME}"}
        yield event
        if message.is_test:  # nobody is to be kept awake by it
            yield {**event, "event_action": "resolve"}

    def _enqueue(self, letter: Letter, event: Mapping[str, Any]) -> Answer:
        host: str = settings.DAYBOOK_PAGERDUTY_URL or HOSTS[letter.config.get("region", "us")]
        body = posting.as_json({**event, "routing_key": letter.secrets["routing_key"]})
        return posting.post(host.rstrip("/") + PATH, body)


def dedup_key(message: Message) -> str:
    """What one incident is about: a job, its times, or something else that happened."""
    place = f"daybook/{message.facts.get('tenant') or 'system'}"
    if message.is_test:
        about = f"test-{message.uid}"
    elif message.job:
        about = f"job-{message.job['id']}{f'/{TIME}' if message.kind in OF_TIME else ''}"
    else:
        about = "/".join(filter(None, (message.facts.get("digest"), message.kind or message.type)))
    return f"{place}/{about}"[:MOST_KEY]


def closed_by(message: Message) -> str:
    """For who is on call: what ends the incident."""
    if not message.job:
        return "hand: nothing tells its end"
    return "the next success that is told, else hand" if message.kind in OF_TIME else "the recovery that is told"

"""Reads a webhook from untrusted input, field by field, and collects every problem with its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.definition import Problems
from jobs.models import Job, Webhook
from jobs.rules.webhooks import RunEvent
from scheduler_project.lib.http import HttpClient, OutboundRefused
from scheduler_project.lib.input import InvalidInput, printable_text

FIELDS = ("name", "url", "job", "events", "enabled")
EVENTS = tuple(event.value for event in RunEvent)
FAILURES = tuple(event for event in EVENTS if event not in ("succeeded", "cancelled"))
MOST_URL = 2_000


class InvalidWebhook(InvalidInput):
    """Input that is no webhook; `fields` has the messages by path."""


@dataclass(frozen=True)
class WebhookInput:
    """A webhook as it is to be stored."""

    name: str = ""
    url: str = ""
    job: int | None = None
    events: tuple[str, ...] = FAILURES
    enabled: bool = True

    @classmethod
    def of(cls, webhook: Webhook) -> WebhookInput:
        return cls(webhook.name, webhook.url, webhook.job_id, tuple(webhook.events), webhook.is_enabled)

    def write_to(self, webhook: Webhook) -> None:
        webhook.name, webhook.url, webhook.job_id = self.name, self.url, self.job
        webhook.events, webhook.is_enabled = list(self.events), self.enabled


def read(data: Mapping[str, Any], *, tenant_id: int, current: WebhookInput | None = None) -> WebhookInput:
    """What `data` describes, on top of `current` when one is changed. Raises `InvalidWebhook`."""
    reader = Reader(data, current or WebhookInput(), tenant_id)
    found = reader.read()
    if reader.problems:
        raise InvalidWebhook(reader.problems)
    return found


class Reader:
    def __init__(self, data: Mapping[str, Any], base: WebhookInput, tenant_id: int) -> None:
        self.data = data
        self.base = base
        self.tenant_id = tenant_id
        self.problems: Problems = {}

    def refuse(self, path: str, message: str) -> None:
        self.problems.setdefault(path, []).append(message)

    def read(self) -> WebhookInput:
        for name in self.data:
            if name not in FIELDS:
                self.refuse(str(name)[:100], f"Unknown field. Known are {', '.join(FIELDS)}.")
        readers = {name: getattr(self, name) for name in FIELDS if name in self.data or name in ("name", "url")}
        given = {"name": self.base.name, "url": self.base.url, **self.data}
        return replace(self.base, **{name: read(given[name]) for name, read in readers.items()})

    def name(self, value: object) -> str:
        text, problem = printable_text(value, most=200)
        if problem:
            self.refuse("name", problem)
        return text

    def url(self, value: object) -> str:
        text, problem = printable_text(value, most=MOST_URL)
        if not problem:
            try:
                HttpClient().check(text)
            except OutboundRefused as error:
                problem = str(error)
        if problem:
            self.refuse("url", problem)
        return text

    def job(self, value: object) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
            self.refuse("job", "Write the id of a job, or null for all jobs.")
            return None
        if not Job.objects.filter(pk=value, tenant_id=self.tenant_id).exists():
            self.refuse("job", f"The tenant has no job {value}.")
        return value

    def events(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value or any(one not in EVENTS for one in value):
            self.refuse("events", f"Write a list of {', '.join(EVENTS)}.")
            return ()
        return tuple(event for event in EVENTS if event in value)

    def enabled(self, value: object) -> bool:
        if not isinstance(value, bool):
            self.refuse("enabled", "Write true or false.")
        return bool(value)

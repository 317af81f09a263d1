"""A message in words: made from the facts of a delivery, by the usual words or by those of the channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from notifications.rules.kinds import ABOUT, Kind, Severity
from templates_registry import placeholders

PLACEHOLDERS: Mapping[str, str] = {
    "title": "the usual title",
    "job": "the job's name, or the template's of a run without a job",
    "kind": "what happened, such as: A run failed",
    "severity": "how grave it is",
    "count": "how often it happened since the last message",
    "error": "the first 500 characters of the error",
    "reason": "why, where there is no error",
    "failures_in_row": "failed runs in a row",
    "execution": "the number of the run",
    "tenant": "the tenant's short name",
    "rule": "the rule that asked for it",
    "at": "when it happened last, in UTC",
    "link": "the address of the page, when DAYBOOK_PUBLIC_URL is set",
}
OF_ONE_JOB = frozenset({"job", "error", "execution", "failures_in_row"})
MOST_TITLE = 250
SOMETHING = "Something happened"

Escape = Callable[[str], str]


def as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Message:
    """`title_text` and `body_text` are a channel's own words; empty ones stand for the usual, and so do words that
    would be refused by now, since a message says more than none, and those about one job where the message is about
    many or none."""

    uid: UUID
    type: str
    severity: Severity
    facts: Mapping[str, Any]
    count: int = 1
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    title_text: str = ""
    body_text: str = ""
    is_test: bool = False

    def __post_init__(self) -> None:
        for name in ("title_text", "body_text"):
            words = getattr(self, name)
            if placeholders.check(words, PLACEHOLDERS) or (not self.name and placeholders.names_in(words) & OF_ONE_JOB):
                object.__setattr__(self, name, "")

    @property
    def kind(self) -> str:
        return str(self.facts.get("kind") or "")

    @property
    def job(self) -> Mapping[str, Any] | None:
        return self.facts.get("job") or None

    @property
    def name(self) -> str:
        """Of the job, or of the template of a run without one; empty where it is about many or none."""
        return str((self.job or {}).get("name") or self._text("name"))

    @property
    def link(self) -> str:
        return link_to(str(self.facts.get("path") or ""))

    def title(self, escape: Escape = as_it_is) -> str:
        """One line, whatever is in the names, and never empty: receivers refuse such a message for good."""
        own = _line(placeholders.fill(self.title_text, self._values(escape)))
        return own or _line(self._usual(escape)) or SOMETHING

    def body(self, escape: Escape = as_it_is) -> str:
        """The channel's own words, or what is known of why."""
        if self.body_text:
            return placeholders.fill(self.body_text, self._values(escape)).strip()
        return escape(self._text("error") or self._text("reason"))

    def details(self) -> list[tuple[str, str]]:
        """What the usual words say beside title and body; none when the channel has words of its own."""
        return [] if self.body_text else [(label, text) for label, text in self._all_details() if text]

    def text(self) -> str:
        """All of it as plain text."""
        lines = [f"{label}: {text}" for label, text in self.details()]
        return "\n\n".join(part for part in (self.body(), "\n".join(lines), self._link_below()) if part)

    def _link_below(self) -> str:
        return "" if self.body_text else self.link

    def _all_details(self) -> list[tuple[str, str]]:
        in_row = self.facts.get("failures_in_row") or 0
        return [
            ("Job", str((self.job or {}).get("name") or "")),
            ("Happened", f"{self.count} times" if self.count > 1 else ""),
            ("Failures in a row", str(in_row) if in_row > 1 else ""),
            ("Reason", self._text("reason") if self._text("error") else ""),
            ("Run", self._run()),
            ("At", f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"),
            ("Tenant", self._text("tenant")),
            ("Rule", self._text("rule")),
        ]

    def _values(self, escape: Escape) -> dict[str, str]:
        return {**self._facts(escape), "title": self._usual(escape)}

    def _facts(self, escape: Escape) -> dict[str, str]:
        about = _about(self.kind)
        values = {
            "job": self.name,
            "kind": about.label if about else self.kind,
            "severity": self.severity.value,
            "count": str(self.count),
            "error": self._text("error"),
            "reason": self._text("reason"),
            "failures_in_row": str(self.facts.get("failures_in_row") or 0),
            "execution": self._run(),
            "tenant": self._text("tenant"),
            "rule": self._text("rule"),
            "at": f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
            "link": self.link,
        }
        return {name: escape(value) for name, value in values.items()}

    def _usual(self, escape: Escape) -> str:
        """A message of many happenings, such as that of a storm, brings its title in the facts."""
        if own := self._text("title"):
            return escape(own.replace("{count}", str(self.count)))
        about = _about(self.kind)
        if about is None:
            return escape(self._text("rule") or SOMETHING)
        words = about.title_many if self.count > 1 else about.title
        return placeholders.fill(words, self._facts(escape))

    def _run(self) -> str:
        return str((self.facts.get("execution") or {}).get("id") or "")

    def _text(self, name: str) -> str:
        return str(self.facts.get(name) or "")


def link_to(path: str) -> str:
    """The page's whole address; empty when nobody has said where the console is."""
    base: str = settings.DAYBOOK_PUBLIC_URL
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if base and path else ""


def _line(text: str) -> str:
    return " ".join(text.split())[:MOST_TITLE]


def _about(kind: str) -> Any:
    return ABOUT[Kind(kind)] if kind in set(Kind) else None

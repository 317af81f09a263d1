"""One signed call of a receiver, and what it answered. Threads run `call`, so it asks nothing of the database."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID, uuid4

from jobs import trail
from jobs.models import Webhook
from jobs.rules.webhooks import Answer, retry_after
from jobs.webhooks.payload import example
from scheduler_project.lib import signatures, sql, transactions
from scheduler_project.lib.http import REDIRECTED, HttpClient, OutboundError, OutboundRefused

TIME_LIMIT = timedelta(seconds=10)
SIZE_LIMIT = 65_536  # of an answer; nobody reads more than its beginning
SHOWN = 500


@dataclass(frozen=True)
class Letter:
    """A delivery as it is sent."""

    uid: UUID
    url: str
    event: str
    body: bytes
    secrets: Sequence[str]

    @classmethod
    def of(cls, uid: UUID, url: str, payload: Mapping[str, Any], secrets: Sequence[str]) -> Letter:
        body = json.dumps({"id": str(uid), **payload}, ensure_ascii=False, separators=(",", ":")).encode()
        return cls(uid, url, str(payload["event"]), body, secrets)


class Said(Protocol):
    """What every kind of answer has. `status` is the receiver's own; `error` says why there is none, or no good one."""

    @property
    def status(self) -> int | None: ...
    @property
    def text(self) -> str: ...
    @property
    def error(self) -> str: ...


AnAnswer = TypeVar("AnAnswer", bound=Said)


@dataclass(frozen=True)
class Try(Generic[AnAnswer]):
    """When, how long, and what came back."""

    at: datetime
    seconds: float
    answer: AnAnswer

    def to_json(self) -> dict[str, Any]:
        answer = self.answer
        return {
            "at": self.at.isoformat(),
            "seconds": round(self.seconds, 3),
            "status": answer.status,
            "answer": sql.text(answer.text[:SHOWN]),
            "error": sql.text(answer.error[:SHOWN]),
        }


Tried = Try[Answer]


def call(letter: Letter) -> Tried:
    """Send it. Never raises: what went wrong is in the answer."""
    at, started = datetime.now(UTC), time.monotonic()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Daybook-Webhook",
        "X-Daybook-Event": letter.event,
        "X-Daybook-Delivery": str(letter.uid),
        "Idempotency-Key": str(letter.uid),
        signatures.HEADER: signatures.sign(letter.secrets, at=int(at.timestamp()), body=letter.body),
    }
    try:
        answer = ask(letter.url, letter.body, headers)
    except OutboundRefused as error:
        answer = Answer(error=str(error), is_refused=True)
    except OutboundError as error:
        answer = Answer(error=str(error))
    except Exception as error:  # noqa: BLE001  whatever a receiver does, its delivery is tried again
        answer = Answer(error=f"{type(error).__name__}: {error}")
    return Tried(at, time.monotonic() - started, answer)


def test(webhook: Webhook, *, actor: str) -> Tried:
    """Send an example now and say what came back. Nothing is stored or tried again."""
    uid = uuid4()
    letter = Letter.of(uid, webhook.url, example(webhook, uid), webhook.secrets(sql.now()))
    transactions.release_connection()
    tried = call(letter)
    trail.tell("webhook.tested", webhook, actor=actor, after={"status": tried.answer.status})
    return tried


def client() -> HttpClient:
    """Follows no redirect: a POST would become a GET, and its answer would look like a delivery."""
    return HttpClient(time_limit=TIME_LIMIT, size_limit=SIZE_LIMIT, redirects=0)


def ask(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """What the receiver answers. Raises what `HttpClient` raises."""
    response = client().post(url, headers=headers, body=body)
    error = ""
    if response.status in REDIRECTED:
        error = f"The receiver redirects ({response.status}). Write the address that it redirects to."
    wait = retry_after(response.headers.get("retry-after", ""), now=datetime.now(UTC))
    return Answer(status=response.status, text=response.text, retry_after=wait, error=error)

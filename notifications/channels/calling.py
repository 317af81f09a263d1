"""One try to send a letter, timed. Threads run it, so it asks nothing of the database and never raises."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifications.channels.base import ChannelType, Letter
from notifications.rules.answers import Answer, Came
from scheduler_project.lib import sql
from scheduler_project.lib.http import OutboundError, OutboundRefused

SHOWN = 500


@dataclass(frozen=True)
class Tried:
    at: datetime
    seconds: float
    answer: Answer

    def to_json(self) -> dict[str, Any]:
        answer = self.answer
        return {
            "at": self.at.isoformat(),
            "seconds": round(self.seconds, 3),
            "status": answer.status,
            "answer": sql.text(answer.text[:SHOWN]),
            "error": sql.text(answer.error[:SHOWN]),
        }


def call(kind: ChannelType, letter: Letter) -> Tried:
    at, started = datetime.now(UTC), time.monotonic()
    try:
        answer = kind.send(letter)
    except OutboundRefused as error:
        answer = Answer(Came.REFUSED, error=str(error))
    except OutboundError as error:
        answer = Answer(Came.LATER, error=str(error))
    except Exception as error:  # noqa: BLE001  whatever a receiver does, its delivery is tried again
        answer = Answer(Came.LATER, error=f"{type(error).__name__}: {error}")
    return Tried(at, time.monotonic() - started, answer)

"""One try to send a letter, timed. Threads run it, so it asks nothing of the database and never raises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from jobs.webhooks.calling import Try
from notifications.channels.base import ChannelType, Letter
from notifications.rules.answers import Answer, Came
from scheduler_project.lib import short_addresses
from scheduler_project.lib.http import OutboundError, OutboundRefused
from scheduler_project.lib.text_masking import MASK

SHORTEST = 6  # characters of what is worth hiding


Tried = Try[Answer]


def call(kind: ChannelType, letter: Letter) -> Tried:
    """What receivers say back to us, and what libraries say of their addresses, holds no secret afterwards, and no
    whole address of a person."""
    at, started = datetime.now(UTC), time.monotonic()
    try:
        answer = kind.send(letter)
    except OutboundRefused as error:
        answer = Answer(Came.REFUSED, error=str(error))
    except OutboundError as error:
        answer = Answer(Came.LATER, error=str(error))
    except Exception as error:  # noqa: BLE001  whatever a receiver does, its delivery is tried again
        answer = Answer(Came.LATER, error=f"{type(error).__name__}: {error}")
    masked = replace(answer, text=_masked(answer.text, letter), error=_masked(answer.error, letter))
    return Tried(at, time.monotonic() - started, masked)


def _masked(text: str, letter: Letter) -> str:
    for secret in sorted(_told(letter), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return short_addresses.of_mail(text)


def _told(letter: Letter) -> Iterator[str]:
    """Secrets as they are, and the parts of addresses that open doors."""
    addresses = [str(letter.config["url"])] if "url" in letter.config else []
    for text in (*letter.secrets.values(), *addresses, *letter.signs_with):
        way = text.partition("://")[2].partition("/")[2]
        path, _, query = way.partition("?")
        yield from (part for part in (text, way, path, query) if len(part) >= SHORTEST)

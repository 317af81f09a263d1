"""Mail by Django's own mail settings: to each person singly, so that nobody learns another's address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from smtplib import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from notifications.channels import fields
from notifications.channels.base import ChannelType, Letter, Problems
from notifications.channels.fields import Field
from notifications.channels.message import Message
from notifications.rules.answers import Answer, Came
from notifications.rules.kinds import ChannelKind
from scheduler_project.lib.circuits import CircuitOpen

PAGE = "notifications/mail.html"
COMMAND_LIMIT = 10  # seconds for each answer of the server
TIME_LIMIT = timedelta(seconds=40)  # of a try; who was not reached by then is tried the next time
TAKEN, CLOSES, PERMANENT = 250, 421, 500
MOST_NAMED = 3


@dataclass
class _Tally:
    """What became of each address."""

    taken: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    code: int | None = None
    is_servers: bool = False  # what went wrong would have, whoever the mail is for


class EmailChannel(ChannelType):
    kind = ChannelKind.EMAIL
    label = "E-mail"
    about = "A mail to the people that a rule names, and to addresses of your own."
    fields = (
        Field(
            "to",
            "Addresses",
            f"Who gets every message of this channel; at most {fields.MOST_ADDRESSES}.",
            "addresses",
            fields.addresses,
            (),
        ),
        Field(
            "people",
            "The rule's people",
            "Owners and users that a rule names get its mails too, each at their own address.",
            "boolean",
            fields.boolean,
            True,
        ),
    )

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Problems:
        if config.get("to") or config.get("people"):
            return {}
        return {"to": "Write an address, or let the rule's people have its mails."}

    def compose(self, message: Message, config: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "subject": message.title(),
            "text": message.text() or message.title(),
            "html": render_to_string(PAGE, {"message": message}),
        }

    def send(self, letter: Letter) -> Answer:
        wanted = recipients(letter)
        missing = [address for address in wanted if address not in letter.taken_by]
        if not missing:
            nobody = "Nobody has an address: neither the channel nor the rule's people."
            return Answer(Came.TAKEN, TAKEN) if wanted else Answer(Came.REFUSED, error=nobody, blames_channel=False)
        parts = self.compose(letter.message, letter.config)
        connection = mail.get_connection(timeout=COMMAND_LIMIT)
        try:
            connection.open()
            tally = _send_each(connection, letter.message, parts, missing)
        except CircuitOpen as error:
            wait = max(error.until - datetime.now(UTC), timedelta(seconds=1))
            return Answer(Came.LATER, error=str(error), retry_after=wait, blames_channel=False)
        except (OSError, SMTPException) as error:
            return Answer(Came.LATER, getattr(error, "smtp_code", None), error=f"The mail server: {_said(error)}")
        finally:
            _close(connection)
        return _answer(tally, of=len(wanted), had=len(wanted) - len(missing))


def recipients(letter: Letter) -> list[str]:
    """The rule's people whom the delivery is for; without any it is for the channel's own addresses. Each once."""
    people = letter.to if letter.config.get("people", True) else ()
    found: dict[str, str] = {}
    for address in people if letter.to else letter.config.get("to", ()):
        found.setdefault(address.lower(), address)
    return list(found.values())


def _send_each(
    connection: BaseEmailBackend, message: Message, parts: Mapping[str, str], addresses: list[str]
) -> _Tally:
    tally, ends_at = _Tally(), time.monotonic() + TIME_LIMIT.total_seconds()
    for number, address in enumerate(addresses):
        if time.monotonic() >= ends_at:
            tally.later |= dict.fromkeys(addresses[number:], "The mail server takes too long.")
            tally.is_servers = True
            break
        try:
            connection.send_messages([_mail(connection, message, parts, address)])
        except ValueError as error:  # an address that no mail can be written to, though it passed for one
            tally.refused[address] = f"{error}"
        except (CircuitOpen, OSError, SMTPException) as error:
            tally.code, said = _code(error), _said(error)
            is_final = (tally.code or 0) >= PERMANENT
            (tally.refused if is_final else tally.later)[address] = said
            tally.is_servers = _is_servers(error, tally.code)
            if not isinstance(error, SMTPResponseException | SMTPRecipientsRefused) or tally.code == CLOSES:
                tally.later |= dict.fromkeys(addresses[number + 1 :], said)
                break
        else:
            tally.taken.append(address)
    return tally


def _mail(
    connection: BaseEmailBackend, message: Message, parts: Mapping[str, str], address: str
) -> EmailMultiAlternatives:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "daybook"
    tenant = message.facts.get("tenant") or "system"
    headers = {
        # The same for every try, so that mail programs can drop the second copy.
        "Message-ID": f"<{message.uid}@{domain}>",
        "List-Id": f"Daybook notifications <notifications.{tenant}.{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Daybook-Delivery": str(message.uid),
    }
    if message.job and not message.is_test:  # mail programs show what is about one job as one thread
        headers["References"] = f"<job-{message.job['id']}.{tenant}@{domain}>"
    made = EmailMultiAlternatives(parts["subject"], parts["text"], to=[address], headers=headers, connection=connection)
    made.attach_alternative(parts["html"], "text/html")
    return made


def _answer(tally: _Tally, *, of: int, had: int) -> Answer:
    said = {**tally.refused, **tally.later}
    named = [f"{address}: {words}" for address, words in list(said.items())[:MOST_NAMED]]
    more = [f"and {len(said) - MOST_NAMED} more"] if len(said) > MOST_NAMED else []
    error = f"{had + len(tally.taken)} of {of} have it. {' '.join([*named, *more])}" if said else ""
    taken_by = tuple(tally.taken)
    blames = tally.is_servers
    if tally.later:
        return Answer(Came.LATER, tally.code, error=error, taken_by=taken_by, blames_channel=blames)
    if had + len(tally.taken) == 0:
        return Answer(Came.REFUSED, tally.code, error=error, blames_channel=blames)
    return Answer(Came.TAKEN, TAKEN, error=error, taken_by=taken_by)


def _is_servers(error: Exception, code: int | None) -> bool:
    """Rather than the address's, or that of a server which is not asked while its circuit is open."""
    return code == CLOSES or not isinstance(error, SMTPRecipientsRefused | SMTPDataError | CircuitOpen)


def _code(error: Exception) -> int | None:
    if isinstance(error, SMTPRecipientsRefused):
        return next((code for code, _ in error.recipients.values()), None)
    code = getattr(error, "smtp_code", None)
    return code if isinstance(code, int) and code > 0 else None


def _said(error: Exception) -> str:
    if isinstance(error, SMTPRecipientsRefused):
        return "; ".join(f"{code} {_text(said)}" for code, said in error.recipients.values())
    if isinstance(error, SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    if isinstance(error, TimeoutError):
        return f"it did not answer within {COMMAND_LIMIT} s."
    if isinstance(error, SMTPServerDisconnected):
        return f"it hung up ({error})."
    return f"{error or type(error).__name__}"


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (OSError, SMTPException):
        return  # whatever it says to the goodbye, it has taken what it has taken

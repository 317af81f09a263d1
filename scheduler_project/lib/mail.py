"""Django's mail, with a circuit breaker before the backend that sends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from smtplib import SMTPDataError, SMTPNotSupportedError, SMTPRecipientsRefused, SMTPSenderRefused
from typing import Any, TypeVar

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string

from scheduler_project.lib import circuits

CIRCUIT = "mail"
PERMANENT = 500  # from here on an answer to the text speaks of the message, not of the server
OF_A_MESSAGE = (SMTPRecipientsRefused, SMTPSenderRefused, SMTPNotSupportedError)

T = TypeVar("T")


class GuardedBackend(BaseEmailBackend):
    """Sends through DAYBOOK_MAIL_BACKEND. Raises `CircuitOpen` instead when that has failed too often."""

    def __init__(self, fail_silently: bool = False, **options: Any) -> None:
        super().__init__(fail_silently=fail_silently)
        self._inner: BaseEmailBackend = import_string(settings.DAYBOOK_MAIL_BACKEND)(fail_silently=False, **options)

    def open(self) -> bool | None:
        return self._guarded(self._inner.open, otherwise=None)

    def close(self) -> None:
        self._inner.close()

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        return self._guarded(lambda: self._inner.send_messages(email_messages) or 0, otherwise=0)

    def _guarded(self, function: Callable[[], T], *, otherwise: T) -> T:
        try:
            return circuits.call(CIRCUIT, function, counts=is_outage)
        except Exception:
            if not self.fail_silently:
                raise
            return otherwise


def is_outage(error: Exception) -> bool:
    """Whether the server is to blame rather than this one message."""
    if isinstance(error, SMTPDataError):
        return error.smtp_code < PERMANENT
    return isinstance(error, OSError) and not isinstance(error, OF_A_MESSAGE)

"""Webhooks: addresses of others that hear, signed and at least once, how runs ended."""

from jobs.webhooks.calling import Letter, Tried, call, test
from jobs.webhooks.changes import (
    NothingToRedeliver,
    TooManyWebhooks,
    change,
    create,
    delete,
    redeliver,
    rotate,
)
from jobs.webhooks.payload import plan
from jobs.webhooks.reader import EVENTS, InvalidWebhook

__all__ = [
    "EVENTS",
    "InvalidWebhook",
    "Letter",
    "NothingToRedeliver",
    "TooManyWebhooks",
    "Tried",
    "call",
    "change",
    "create",
    "delete",
    "plan",
    "redeliver",
    "rotate",
    "test",
]

"""Event hooks: addresses at which a signed call from outside starts a run of a job."""

from jobs.hooks.changes import RotationIsTooLong, TooManyHooks, change, create, delete, rotate
from jobs.hooks.reader import InvalidHook
from jobs.hooks.receiving import (
    Call,
    DeliveryReused,
    HookIsClosed,
    Received,
    TooManyCalls,
    Unauthenticated,
    receive,
)

__all__ = [
    "Call",
    "DeliveryReused",
    "HookIsClosed",
    "InvalidHook",
    "Received",
    "RotationIsTooLong",
    "TooManyCalls",
    "TooManyHooks",
    "Unauthenticated",
    "change",
    "create",
    "delete",
    "receive",
    "rotate",
]

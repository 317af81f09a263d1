"""Tickets: for browsers that can send no header with a WebSocket. Good for one connection within 30 seconds.

What the ticket stands for is kept in Redis under the ticket's hash and encrypted with the ticket itself, so that Redis
holds nothing that opens anything.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from datetime import timedelta
from typing import cast

import redis
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from notifications.live.credentials import Credentials
from scheduler_project.lib import quick_redis

LIFETIME = timedelta(seconds=30)
FORM = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
NONCE = bytes(12)  # each key seals one text


class UnknownTicket(Exception):
    """No such ticket, or one that was used or has run out."""


def issue(credentials: Credentials) -> str:
    """Raises `RedisIsAway`."""
    ticket = secrets.token_urlsafe(32)
    text = json.dumps({"headers": dict(credentials.headers), "session": credentials.session})
    sealed = AESGCM(_key(ticket)).encrypt(NONCE, text.encode(), None)
    quick_redis.ask(lambda client: client.set(_place(ticket), sealed, ex=LIFETIME))
    return ticket


def redeem(ticket: str) -> Credentials:
    """What the ticket stands for; the second time it stands for nothing. Raises `UnknownTicket`, `RedisIsAway`."""

    def take(client: redis.Redis) -> bytes | None:
        return cast("bytes | None", client.getdel(_place(ticket)))

    sealed = quick_redis.ask(take) if FORM.fullmatch(ticket) else None
    if sealed is None:
        raise UnknownTicket("This ticket is not known: it was used, or is older than 30 seconds. Ask for another one.")
    try:
        found = json.loads(AESGCM(_key(ticket)).decrypt(NONCE, sealed, None))
    except (InvalidTag, ValueError):
        raise UnknownTicket("This ticket cannot be read. Ask for another one.") from None
    return Credentials(found["headers"], found["session"])


def _key(ticket: str) -> bytes:
    return hashlib.sha256(b"daybook ticket seal:" + ticket.encode()).digest()


def _place(ticket: str) -> str:
    return f"{quick_redis.PREFIX}live:ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"

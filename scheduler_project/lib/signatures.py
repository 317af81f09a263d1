"""Signs calls that leave and judges calls that come in: HMAC-SHA256 over time and body, with derived secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings

HEADER = "X-Daybook-Signature"
TOLERANCE = timedelta(minutes=5)
MOST_SIGNATURES = 5
STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class BadSignature(Exception):
    """The call is not from who holds the secret, or is too old. The message is for our side, not for the caller."""


def new_nonce() -> str:
    return secrets.token_urlsafe(32)


def new_public_id() -> str:
    return secrets.token_urlsafe(16)


def derive(purpose: str, public_id: str, nonce: str) -> list[str]:
    """The secret as text, and those that former secret keys gave: nobody can work them out from the database."""
    message = f"daybook.{purpose}:{public_id}:{nonce}".encode()
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [f"dbk_{_text(hmac.digest(str(key).encode(), message, 'sha256'))}" for key in keys]


def sign(secrets_in_force: Iterable[str], *, at: int, body: bytes) -> str:
    """The value of the header, with one signature for each secret: `t=1767225600,v1=…`."""
    return ",".join([f"t={at}", *(f"v1={_signature(secret, at, body)}" for secret in secrets_in_force)])


def verify(header: str, secrets_in_force: Iterable[str], *, body: bytes, now: float) -> str:
    """A fingerprint of what was signed: the same for a repetition, whoever signed it with which secret.

    Raises `BadSignature`.
    """
    at, given = _parts(header)
    if abs(now - at) > TOLERANCE.total_seconds():
        raise BadSignature(
            f"The timestamp is {abs(now - at):.0f} s off; at most {TOLERANCE.total_seconds():.0f} s are."
        )
    _compare(given, [_signature(secret, at, body) for secret in secrets_in_force])
    return hashlib.sha256(_signed(at, body)).hexdigest()


def verify_github(header: str, secrets_in_force: Iterable[str], *, body: bytes) -> str:
    """The same for `X-Hub-Signature-256: sha256=…`, which has no time in it. Raises `BadSignature`."""
    name, _, given = header.strip().partition("=")
    if name != "sha256":
        raise BadSignature("X-Hub-Signature-256 does not begin with sha256=.")
    _compare([given], [_hmac(secret, body) for secret in secrets_in_force])
    return hashlib.sha256(body).hexdigest()


def _signed(at: int, body: bytes) -> bytes:
    return b"%d." % at + body


def _signature(secret: str, at: int, body: bytes) -> str:
    return _hmac(secret, _signed(at, body))


def _hmac(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _parts(header: str) -> tuple[int, list[str]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1"]
    if len(stamps) != 1 or not STAMP.fullmatch(stamps[0]) or not 0 < len(given) <= MOST_SIGNATURES:
        raise BadSignature(f"{HEADER} is not of the form t=<unix seconds>,v1=<hexadecimal>.")
    return int(stamps[0]), given


def _compare(given: Iterable[str], expected: list[str]) -> None:
    """Each with each, whatever was found before, so that the time tells nothing. Raises `BadSignature`."""
    is_good = False
    for text in given:
        for signature in expected:
            is_good |= hmac.compare_digest(text.encode("utf-8", "replace"), signature.encode())
    if not is_good:
        raise BadSignature("The signature does not fit the secret and the body.")


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

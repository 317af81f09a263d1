"""AES-256-GCM over bytes, bound to a context: what was sealed for one opens for no other."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accounts.sealing.errors import CannotOpen

NONCE_BYTES = 12
TAG_BYTES = 16


def encrypt(key: bytes, plain: bytes, *, context: bytes) -> bytes:
    """Nonce, ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def decrypt(key: bytes, sealed: bytes, *, context: bytes) -> bytes:
    """Raises `CannotOpen`."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise CannotOpen("Something is missing of what is stored.")
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
    except InvalidTag:
        raise CannotOpen("It was changed, or was sealed for another tenant, template or parameter.") from None

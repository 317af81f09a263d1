"""A secret as the database keeps it: `daybook:1:<data key>:<nonce, ciphertext and tag in base64>`."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid

from accounts.sealing import cipher, data_keys
from accounts.sealing.errors import CannotOpen
from accounts.sealing.references import Reference

PREFIX = "daybook:1:"
FORM = re.compile(rf"{PREFIX}([0-9a-f]{{32}}):([A-Za-z0-9_-]+)")


def is_sealed(value: object) -> bool:
    """Whether it has the form; that it can be opened, only opening it shows."""
    return isinstance(value, str) and FORM.fullmatch(value) is not None


def key_id_of(sealed: str) -> uuid.UUID | None:
    found = FORM.fullmatch(sealed)
    return uuid.UUID(found[1]) if found else None


class Sealer:
    """Seals what one tenant stores, with the key that is active when it is first asked."""

    def __init__(self, tenant_id: int) -> None:
        self._tenant_id = tenant_id
        self._key: data_keys.DataKey | None = None

    @property
    def key(self) -> data_keys.DataKey:
        """Raises `KeysUnavailable`."""
        if self._key is None:
            self._key = data_keys.active(self._tenant_id)
        return self._key

    def seal(self, value: str | Reference, *, place: str) -> str:
        """`place` is where it stands: it opens nowhere else. Raises `KeysUnavailable`."""
        content = {"reference": value.text} if isinstance(value, Reference) else value
        context = _context(self._tenant_id, place)
        sealed = cipher.encrypt(self.key.secret, json.dumps(content).encode(), context=context)
        return f"{PREFIX}{self.key.id.hex}:{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def open_sealed(sealed: str, *, tenant_id: int, place: str) -> str | Reference:
    """Raises `CannotOpen`, `KeysUnavailable`."""
    found = FORM.fullmatch(sealed)
    if found is None:
        raise CannotOpen("It is not in the form of a sealed secret.")
    secret = data_keys.secret_of(tenant_id, uuid.UUID(found[1]))
    try:
        body = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
    except binascii.Error:
        raise CannotOpen("Something is missing of what is stored.") from None
    content = json.loads(cipher.decrypt(secret, body, context=_context(tenant_id, place)))
    return Reference(content["reference"]) if isinstance(content, dict) else str(content)


def _context(tenant_id: int, place: str) -> bytes:
    return f"{tenant_id} {place}".encode()

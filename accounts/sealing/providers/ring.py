"""Keys that stand in the environment or in a file, the first one active."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import ClassVar

from django.conf import settings

from accounts.sealing import cipher
from accounts.sealing.errors import CannotOpen, KeysUnavailable
from accounts.sealing.providers.base import Wrapped
from scheduler_project.lib import key_ring


class Ring:
    """Wraps with keys that are in this process."""

    name: ClassVar[str]
    where: ClassVar[str]

    def __init__(self, keys: dict[str, bytes]) -> None:
        if not keys:
            raise KeysUnavailable(f"Secrets cannot be read or stored: {self.where} holds no key.", wait=60)
        self._keys = keys

    def active_id(self) -> str:
        return next(iter(self._keys))

    def known_ids(self) -> list[str]:
        return list(self._keys)

    def wrap(self, key: bytes, *, context: bytes) -> Wrapped:
        key_id = self.active_id()
        sealed = cipher.encrypt(self._keys[key_id], key, context=context)
        return Wrapped(base64.urlsafe_b64encode(sealed).decode(), key_id)

    def unwrap(self, wrapped: Wrapped, *, context: bytes) -> bytes:
        if wrapped.key_id not in self._keys:
            raise KeysUnavailable(f"A secret needs the key {wrapped.key_id}, which {self.where} lacks: put it back.")
        try:
            sealed = base64.urlsafe_b64decode(wrapped.text)
        except (binascii.Error, ValueError):
            raise CannotOpen("The stored data key is damaged.") from None
        return cipher.decrypt(self._keys[wrapped.key_id], sealed, context=context)


class EnvironmentKeys(Ring):
    name, where = "environment", "DAYBOOK_ENCRYPTION_KEYS"

    def __init__(self) -> None:
        super().__init__(settings.DAYBOOK_ENCRYPTION_KEYS)


class FileKeys(Ring):
    """Read anew each time, so that a key that was added is known without a restart."""

    name, where = "file", "the file DAYBOOK_ENCRYPTION_KEYS_FILE"

    def __init__(self) -> None:
        super().__init__(_read(settings.DAYBOOK_ENCRYPTION_KEYS_FILE))


def _read(file: str) -> dict[str, bytes]:
    if not file:
        return {}
    try:
        return key_ring.parse(Path(file).read_text())
    except (OSError, ValueError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
        raise KeysUnavailable(f"The file of the encryption keys cannot be read: {problem}.") from None

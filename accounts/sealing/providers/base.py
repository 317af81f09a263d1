"""What a key provider is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Wrapped:
    """A data key as the database keeps it, and the id of the key that wrapped it."""

    text: str
    key_id: str


class KeyProvider(Protocol):
    """Holds key-encryption keys, or knows who does. Each method raises `KeysUnavailable` when they are out of reach."""

    @property
    def name(self) -> str: ...

    def active_id(self) -> str:
        """The id of the key that `wrap` uses."""

    def known_ids(self) -> list[str]:
        """The ids of all keys that it holds."""

    def wrap(self, key: bytes, *, context: bytes) -> Wrapped: ...

    def unwrap(self, wrapped: Wrapped, *, context: bytes) -> bytes:
        """Raises `CannotOpen` for what was changed or was wrapped for another context."""

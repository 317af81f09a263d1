"""Why a secret cannot be sealed or opened: not now, or not at all."""

from __future__ import annotations


class KeysUnavailable(Exception):
    """The keys are out of reach for now; `wait` seconds later perhaps they are not."""

    def __init__(self, message: str, *, wait: float = 10.0) -> None:
        super().__init__(message)
        self.wait = wait


class CannotOpen(Exception):
    """What is stored was changed, or belongs to another tenant, template or parameter. It stays closed for good."""

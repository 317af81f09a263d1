"""The keys that wrap data keys. One provider is active; others that are configured open what they wrapped before."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from accounts.sealing.errors import KeysUnavailable
from accounts.sealing.providers.base import KeyProvider, Wrapped
from accounts.sealing.providers.ring import EnvironmentKeys, FileKeys
from accounts.sealing.providers.transit import TransitKeys

__all__ = ["PROVIDERS", "KeyProvider", "Wrapped", "active", "is_configured", "named"]

PROVIDERS: dict[str, Callable[[], KeyProvider]] = {
    EnvironmentKeys.name: EnvironmentKeys,
    FileKeys.name: FileKeys,
    TransitKeys.name: TransitKeys,
}


def is_configured() -> bool:
    return bool(settings.DAYBOOK_KEY_PROVIDER)


def active() -> KeyProvider:
    """The one that new data keys are wrapped by. Raises `KeysUnavailable`."""
    if not is_configured():
        raise KeysUnavailable(
            "Secrets cannot be stored: no keys are set up. Whoever runs Daybook sets DAYBOOK_KEY_PROVIDER "
            "(docs/secrets.md).",
            wait=60,
        )
    return named(settings.DAYBOOK_KEY_PROVIDER)


def named(name: str) -> KeyProvider:
    """Raises `KeysUnavailable`."""
    if name not in PROVIDERS:
        raise KeysUnavailable(f"A secret needs the key provider {name}, which this release does not have.", wait=60)
    return PROVIDERS[name]()

"""Reads secrets where they are: in the worker's environment or a file. They are stored nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from accounts.sealing import references

MAX_BYTES = 65_536


class SecretNotFound(Exception):
    """No such secret is set up, or the worker cannot read it."""


def read(name: str, *, tenant: str) -> str:
    """The value of a secret that DAYBOOK_SECRETS names; `<tenant>/<name>` comes before `<name>`.

    Raises `SecretNotFound`.
    """
    listed: dict[str, str] = settings.DAYBOOK_SECRETS
    if "/" in name:
        raise SecretNotFound(f"{name} names a tenant. Leave it out: it is that of the run.")
    reference = listed.get(f"{tenant}/{name}") or listed.get(name)
    if reference is None:
        raise SecretNotFound(f"There is no secret {name}. Whoever runs Daybook adds it to DAYBOOK_SECRETS.")
    return _value_at(reference, f"the secret {name}")


def resolve(reference: str, *, tenant: str, place: str) -> str:
    """The value of a reference that a parameter holds, if DAYBOOK_SECRETS still lists it. Raises `SecretNotFound`."""
    if not references.is_granted(reference, tenant=tenant):
        raise SecretNotFound(f"DAYBOOK_SECRETS of the worker does not list {reference} for {tenant}: {place} needs it.")
    return _value_at(reference, f"the secret of {place}")


def _value_at(reference: str, what: str) -> str:
    kind, _, place = reference.partition(":")
    value = os.environ.get(place, "") if kind == "env" else _from_file(what, Path(place))
    if not value:
        raise SecretNotFound(f"The worker finds nothing at {reference}, where {what} should be.")
    return value


def _from_file(what: str, path: Path) -> str:
    root = Path(settings.DAYBOOK_SECRETS_ROOT).resolve()
    real = path.resolve()
    if not real.is_relative_to(root):
        raise SecretNotFound(f"The file of {what} is not under DAYBOOK_SECRETS_ROOT, {root}.")
    try:
        with real.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SecretNotFound(f"The file of {what} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise SecretNotFound(f"The file of {what} has more than {MAX_BYTES} bytes.")
    return content.decode().removesuffix("\n")

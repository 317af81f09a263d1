"""Parameters at rest: what the template's schema calls secret is sealed, the rest is as it was given.

Sealed text is bound to tenant, template and place, not to a row: a job's parameters are copied to its executions by
statements, and open there as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accounts import sealing
from accounts.sealing import CannotOpen, Reference, Sealer
from jobs.models import Execution, Job
from templates_registry import schema
from templates_registry.schema import Schema

Stored = Mapping[str, Any]


def seal(schema_of: Schema, parameters: Stored, *, sealer: Sealer, template: str, kept: Stored | None = None) -> Any:
    """The parameters as they are stored. `kept` are sealed secrets by place, for those that stay as they are.

    Raises `KeysUnavailable`.
    """

    def sealed(place: str, secret: Any) -> Any:
        if kept and place in kept:
            return kept[place]
        return sealer.seal(secret, place=f"{template} {place}") if isinstance(secret, str | Reference) else secret

    return schema.map_secret_places(schema_of, parameters, sealed)


def open_all(
    schema_of: Schema,
    parameters: Stored,
    *,
    tenant_id: int,
    template: str,
    resolve: Callable[[Reference], Any] = lambda reference: reference.text,
    unreadable: Callable[[str, CannotOpen], Any] | None = None,
) -> dict[str, Any]:
    """The parameters as they were given. Plain text where a secret should be is from before secrets were sealed.

    Raises `KeysUnavailable`, and `CannotOpen` unless `unreadable` says what stands in.
    """

    def opened(place: str, stored: Any) -> Any:
        if not sealing.is_sealed(stored):
            return stored
        try:
            secret = sealing.open_sealed(stored, tenant_id=tenant_id, place=f"{template} {place}")
        except CannotOpen as error:
            if unreadable is None:
                raise CannotOpen(f"The secret at {place} cannot be opened. {error}") from None
            return unreadable(place, error)
        return resolve(secret) if isinstance(secret, Reference) else secret

    found: dict[str, Any] = schema.map_secret_places(schema_of, parameters, opened)
    return found


def parameters_of(row: Job | Execution) -> dict[str, Any]:
    """A job's or a run's, as they were given; references stay references. Raises `CannotOpen`, `KeysUnavailable`."""
    return open_all(row.template.schema, row.parameters, tenant_id=row.tenant_id, template=row.template.name)


def secrets_by_place(schema_of: Schema, parameters: Stored) -> dict[str, Any]:
    found: dict[str, Any] = {}
    schema.map_secret_places(schema_of, parameters, found.setdefault)
    return found

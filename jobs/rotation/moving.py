"""Encrypts stored secrets by the newest key of their tenant. Each batch is a transaction: what was cut off goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from accounts import sealing
from accounts.sealing import CannotOpen, Reference, Sealer
from jobs.rotation import rows
from jobs.rotation.rows import TABLES, Table, Template
from scheduler_project.lib import sql
from templates_registry import schema

BATCH = 200
MOST_NAMED = 20

Tell = Callable[[Table, int], None]


@dataclass
class Moved:
    """`seen` secrets were looked at; `encrypted` of them had been plain text, `moved` were under an older key."""

    seen: int = 0
    encrypted: int = 0
    moved: int = 0
    unreadable: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        return self.encrypted + self.moved

    def refuse(self, problem: str) -> None:
        self.unreadable += 1
        if len(self.problems) < MOST_NAMED:
            self.problems.append(problem)


class _Keys:
    """The sealer of each tenant, made when first needed."""

    def __init__(self) -> None:
        self._sealers: dict[int, Sealer] = {}

    def of(self, tenant_id: int) -> Sealer:
        return self._sealers.setdefault(tenant_id, Sealer(tenant_id))


def move(table: Table, *, size: int = BATCH, plan: bool = False, tell: Tell = lambda *_: None) -> Moved:
    """Encrypt what is plain text in the table and, unless it is history, what an older key has sealed.

    With `plan` nothing is written, and what an older key has sealed is counted unread. Raises `KeysUnavailable`.
    """
    found, keys, templates = Moved(), _Keys(), rows.templates_with_secrets()

    def each(batch: list[sql.Row]) -> dict[int, Any]:
        changed = {}
        for row in batch:
            template = templates[row["template_id"]]
            after = _moved(row, template, keys, found, is_history=table.is_history, plan=plan)
            if after != row["parameters"]:
                changed[row["id"]] = after
        tell(table, found.seen)
        return changed

    rows.walk(table, templates, each, size=size)
    return found


def _moved(row: Any, template: Template, keys: _Keys, found: Moved, *, is_history: bool, plan: bool) -> Any:
    tenant_id = row["tenant_id"]

    def moved(place: str, stored: Any) -> Any:
        if not isinstance(stored, str):
            return stored
        found.seen += 1
        context = f"{template.name} {place}"
        if not sealing.is_sealed(stored):
            found.encrypted += 1
            return stored if plan else keys.of(tenant_id).seal(stored, place=context)
        if is_history or sealing.key_id_of(stored) == keys.of(tenant_id).key.id:
            return stored
        if plan:
            found.moved += 1
            return stored
        try:
            secret = sealing.open_sealed(stored, tenant_id=tenant_id, place=context)
        except CannotOpen as error:
            found.refuse(f"Row {row['id']}: the secret at {place} cannot be opened. {error}")
            return stored
        found.moved += 1
        return keys.of(tenant_id).seal(secret, place=context)

    return schema.map_secret_places(template.schema, row["parameters"], moved)


def verify(table: Table, *, size: int = BATCH) -> Moved:
    """Open every secret; `moved` counts those that another key than the newest has sealed, `encrypted` plain ones."""
    found, keys, templates = Moved(), _Keys(), rows.templates_with_secrets()

    def each(batch: list[sql.Row]) -> dict[int, Any]:
        for row in batch:
            template = templates[row["template_id"]]
            for place, stored in _secrets(template, row["parameters"]):
                found.seen += 1
                if not sealing.is_sealed(stored):
                    found.encrypted += 1
                    continue
                found.moved += sealing.key_id_of(stored) != keys.of(row["tenant_id"]).key.id
                try:
                    sealing.open_sealed(stored, tenant_id=row["tenant_id"], place=f"{template.name} {place}")
                except CannotOpen as error:
                    found.refuse(f"Row {row['id']} of {table.what}: the secret at {place} cannot be opened. {error}")
        return {}

    rows.walk(table, templates, each, size=size)
    return found


def _secrets(template: Template, parameters: Any) -> Iterator[tuple[str, str]]:
    found: dict[str, Any] = {}
    schema.map_secret_places(template.schema, parameters, found.setdefault)
    return ((place, stored) for place, stored in found.items() if isinstance(stored, str))


def encrypt_plain_text() -> int:
    """What was stored before secrets were encrypted. Returns how many there were."""
    return sum(move(table).encrypted for table in TABLES)


def decrypt_everything() -> None:
    """Back to plain text, for a release that cannot open secrets. References become the texts that they were."""
    templates = rows.templates_with_secrets()

    def each(batch: list[sql.Row]) -> dict[int, Any]:
        return {row["id"]: _opened(row, templates[row["template_id"]]) for row in batch}

    for table in TABLES:
        rows.walk(table, templates, each, size=BATCH)


def _opened(row: Any, template: Template) -> Any:
    def opened(place: str, stored: Any) -> Any:
        if not sealing.is_sealed(stored):
            return stored
        secret = sealing.open_sealed(stored, tenant_id=row["tenant_id"], place=f"{template.name} {place}")
        return secret.text if isinstance(secret, Reference) else secret

    return schema.map_secret_places(template.schema, row["parameters"], opened)

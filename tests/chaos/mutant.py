"""A barrier of the promise that is taken away, by a small patch in a process of the fault test alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import connection

from scheduler_project.lib import sql

Patch = tuple[object, str, object]


@dataclass(frozen=True)
class Mutant:
    """What is taken away, and how. `schema` is done to the database."""

    breaks: str
    patches: Callable[[], Sequence[Patch]] = field(default=lambda: ())
    schema: str = ""

    def apply(self) -> None:
        """For good, in this process."""
        for target, name, value in self.patches():
            setattr(target, name, value)


def without(text: str, part: str, instead: str = "") -> str:
    """The text with something else for a part that must be there: a mutant that changes nothing would prove nothing."""
    if part not in text:
        raise LookupError(f"There is no {part!r} any more; adapt the mutant to the statement:\n{text}")
    return text.replace(part, instead)


def commit() -> None:
    """In the middle of a transaction that its caller takes for whole, savepoints included."""
    connection.connection.commit()
    for name in filter(None, connection.savepoint_ids):
        sql.script(connection.ops.savepoint_create_sql(name))

"""Circuits as operators see them: their changes are stored, and one can be closed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts import audit
from jobs import scheduler_events
from jobs.models import CircuitEvent
from jobs.scheduler_events import Event
from scheduler_project.lib import circuits, mail, own_statement, sql, telemetry
from scheduler_project.lib.circuits import Circuit

MAIL = mail.CIRCUIT
MOST = 100

KEPT_FOR = timedelta(days=90)

INSERT = """
WITH old AS (
    DELETE FROM circuit_events WHERE circuit = %(circuit)s AND at < clock_timestamp() - %(kept)s::interval
)
INSERT INTO circuit_events (circuit, before, after, at, why)
VALUES (%(circuit)s, %(before)s, %(after)s, clock_timestamp(), %(why)s)
"""
NEWEST = """
SELECT circuit, at, why FROM (
    SELECT DISTINCT ON (circuit) circuit, at, why FROM circuit_events ORDER BY circuit, id DESC
) AS newest ORDER BY at DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class Known:
    """A circuit, and its last change: none for one that never failed too often."""

    circuit: Circuit
    changed_at: datetime | None = None
    why: str = ""


class UnknownCircuit(Exception):
    """No circuit of that name ever opened."""


def record(event: str, fields: dict[str, Any]) -> None:
    """Listens to telemetry. The call that changed the circuit goes on whatever becomes of this."""
    if event != "circuit.changed":
        return
    values = {"circuit": fields["circuit"][:300], "before": fields["before"], "after": fields["after"]}
    try:
        own_statement.run(INSERT, {**values, "why": sql.text(fields["why"]), "kept": KEPT_FOR})
        words = f"{fields['circuit']} was {fields['before']} and is {fields['after']}: {fields['why']}"
        told = Event("circuit_changed", words, source=fields["circuit"], data={"after": fields["after"]})
        own_statement.run(scheduler_events.RECORD, scheduler_events.columns([told]))
    except Exception as error:  # noqa: BLE001  a circuit must also open while the database is away
        telemetry.emit("circuit.unrecorded", circuit=fields["circuit"], error=repr(error))


def list_known() -> Sequence[Known]:
    """Mail, and what changed last first."""
    found = {row["circuit"]: row for row in sql.rows(NEWEST, {"most": MOST})}
    return [
        Known(circuits.find(name), row["at"], row["why"]) if row else Known(circuits.find(name))
        for name, row in {MAIL: found.pop(MAIL, None), **found}.items()
    ]


def reset(name: str, *, by: str) -> Known:
    """Close it: the next call is made. Raises `UnknownCircuit`."""
    name = sql.text(name)
    if name != MAIL and not CircuitEvent.objects.filter(circuit=name).exists():
        raise UnknownCircuit(f"No circuit {name[:100]} ever opened.")
    audit.record("circuit.reset", actor=by, tenant_id=None, target="circuit", target_id=name)
    circuits.reset(name, by=by)
    newest = CircuitEvent.objects.filter(circuit=name).first()
    return Known(circuits.find(name), newest.at, newest.why) if newest else Known(circuits.find(name))

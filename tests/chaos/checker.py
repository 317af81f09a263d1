"""Judges a database by the promise: SQL alone, what was due by the oracle, and the journal of the runs.

By itself: `python -m tests.chaos.checker DATABASE_URL [--hours 24] [--journal FILE]`. It only reads.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from tests.chaos import journal, targets
from tests.chaos.targets import Revision

INVARIANTS = Path(__file__).with_name("invariants.sql")
SHOWN = 5  # rows of each violation
UNDECIDED = timedelta(seconds=15)  # of a scheduler at work: so long may the newest occurrences wait for their decision

# What it means that a run was lost, or had two owners.
LOST = ("stuck_execution", "lost_change", "tick_without_its_execution", "given_up")
DOUBLY_OWNED = (
    *("two_owners", "two_at_work", "slot_taken_twice", "job_at_work_twice", "stray_lease"),
    *("work_without_a_claim", "work_after_the_loss", "work_after_success"),
)

TABLES = """
CREATE TEMP TABLE judged_jobs (job_id bigint PRIMARY KEY) ON COMMIT DROP;
CREATE TEMP TABLE expected_ticks (job_id bigint, due_at timestamptz, PRIMARY KEY (job_id, due_at)) ON COMMIT DROP;
CREATE TEMP TABLE checked (since timestamptz, until timestamptz) ON COMMIT DROP;
CREATE TEMP TABLE journaled_jobs (job_id bigint PRIMARY KEY) ON COMMIT DROP;
CREATE TEMP TABLE journal (
    mark text, run_key uuid, execution_id bigint, fence bigint, pid integer, at timestamptz) ON COMMIT DROP;
CREATE TEMP TABLE acknowledged (kind text, id bigint, number integer) ON COMMIT DROP
"""
NAMES = ("judged_jobs", "expected_ticks", "checked", "journaled_jobs", "journal", "acknowledged")


@dataclass(frozen=True)
class Invariant:
    name: str
    promise: str
    statement: str
    only_settled: bool


@dataclass(frozen=True)
class Violation:
    """One invariant that does not hold, with the first rows that show it."""

    name: str
    promise: str
    count: int
    rows: tuple[dict[str, Any], ...]

    def text(self) -> str:
        shown = "\n".join("    " + ", ".join(f"{key}={value}" for key, value in row.items()) for row in self.rows)
        return f"{self.name}: {self.count}   ({self.promise})\n{shown}"


@dataclass(frozen=True)
class Evidence:
    """What is known besides the database."""

    journal: Iterable[journal.Line] = ()
    journal_templates: Sequence[str] = ()
    acknowledged: Iterable[tuple[str, int, int]] = ()


@dataclass(frozen=True)
class Report:
    violations: tuple[Violation, ...]
    expected: int
    unjudged_jobs: int
    checked: tuple[str, ...] = field(repr=False, default=())

    @property
    def names(self) -> list[str]:
        return [violation.name for violation in self.violations]

    @property
    def count(self) -> int:
        return sum(violation.count for violation in self.violations)

    def count_of(self, names: Iterable[str]) -> int:
        return sum(violation.count for violation in self.violations if violation.name in names)


def invariants() -> Iterator[Invariant]:
    """The named blocks of the file."""
    for block in re.split(r"^-- name: ", INVARIANTS.read_text(), flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition("\n")
        comment: list[str] = []
        statement: list[str] = []
        for line in rest.splitlines():
            (comment if line.startswith("-- ") and not statement else statement).append(line)
        words = [line.removeprefix("-- ") for line in comment]
        promise = " ".join(line for line in words if not line.startswith("when:"))
        text = "\n".join(line for line in statement if not line.startswith("-- ==="))
        yield Invariant(name.strip(), promise, text.strip().rstrip(";"), "when: settled" in words)


def check(
    connection: psycopg.Connection[Any],
    evidence: Evidence | None = None,
    *,
    since: datetime,
    until: datetime,
    is_settled: bool = True,
) -> Report:
    """Run every invariant inside the caller's transaction, which should be one snapshot."""
    with psycopg.Cursor(connection, row_factory=tuple_row) as cursor:
        for name in NAMES:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
        cursor.execute(TABLES.encode())
        expected, unjudged = _set_targets(cursor, since, until)
        _set_evidence(cursor, evidence or Evidence())
    found = []
    held = [invariant for invariant in invariants() if is_settled or not invariant.only_settled]
    with psycopg.Cursor(connection, row_factory=dict_row) as reader:
        for invariant in held:
            rows = reader.execute(invariant.statement.encode()).fetchall()
            if rows:
                found.append(Violation(invariant.name, invariant.promise, len(rows), tuple(rows[:SHOWN])))
    return Report(tuple(found), expected, unjudged, tuple(invariant.name for invariant in held))


def _set_targets(cursor: psycopg.Cursor[Any], since: datetime, until: datetime) -> tuple[int, int]:
    cursor.execute("SELECT job_id, number, valid_from, definition::text FROM job_revisions")
    jobs = targets.by_job(Revision(row[0], row[1], row[2], json.loads(row[3])) for row in cursor.fetchall())
    judged = {job_id: revisions for job_id, revisions in jobs.items() if targets.can_judge(revisions)}
    _fill(cursor, "judged_jobs (job_id)", [(job_id,) for job_id in judged])
    due = {
        (due.job_id, due.due_at)
        for revisions in judged.values()
        for due in targets.expected(revisions, since=since, until=until)
    }
    _fill(cursor, "expected_ticks (job_id, due_at)", sorted(due))
    _fill(cursor, "checked (since, until)", [(since, until)])
    return len(due), len(jobs) - len(judged)


def _set_evidence(cursor: psycopg.Cursor[Any], evidence: Evidence) -> None:
    lines = [(line.mark, line.run_key, line.execution_id, line.fence, line.pid, line.at) for line in evidence.journal]
    _fill(cursor, "journal (mark, run_key, execution_id, fence, pid, at)", lines)
    cursor.execute("CREATE INDEX ON journal (execution_id, fence); ANALYZE journal")
    _fill(cursor, "acknowledged (kind, id, number)", list(evidence.acknowledged))
    cursor.execute(
        "INSERT INTO journaled_jobs SELECT j.id FROM dynamic_jobs j JOIN job_templates t ON t.id = j.template_id "
        "WHERE t.name = ANY(%s)",
        [list(evidence.journal_templates)],
    )


def _fill(cursor: psycopg.Cursor[Any], table: str, rows: Sequence[Sequence[object]]) -> None:
    with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def snapshot(connection: psycopg.Connection[Any]) -> None:
    """Let the coming transaction see one state of the database throughout."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database_url")
    parser.add_argument("--hours", type=float, default=24, help="how far back due instants are judged")
    parser.add_argument("--journal", type=Path, help="journal that the runs wrote")
    options = parser.parse_args()
    evidence = Evidence(journal.read(options.journal), ("journal",)) if options.journal else Evidence()
    with psycopg.connect(options.database_url) as connection:
        snapshot(connection)
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        until = row[0] - UNDECIDED
        since = until - timedelta(hours=options.hours)
        report = check(connection, evidence, since=since, until=until, is_settled=False)
        connection.rollback()
    for violation in report.violations:
        print(violation.text())
    print(
        f"{len(report.checked)} invariants, {report.expected} ticks expected, {report.unjudged_jobs} jobs not judged: "
        f"{report.count} violations"
    )
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())

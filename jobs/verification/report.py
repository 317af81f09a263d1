"""What a verification found: the conservation table, the violations, and what cannot be proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jobs.rules.states import TickOutcome
from jobs.verification.findings import Comparison, Violation

SHOWN = 20


@dataclass
class Report:
    since: datetime
    until: datetime
    jobs: int = 0
    names: dict[int, str] = field(default_factory=dict)  # of the jobs with violations that are shown
    sums: Comparison = field(default_factory=Comparison)
    shown: list[Violation] = field(default_factory=list)
    undecided: int = 0
    jobs_undecided: int = 0
    jobs_quarantined: int = 0
    furthest_behind: timedelta = timedelta()

    @property
    def violations(self) -> int:
        return sum(self.sums.kinds.values())

    @property
    def holds(self) -> bool:
        return not self.violations and self.sums.due == self.sums.recorded

    def accuse(self, violation: Violation, name: str) -> None:
        if len(self.shown) < SHOWN:
            self.shown.append(violation)
            self.names[violation.job_id] = name

    def by_outcome(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (outcome, _), count in self.sums.outcomes.items():
            found[outcome] += count
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "holds": self.holds,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "jobs": self.jobs,
            "due": self.sums.due,
            "recorded": self.sums.recorded,
            "outcomes": {outcome.value: self.by_outcome()[outcome.value] for outcome in TickOutcome},
            "reasons": {
                f"{outcome}/{reason}": count
                for (outcome, reason), count in sorted(self.sums.outcomes.items())
                if reason
            },
            "violations": dict(sorted(self.sums.kinds.items())),
            "first_violations": [
                {
                    "job": violation.job_id,
                    "name": self.names[violation.job_id],
                    "due_at": violation.due_at.isoformat(),
                    "kind": violation.kind.value,
                    "detail": violation.detail,
                }
                for violation in self.shown
            ],
            "undecided": {
                "ticks": self.undecided,
                "jobs": self.jobs_undecided,
                "quarantined": self.jobs_quarantined,
                "seconds_behind": self.furthest_behind.total_seconds(),
            },
            "not_recomputable": dict(sorted(self.sums.doubts.items())),
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        since, until = (f"{instant:%Y-%m-%d %H:%M:%S}" for instant in (self.since, self.until))
        yield f"Ledger of {_many(self.jobs, 'job')}, due from {since} to {until} UTC"
        yield ""
        yield _line("due", self.sums.due)
        totals = self.by_outcome()
        for outcome in TickOutcome:
            yield _line(outcome.value, totals[outcome.value], self._reasons(outcome.value))
        yield _line("recorded", self.sums.recorded, "" if self.sums.due == self.sums.recorded else "does not add up")
        yield ""
        if self.jobs_undecided:
            behind = (
                f"in {_many(self.jobs_undecided, 'job')}, {self.furthest_behind.total_seconds():,.1f} s behind at most"
            )
            yield _line("undecided", self.undecided, f"{behind}; {self.jobs_quarantined:,} of them quarantined")
        for why, count in sorted(self.sums.doubts.items()):
            yield _line("not recomputable", count, f"differences: {why}")
        yield from self._accusations()

    def _reasons(self, outcome: str) -> str:
        reasons = [(count, reason) for (of, reason), count in self.sums.outcomes.items() if of == outcome and reason]
        return ", ".join(
            f"{reason} {count:,}" for count, reason in sorted(reasons, key=lambda pair: (-pair[0], pair[1]))
        )

    def _accusations(self) -> Iterator[str]:
        if self.holds:
            yield "No violation: every due tick is accounted for."
            return
        yield f"{_many(self.violations, 'violation')}: " + ", ".join(
            f"{kind} {count:,}" for kind, count in sorted(self.sums.kinds.items())
        )
        for violation in self.shown:
            yield (
                f"  job {violation.job_id} ({self.names[violation.job_id]}), {violation.due_at.isoformat()}: "
                f"{violation.kind} ({violation.detail})"
            )
        if self.violations > len(self.shown):
            yield f"  and {self.violations - len(self.shown):,} more"


def _line(name: str, count: int, more: str = "") -> str:
    return f"{name:<18}{count:>14,}  {more}".rstrip()


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

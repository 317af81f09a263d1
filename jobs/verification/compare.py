"""Merges what was due with what is recorded, tick by tick, and names every difference. Pure; holds no list of ticks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from jobs.rules.states import FIRING
from jobs.verification.expected import INSTANT, Stretch, clock_went_back, stretches
from jobs.verification.findings import Comparison, History, Kind, Link, RecordedTick, Violation

UNACCOUNTED = "unaccounted"
_FIRING = frozenset(outcome.value for outcome in FIRING)


def compare(
    history: History, ticks: Iterable[RecordedTick], *, until: datetime | None = None
) -> Iterator[Violation | Comparison]:
    """Each violation as it is found, and at the end the comparison. `ticks` are those from `since` on, in order; what
    lies after the decided part is left alone, and so is what lies after `until`."""
    return _Merge(history, ticks, until).run()


class _Merge:
    def __init__(self, history: History, ticks: Iterable[RecordedTick], until: datetime | None) -> None:
        self._history = history
        self._end = min(history.decided_until, until or history.now)
        self._ticks = iter(ticks)
        self._tick = next(self._ticks, None)
        self._fired = history.fired_before
        self._gone = history.fired_and_gone
        self._clock_went_back = clock_went_back(history.revisions)
        self._sum = Comparison()

    def run(self) -> Iterator[Violation | Comparison]:
        for stretch in stretches(self._history.revisions, since=self._history.since, until=self._end):
            yield from self._not_due_until(stretch.after, None)
            yield from self._within(stretch)
            yield from self._not_due_until(stretch.until, stretch)
        yield from self._not_due_until(self._end, None)
        yield from self._early()
        yield self._sum

    def _within(self, stretch: Stretch) -> Iterator[Violation]:
        most = stretch.max_runs
        try:
            for due_at in stretch.occurrences():
                if most is not None and self._fired >= most:
                    return
                tick = self._tick
                if tick is not None and tick.due_at < due_at:
                    yield from self._not_due_until(due_at - INSTANT, stretch)
                    tick = self._tick
                if tick is not None and tick.due_at == due_at:
                    self._sum.due += 1
                    self._count(tick)
                    if tick.link or tick.reason == UNACCOUNTED:
                        yield from self._accuse(tick)
                    if self._tick is not None and self._tick.due_at == due_at:
                        yield from self._doubles(due_at)
                else:
                    yield from self._unrecorded(due_at, stretch)
        except Exception as error:  # noqa: BLE001  whatever a stored schedule raises, the rest is verified
            self._sum.doubts[f"schedule cannot be evaluated: {type(error).__name__}"] += 1
            yield from self._not_due_until(stretch.until, stretch, doubt="schedule cannot be evaluated")

    def _count(self, tick: RecordedTick) -> None:
        """A recorded tick, due or not; then the next."""
        self._tick = next(self._ticks, None)
        self._sum.outcomes[tick.outcome, tick.reason] += 1
        if tick.outcome in _FIRING:
            self._fired += 1

    def _accuse(self, tick: RecordedTick) -> Iterator[Violation]:
        """What is wrong with a tick whether it was due or not."""
        if tick.reason == UNACCOUNTED:
            self._count_as_gone()
            yield self._violation(tick.due_at, Kind.UNACCOUNTED, "nobody had decided it; the reconciler wrote it down")
        if tick.link == Link.GONE:
            yield self._violation(tick.due_at, Kind.FIRED_WITHOUT_EXECUTION, f"it is {tick.outcome}")
        elif tick.link == Link.WRONG:
            yield self._violation(tick.due_at, Kind.WRONG_EXECUTION, "its execution is of another job or instant")

    def _doubles(self, due_at: datetime) -> Iterator[Violation]:
        while self._tick is not None and self._tick.due_at == due_at:
            tick = self._tick
            self._count(tick)
            yield from self._accuse(tick)
            yield self._violation(due_at, Kind.DOUBLE, "two ticks for one occurrence")

    def _unrecorded(self, due_at: datetime, stretch: Stretch) -> Iterator[Violation]:
        self._count_as_gone()
        if stretch.doubt:
            self._sum.doubts[stretch.doubt] += 1
        else:
            self._sum.due += 1
            yield self._violation(due_at, Kind.UNRECORDED, f"due by revision {stretch.last}, and not in the ledger")

    def _not_due_until(self, until: datetime, stretch: Stretch | None, *, doubt: str = "") -> Iterator[Violation]:
        """Ticks up to `until` for which there is no occurrence."""
        while (tick := self._tick) is not None and tick.due_at <= until:
            self._count(tick)
            yield from self._accuse(tick)
            why = doubt or self._doubt_of(tick, stretch)
            if why:
                self._sum.due += 1
                self._sum.doubts[why] += not doubt
            elif stretch is None:
                yield self._violation(tick.due_at, Kind.PHANTOM, "recorded while the schedule was not in force")
            else:
                yield self._violation(tick.due_at, Kind.PHANTOM, "recorded, and not due")

    def _doubt_of(self, tick: RecordedTick, stretch: Stretch | None) -> str:
        if self._clock_went_back and (stretch is None or not stretch.first <= tick.revision <= stretch.last):
            return "the database's clock was set back"
        return stretch.doubt if stretch else ""

    def _early(self) -> Iterator[Violation]:
        """Beyond the decided part others may be writing, but nobody decides what is not due yet."""
        while (tick := self._tick) is not None:
            self._tick = next(self._ticks, None)
            if tick.is_early:
                yield self._violation(tick.due_at, Kind.PHANTOM, "decided before it was due")

    def _count_as_gone(self) -> None:
        """What is not there any more may be what has used the schedule up."""
        if self._gone:
            self._gone -= 1
            self._fired += 1

    def _violation(self, due_at: datetime, kind: Kind, detail: str) -> Violation:
        self._sum.kinds[kind] += 1
        return Violation(self._history.job_id, due_at, kind, detail)

"""An impact in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.explain.wording import instant

if TYPE_CHECKING:
    from jobs.impact.assessment import Impact

DONE = {
    "enable": "The schedule is put in force from now on",
    "disable": "The schedule is taken out of force: nothing is due any more",
    "pause": "Its ticks are recorded as skipped until it is resumed",
    "resume": "Its ticks fire again from the next one on",
    "archive": "The job never runs again",
}


def sentences(impact: Impact) -> Iterator[str]:
    """The first says what happens to its runs; the others what else is to be known."""
    lead = f"{DONE[impact.change]}. " if impact.change in DONE else ""
    yield lead + _difference(impact)
    if impact.after.held_back:
        held = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in impact.after.held_back.items())
        yield f"Due and not run, as things stand: {held}."
    if impact.after.let_in and not impact.comparison.unchanged:
        yield f"The next run is due at {instant(impact.after.let_in[0], impact.timezone)}; nothing runs before."
    if impact.undecided is not None:
        words = ", ".join(f"{count} {outcome}" for outcome, count in impact.undecided.outcomes.items())
        yield f"{_count(impact.undecided.count, 'undecided tick')} decided first, by the old definition: {words}."
    if impact.queued or impact.running:
        yield _in_progress(impact)
    if impact.missed is not None:
        since, more = instant(impact.missed.since, impact.timezone), " or more" if impact.missed.is_cut else ""
        yield (
            f"Between {since} and now it would have run {impact.missed.count}{more} times. "
            "None of these runs unless you choose so."
        )
        if impact.missed.why_not:
            yield impact.missed.why_not
    if impact.collisions:
        most = max(impact.collisions, key=lambda one: one.jobs)
        at, more = instant(most.at, impact.timezone), ", …" if most.jobs > len(most.names) else ""
        yield f"{_count(most.jobs, 'other job')} due in the minute of {at}: {', '.join(most.names)}{more}."


def _difference(impact: Impact) -> str:
    found = impact.comparison
    days = max(round((impact.until - impact.now).total_seconds() / 86_400), 1)
    reach = f"the next {days} days" if days > 1 else "the next day"
    total = f"{len(impact.after.let_in):,} runs in {reach}"
    if not (found.added or found.removed or found.moved):
        return f"No run changes: {total}."
    parts = [
        f"{count:,} {word}"
        for word, count in (("added", len(found.added)), ("removed", len(found.removed)), ("moved", len(found.moved)))
        if count
    ]
    return f"{total}, now {len(impact.before.let_in):,}: {', '.join(parts)}."


def _in_progress(impact: Impact) -> str:
    waits = f"{_count(impact.queued, 'execution')} waiting"
    runs = f"{_count(impact.running, 'execution')} running"
    if impact.change == "archive":
        return f"{waits}, cancelled by this; {runs}, going on to the end."
    return f"{waits} and {runs} now: untouched by this, with the parameters that they were queued with."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} is" if number == 1 else f"{number} {noun}s are"

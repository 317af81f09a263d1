"""What a happening is called in the titles and texts of messages."""

from __future__ import annotations

from notifications.rules.grouping import MOST_JOBS, MOST_SEPARATE, Folding, Gathered
from notifications.rules.happening import Happening
from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind

LONGEST_NAME = 100
LONGEST_ERROR = 500


def type_of(kind: Kind, folding: Folding = Folding.OWN) -> str:
    """`job.failed`, `system.circuit`, `digest.storm`."""
    if folding is not Folding.OWN:
        return f"digest.{folding}"
    return f"{'system' if kind in OF_THE_SYSTEM else 'job'}.{kind}"


TYPES = frozenset(type_of(kind, folding) for kind in Kind for folding in Folding)
"""All that are built in. Whoever creates notifications chooses others."""


def title(kind: Kind, name: str) -> str:
    return _named(ABOUT[kind].title, name)


def title_many(kind: Kind, name: str) -> str:
    """With {count} still in it."""
    return _named(ABOUT[kind].title_many, name)


def titles(message: Gathered) -> tuple[str, str]:
    """For one, and for more with {count} in it."""
    rule, kind = message.telling.rule, message.telling.kind
    if message.folding is Folding.OWN:
        return title(kind, message.last.name), title_many(kind, message.last.name)
    jobs = f"more than {MOST_JOBS:,}" if message.jobs > MOST_JOBS else f"{message.jobs:,}"
    about = "" if message.telling.kind in OF_THE_SYSTEM else f" about {jobs} job{'' if message.jobs == 1 else 's'}"
    said = f"of \N{LEFT DOUBLE QUOTATION MARK}{_short(rule.name)}\N{RIGHT DOUBLE QUOTATION MARK}"
    when = " today" if message.folding is Folding.DAY else ""
    return f"1 more message {said}{about}{when}", f"{{count}} more messages {said}{about}{when}"


def body(message: Gathered) -> str:
    if message.folding is Folding.OWN:
        return text_of(message.telling.kind, message.last)
    why = (
        f"More than {MOST_SEPARATE} came within 5 minutes"
        if message.folding is Folding.STORM
        else f"The rule's {message.telling.rule.daily_cap} messages of the day are spent"
    )
    last = title(message.telling.kind, message.last.name)
    return f"{why}, so what followed is counted here. Among them: {last}."


def text_of(kind: Kind, happening: Happening) -> str:
    if kind is Kind.RECOVERED:
        failures = happening.failures_in_row
        return f"After {failures:,} failure{'' if failures == 1 else 's'} in a row."
    text = (happening.error or happening.reason)[:LONGEST_ERROR]
    if kind is Kind.FAILED and happening.failures_in_row > 1:
        return f"The {ordinal(happening.failures_in_row)} failure in a row. {text}".strip()
    return text


def _named(words: str, name: str) -> str:
    return words.replace("{job}", _short(name).replace("{count}", "(count)"))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"


def ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(0 if 10 <= number % 100 <= 20 else number % 10, "th")
    return f"{number:,}{ending}"

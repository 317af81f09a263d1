"""Why an operation on dead letters is refused."""

from __future__ import annotations

from jobs.models import DeadLetter, Execution
from jobs.rules.states import LetterState

WORDS = {
    LetterState.OPEN: "is open",
    LetterState.REPLAYING: "is being replayed",
    LetterState.RESOLVED: "was resolved by a replay",
    LetterState.FAILED_AGAIN: "was replayed and failed again; its replay has a dead letter of its own",
    LetterState.DISCARDED: "was discarded",
}


class LetterIsNotOpen(Exception):
    """It is being replayed, or closed."""


class LetterIsNotDiscarded(Exception):
    """Only what was discarded can be restored."""


class NoOpenLetters(Exception):
    """Nothing of the group is open: somebody was first."""


class CountHasChanged(Exception):
    """Not as many letters of the group are open as somebody has agreed to."""


class CannotReplay(Exception):
    """What it takes to run it again is there no more."""


class ReplayHasEnded(Exception):
    """It is done, stopped or cancelled; nothing of it can be cancelled any more."""


def not_open(letter: DeadLetter) -> LetterIsNotOpen:
    return LetterIsNotOpen(f"{letter} {WORDS[LetterState(letter.state)]}; only an open one can be taken up.")


def no_open_letters(letter: DeadLetter) -> NoOpenLetters:
    return NoOpenLetters(f"No letter of the group of {letter} is open; somebody has taken them up already.")


def count_has_changed(expected: int, count: int) -> CountHasChanged:
    letters = "1 letter of the group is" if count == 1 else f"{count} letters of the group are"
    return CountHasChanged(f"{letters} open now, not {expected}. Nothing was done: look at them and decide again.")


def cannot_replay(execution_id: int) -> CannotReplay:
    execution = Execution.objects.select_related("template", "job").filter(pk=execution_id).first()
    if execution is None:
        return CannotReplay(f"Execution {execution_id} is not kept any more, and its parameters are gone with it.")
    if execution.job is not None and execution.job.archived_at is not None:
        return CannotReplay(f"{execution.job.name} is archived; it cannot run any more.")
    return CannotReplay(
        f"The code has no {execution.template} any more, which execution {execution_id} ran. Deploy it again, or "
        "discard the letter."
    )

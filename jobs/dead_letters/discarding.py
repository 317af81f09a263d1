"""Discarding dead letters with a reason, and taking one back."""

from __future__ import annotations

from jobs import trail
from jobs.dead_letters.errors import WORDS, LetterIsNotDiscarded, not_open
from jobs.dead_letters.groups import lock_open_in_group_of
from jobs.definition import InvalidJob
from jobs.models import DeadLetter
from jobs.rules.states import LetterState
from scheduler_project.lib import sql, telemetry, transactions

LONGEST_NOTE = 500


def discard(letter_id: int, *, actor: str, note: str) -> None:
    """Nothing more is to be done about it, for the reason in `note`. Raises `LetterIsNotOpen`, `InvalidJob`."""
    values = _closing(actor, note)
    with transactions.engine():
        discarded = DeadLetter.objects.filter(pk=letter_id, state=LetterState.OPEN).update(**values)
        letter = DeadLetter.objects.get(pk=letter_id)
        if not discarded:
            raise not_open(letter)
        trail.tell("dead_letter.discarded", letter, actor=actor, note=note)
    telemetry.emit("dead_letter.discarded", letters=1, actor=actor, note=note)


def discard_group(letter_id: int, *, actor: str, note: str, expected: int | None = None) -> int:
    """All open letters of this one's group; none when there are not as many as expected. Returns how many. Raises
    `NoOpenLetters`, `CountHasChanged`, `InvalidJob`."""
    values = _closing(actor, note)
    with transactions.engine():
        letter = DeadLetter.objects.select_related("template").get(pk=letter_id)
        ids = lock_open_in_group_of(letter, expected=expected)
        count = DeadLetter.objects.filter(pk__in=ids).update(**values)
        many = {"count": count, "dead_letters": sorted(ids)[: trail.MOST_NAMED]}
        trail.tell("dead_letter.group_discarded", letter, actor=actor, note=note, after=many)
    telemetry.emit("dead_letter.discarded", letters=count, actor=actor, note=note)
    return count


def restore(letter_id: int, *, actor: str) -> None:
    """Open a discarded letter again. Raises `LetterIsNotDiscarded`."""
    with transactions.engine():
        discarded = DeadLetter.objects.filter(pk=letter_id, state=LetterState.DISCARDED)
        restored = discarded.update(state=LetterState.OPEN, closed_at=None, closed_by="", note="")
        letter = DeadLetter.objects.get(pk=letter_id)
        if not restored:
            raise LetterIsNotDiscarded(f"{letter} {WORDS[LetterState(letter.state)]}; there is nothing to restore.")
        trail.tell("dead_letter.restored", letter, actor=actor)
    telemetry.emit("dead_letter.restored", letter=letter_id, actor=actor)


def _closing(actor: str, note: str) -> dict[str, object]:
    note = note.strip()
    if not note:
        raise InvalidJob({"note": ["Write why nothing more is to be done."]})
    if len(note) > LONGEST_NOTE:
        raise InvalidJob({"note": [f"Write at most {LONGEST_NOTE} characters."]})
    return {"state": LetterState.DISCARDED.value, "closed_at": sql.now(), "closed_by": actor, "note": note}

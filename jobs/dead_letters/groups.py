"""Finding dead letters, one by one or grouped: those of one tenant, job or template, and fingerprint are one group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from jobs.dead_letters.errors import count_has_changed, no_open_letters
from jobs.models import DeadLetter
from jobs.rules.states import LetterState

KEY = ("tenant_id", "job_id", "template__name", "fingerprint")


@dataclass(frozen=True)
class Group:
    """Letters of one cause. `example` is the newest; its id stands for the group in every operation."""

    count: int
    first_at: datetime
    last_at: datetime
    example: DeadLetter


def find(
    letters: QuerySet[DeadLetter],
    *,
    state: str = "",
    job: int | None = None,
    template: str = "",
    tenant: str = "",
    fingerprint: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[DeadLetter]:
    """The newest first; `since` and `until` bound when they died."""
    exact = {
        "state": state,
        "job_id": job,
        "template__name": template,
        "tenant__slug": tenant,
        "fingerprint": fingerprint,
        "died_at__gte": since,
        "died_at__lt": until,
    }
    return letters.filter(**{name: value for name, value in exact.items() if value not in ("", None)}).order_by("-id")


def grouped(letters: QuerySet[DeadLetter]) -> Any:
    """A row for each group among the letters, the one that grew last first. `groups` makes groups of them."""
    return (
        letters.order_by()
        .values(*KEY)
        .annotate(count=Count("id"), first_at=Min("died_at"), last_at=Max("died_at"), example=Max("id"))
        .order_by("-example")
    )


def groups(rows: list[dict[str, Any]]) -> list[Group]:
    """Without those whose example was cleared away meanwhile."""
    shown = DeadLetter.objects.select_related("tenant", "job", "template")
    examples = shown.in_bulk([row["example"] for row in rows])
    return [
        Group(row["count"], row["first_at"], row["last_at"], examples[row["example"]])
        for row in rows
        if row["example"] in examples
    ]


def group_of(letter: DeadLetter) -> QuerySet[DeadLetter]:
    """All letters of the group that this one belongs to, whatever their state."""
    key = {"tenant_id": letter.tenant_id, "template__name": letter.template.name, "fingerprint": letter.fingerprint}
    same = DeadLetter.objects.filter(**key)
    return same.filter(job_id__isnull=True) if letter.job_id is None else same.filter(job_id=letter.job_id)


def open_in_group_of(letter: DeadLetter) -> QuerySet[DeadLetter]:
    return group_of(letter).filter(state=LetterState.OPEN)


def lock_open_in_group_of(letter: DeadLetter, *, most: int | None = None, expected: int | None = None) -> list[int]:
    """Their ids, the oldest first; in one order by all, so that two who want them wait for each other in turn. Raises
    `NoOpenLetters`, and `CountHasChanged` when there are not as many as expected."""
    found = open_in_group_of(letter).select_for_update(no_key=True, of=("self",)).order_by("id")
    ids = list(found.values_list("pk", flat=True)[:most])
    if not ids:
        raise no_open_letters(letter)
    if expected is not None and len(ids) != (expected if most is None else min(expected, most)):
        raise count_has_changed(expected, open_in_group_of(letter).count())
    return ids

"""Where a run stands among the others of its job: the ones beside it, the last success, what it repeats, what repeats
it; and in which parameters they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.admin.editor.parameters import MASK, masked
from jobs.models import Execution
from jobs.rules.states import Trigger
from scheduler_project.lib import sql
from scheduler_project.lib.leaves import leaves
from templates_registry.schema import map_secrets

LOOKED_AT = 500
"""Runs before this one among which the last success is looked for."""
MOST_REPEATS = 10
REPEATS = (Trigger.REPLAY, Trigger.MANUAL, Trigger.API)

# The ranges instead of equalities keep PostgreSQL on the index by job.
BESIDE = """
WITH before AS MATERIALIZED (
    SELECT id, status, dry_run FROM job_executions
    WHERE job_id BETWEEN %(job)s AND %(job)s AND id < %(id)s ORDER BY job_id DESC, id DESC LIMIT %(count)s
)
SELECT (SELECT max(id) FROM before) AS previous,
       (SELECT max(id) FROM before WHERE NOT dry_run) AS previous_real,
       (SELECT max(id) FROM before WHERE status = 'succeeded' AND NOT dry_run) AS succeeded,
       (SELECT id FROM job_executions WHERE job_id BETWEEN %(job)s AND %(job)s AND id > %(id)s
        ORDER BY job_id, id LIMIT 1) AS next
"""


@dataclass(frozen=True)
class Comparison:
    """With another run, told as `words`: (name, then, now) of each parameter that is not the same."""

    words: str
    execution_id: int
    changes: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Beside:
    previous: int | None = None
    next: int | None = None
    comparisons: tuple[Comparison, ...] = ()


def beside(row: Execution) -> Beside:
    if row.job_id is None:
        return Beside()
    found = sql.row(BESIDE, {"job": row.job_id, "id": row.pk, "count": LOOKED_AT})
    assert found is not None
    with_words = {found["previous_real"]: "the run before"}
    if found["succeeded"]:
        is_same = found["succeeded"] == found["previous_real"]
        with_words[found["succeeded"]] = "the run before, which succeeded" if is_same else "the last success"
    others = Execution.objects.select_related("template").filter(pk__in=[pk for pk in with_words if pk])
    by_id = {other.pk: other for other in others}
    comparisons = tuple(
        Comparison(words, pk, compare(by_id[pk], row)) for pk, words in with_words.items() if pk and pk in by_id
    )
    return Beside(found["previous"], found["next"], comparisons)


def compare(then: Execution, now: Execution) -> list[tuple[str, str, str]]:
    """By path, with secrets masked; of a secret it is only said that it is there."""
    return differences(masked(then.template, then.parameters), masked(now.template, now.parameters))


def changed_by(row: Execution, parameters: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What would differ from a run when it ran with these; a secret that was entered differs."""
    entered = map_secrets(row.template.schema, parameters, lambda secret: "entered anew" if secret else MASK)
    before = masked(row.template, row.parameters)
    return differences(before, {**{name: MASK for name, value in before.items() if value == MASK}, **entered})


def repeats_of(row: Execution) -> list[Execution]:
    """The runs that repeat this one, the newest first; those of jobs that follow its job are told of elsewhere."""
    later = Execution.objects.filter(pk__gt=row.pk, parent_id=row.pk, trigger__in=REPEATS)
    return list(later.order_by("-pk")[:MOST_REPEATS])


def repeated_by(row: Execution) -> int | None:
    """The run that this one repeats."""
    return row.parent_id if row.trigger in REPEATS else None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(path, before, after) of each value that is not the same; what is absent is empty."""
    old, new = _flat(before), _flat(after)
    paths = dict.fromkeys([*new, *old])
    return [(path, old.get(path, ""), new.get(path, "")) for path in paths if old.get(path) != new.get(path)]


def _flat(value: Mapping[str, Any]) -> dict[str, str]:
    return {
        path: item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for path, item in leaves(value)
    }

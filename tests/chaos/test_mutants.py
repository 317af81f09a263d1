"""Without a barrier the promise breaks, and it is seen; with all of them the same course of events keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction

from jobs.models import Tick
from scheduler_project.lib import sql
from tests.chaos import checker
from tests.chaos.interleavings import CASES, Interleaving, Scene
from tests.chaos.mutants import mutated
from tests.chaos.sessions import stepped
from tests.chaos.tick_mutants import TICK_MUTANTS

pytestmark = pytest.mark.django_db(transaction=True)

COURSES = list(dict.fromkeys(course for course, _, _ in CASES))
BARE = "ALTER TABLE ticks DROP CONSTRAINT IF EXISTS one_tick_per_job_and_instant"
GUARDED = "ALTER TABLE ticks ADD CONSTRAINT one_tick_per_job_and_instant PRIMARY KEY (job_id, due_at)"


@pytest.fixture(autouse=True)
def whole_tables(transactional_db: None) -> Iterator[None]:
    """A mutant may have taken the constraint away, and the database goes on to the next test."""
    yield
    sql.script(f"TRUNCATE ticks; {BARE}; {GUARDED}")


def violations(course: Interleaving) -> list[str]:
    """What the course itself saw, and what the checker finds in what it left behind."""
    scene = Scene()
    since = sql.now() - timedelta(minutes=5)
    course(scene)
    with transaction.atomic():
        until = sql.now() - timedelta(seconds=2)
        report = checker.check(connection.connection, since=since, until=until, is_settled=False)
        transaction.set_rollback(True)
    for violation in report.violations:
        print(violation.text())
    assert report.expected >= 3
    return [*scene.seen, *report.names]


class TestInterleaving:
    @pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
    def test_keeps_the_promise_with_all_barriers(self, course: Interleaving) -> None:
        with stepped():
            assert violations(course) == []
        assert Tick.objects.exists()

    @pytest.mark.parametrize(
        ("course", "names", "found"), CASES, ids=[f"{'+'.join(names)}-{course.__name__}" for course, names, _ in CASES]
    )
    def test_turns_red_without(self, course: Interleaving, names: tuple[str, ...], found: set[str]) -> None:
        with stepped(), mutated(names):
            assert found <= set(violations(course))

    def test_is_there_for_each_mutant_alone(self) -> None:
        assert {names[0] for _, names, _ in CASES if len(names) == 1} == set(TICK_MUTANTS)

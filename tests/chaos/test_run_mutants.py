"""Without a barrier of executions the promise breaks, and it is seen; with all of them the same course keeps it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.db import connection, transaction

from jobs.models import Execution
from scheduler_project.lib import sql
from tests.chaos import checker, run_courses
from tests.chaos.checker import Evidence
from tests.chaos.mutants import mutated
from tests.chaos.run_courses import RUN_CASES, RunCourse
from tests.chaos.run_mutants import RUN_MUTANTS
from tests.chaos.run_scene import RunScene
from tests.chaos.sessions import stepped

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

MakeScene = Callable[[Sequence[str]], RunScene]
COURSES = list(dict.fromkeys([*(course for course, _, _ in RUN_CASES), run_courses.a_host_stands_still]))
GUARDS = {
    "execution_leases_pkey": "PRIMARY KEY (execution_id)",
    "one_lease_per_job_slot": "UNIQUE (job_id, job_slot)",
    "one_lease_per_pool_slot": "UNIQUE (pool_id, pool_slot)",
}


@pytest.fixture(autouse=True)
def whole_tables(transactional_db: None) -> Iterator[None]:
    """A mutant may have taken a constraint away, and the database goes on to the next test."""
    yield
    mended = "; ".join(
        f"ALTER TABLE execution_leases DROP CONSTRAINT IF EXISTS {name}, ADD CONSTRAINT {name} {guard}"
        for name, guard in GUARDS.items()
    )
    sql.script(f"TRUNCATE execution_leases; {mended}")


@pytest.fixture
def make_scene() -> Iterator[MakeScene]:
    made: list[RunScene] = []

    def make(names: Sequence[str]) -> RunScene:
        made.append(RunScene(names))
        return made[-1]

    yield make
    for scene in made:
        shutil.rmtree(scene.folder)


def violations(course: RunCourse, scene: RunScene) -> list[str]:
    """What the course itself saw, and what the checker finds in what it left behind."""
    since = sql.now()
    course(scene)
    with transaction.atomic():
        evidence = Evidence(scene.journal(), ("journal",))
        report = checker.check(connection.connection, evidence, since=since, until=sql.now())
        transaction.set_rollback(True)
    for violation in report.violations:
        print(violation.text())
    return [*scene.seen, *report.names]


class TestRunCourse:
    @pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
    def test_keeps_the_promise_with_all_barriers(self, course: RunCourse, make_scene: MakeScene) -> None:
        with stepped():
            assert violations(course, make_scene(())) == []
        assert Execution.objects.exists()

    @pytest.mark.parametrize(
        ("course", "names", "found"),
        RUN_CASES,
        ids=[f"{'+'.join(names)}-{course.__name__}" for course, names, _ in RUN_CASES],
    )
    def test_turns_red_without(
        self, course: RunCourse, names: tuple[str, ...], found: set[str], make_scene: MakeScene
    ) -> None:
        with stepped(), mutated(names):
            assert found <= set(violations(course, make_scene(names)))

    def test_is_there_for_each_mutant_alone(self) -> None:
        assert {names[0] for _, names, _ in RUN_CASES if len(names) == 1} == set(RUN_MUTANTS)

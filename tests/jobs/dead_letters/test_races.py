"""Two at once: the loser learns so, and nothing is replayed twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from jobs import dead_letters, registry
from jobs.models import DeadLetter, DeadLetterReplay, Execution, Job
from jobs.recovery.replays import Replays
from tests.jobs.dead_letters.conftest import bury, end, state_of, sweep

pytestmark = pytest.mark.django_db(transaction=True)

TIMES = 10


def together(*verbs: Callable[[], Any]) -> list[Any]:
    """What each returned or raised, all begun at the same moment."""
    begin = threading.Barrier(len(verbs))

    def run(verb: Callable[[], Any]) -> Any:
        connection.ensure_connection()
        begin.wait()
        try:
            return verb()
        except Exception as error:
            return type(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(verbs)) as threads:
        return list(threads.map(run, verbs))


def replays_of(letter: DeadLetter) -> int:
    return Execution.objects.filter(parent_id=letter.execution_id).count()


def test_two_operators_replay_the_same_letter(job: Job) -> None:
    for _ in range(TIMES):
        letter = bury(job)
        answers = together(*[lambda: dead_letters.replay(letter.pk, actor="user:olaf")] * 2)  # noqa: B023
        assert sorted(isinstance(answer, int) for answer in answers) == [False, True]
        assert dead_letters.LetterIsNotOpen in answers
        assert replays_of(letter) == 1


def test_one_discards_what_another_replays(job: Job) -> None:
    for _ in range(TIMES):
        letter = bury(job)
        replayed, discarded = together(
            lambda: dead_letters.replay(letter.pk, actor="user:olaf"),  # noqa: B023
            lambda: dead_letters.discard(letter.pk, actor="user:ana", note="known"),  # noqa: B023
        )
        is_replayed = isinstance(replayed, int)
        assert (discarded is dead_letters.LetterIsNotOpen) == is_replayed
        assert (replays_of(letter), state_of(letter)) == ((1, "replaying") if is_replayed else (0, "discarded"))


def test_two_operators_replay_the_same_group(job: Job) -> None:
    for _ in range(TIMES // 2):
        letters = [bury(job) for _ in range(4)]
        answers = together(*[lambda: dead_letters.start(letters[0].pk, actor="user:olaf")] * 2)  # noqa: B023
        (replay,) = [answer for answer in answers if isinstance(answer, DeadLetterReplay)]
        assert dead_letters.NoOpenLetters in answers
        assert replay.runs.count() == 4
        dead_letters.cancel(replay.pk, actor="user:olaf")
        dead_letters.discard_group(letters[0].pk, actor="user:olaf", note="done")


def test_one_discards_a_group_that_another_replays(job: Job) -> None:
    for number in range(TIMES // 2):
        letters = [bury(job, error="It broke " + "and broke " * number) for _ in range(4)]
        replay, discarded = together(
            lambda: dead_letters.start(letters[0].pk, actor="user:olaf"),  # noqa: B023
            lambda: dead_letters.discard_group(letters[0].pk, actor="user:ana", note="known"),  # noqa: B023
        )
        taken = replay.runs.count() if isinstance(replay, DeadLetterReplay) else 0
        assert taken + (discarded if isinstance(discarded, int) else 0) == 4
        assert sorted({state_of(letter) for letter in letters}) in (["discarded"], ["replaying"])
        if taken:
            dead_letters.cancel(replay.pk, actor="user:olaf")


def test_two_leaders_advance_the_same_replay(job: Job) -> None:
    letters = [bury(job) for _ in range(12)]
    replay = dead_letters.start(letters[0].pk, actor="user:olaf")
    sizes = []
    for _ in range(4):
        sizes.append(sum(together(*[Replays().sweep] * 3)))
        for execution_id in Execution.objects.filter(trigger="replay", status="queued").values_list("pk", flat=True):
            end(execution_id, "succeeded")
    sweep()
    assert sum(sizes) == 12
    assert [replays_of(letter) for letter in letters] == [1] * 12
    assert DeadLetterReplay.objects.get(pk=replay.pk).status == "done"


def test_a_replay_is_cancelled_while_a_leader_advances_it(job: Job) -> None:
    for _ in range(TIMES):
        letters = [bury(job) for _ in range(4)]
        replay = dead_letters.start(letters[0].pk, actor="user:olaf")
        together(Replays().sweep, lambda: dead_letters.cancel(replay.pk, actor="user:ana"))  # noqa: B023
        sweep()
        assert {state_of(letter) for letter in letters} == {"open"}
        assert not Execution.objects.filter(trigger="replay", status="queued").exists()
        dead_letters.discard_group(letters[0].pk, actor="user:olaf", note="done")


def test_a_job_is_archived_while_a_letter_of_its_is_replayed(make_job: Callable[..., Job]) -> None:
    for _ in range(TIMES // 2):
        job = make_job(policies={"max_retries": 0, "overlap": "allow"})
        letter = bury(job)
        replayed, _archived = together(
            lambda: dead_letters.replay(letter.pk, actor="user:olaf"),  # noqa: B023
            lambda: registry.archive(job.pk, actor="user:ana"),  # noqa: B023
        )
        assert replayed is dead_letters.CannotReplay or isinstance(replayed, int)
        assert not Execution.objects.filter(job=job, status="queued").exists()

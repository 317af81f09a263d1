"""With real processes: what fails is buried; a group is replayed in stages, whoever leads meanwhile."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from accounts.models import Tenant
from jobs import dead_letters, submission
from jobs.models import DeadLetter, DeadLetterReplay, Execution
from jobs.tick import publisher
from tests import live
from tests.live import wait_for

pytestmark = pytest.mark.acceptance

LETTERS = 12


def letters_in(state: str) -> int:
    return DeadLetter.objects.filter(state=state).count()


@pytest.mark.long
def test_a_group_is_replayed_once_whoever_leads(running: ExitStack, tmp_path: Path) -> None:
    tenant, _ = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})
    path = tmp_path / "not-there-yet" / "journal"
    first = running.enter_context(live.scheduler(tmp_path, name="s1"))
    running.enter_context(live.worker(tmp_path))
    for _ in range(LETTERS):
        wishes = {"template": "journal", "payload": {"path": str(path), "seconds": 0.3}, "retries": 0}
        submission.submit(wishes, tenant=tenant, actor="user:test")
    publisher.publish_waiting()
    wait_for(lambda: letters_in("open") == LETTERS, seconds=60, what="the dead letters")
    letter = DeadLetter.objects.latest("id")
    assert dead_letters.group_of(letter).count() == LETTERS
    assert (letter.error_class, letter.place) == ("builtins.FileNotFoundError", "tests/append.py in append")

    in_vain = dead_letters.start(letter.pk, actor="user:test")
    wait_for(lambda: status_of(in_vain) == "stopped", seconds=30, what="the replay that fails again")
    wait_for(lambda: (letters_in("open"), letters_in("failed_again")) == (LETTERS, 1), what="the letters to be open")
    assert Execution.objects.filter(trigger="replay").count() == 1

    path.parent.mkdir()
    replay = dead_letters.start(letter.pk, actor="user:test")
    wait_for(lambda: DeadLetterReplay.objects.get(pk=replay.pk).stage > 1, seconds=30, what="the second stage")
    first.send(signal.SIGKILL)
    running.enter_context(live.scheduler(tmp_path, name="s2"))
    wait_for(lambda: status_of(replay) == "done", seconds=60, what="the end of the replay")
    assert (letters_in("resolved"), letters_in("open")) == (LETTERS, 0)
    replays = Execution.objects.filter(trigger="replay", status="succeeded")
    assert len(set(replays.values_list("parent_id", flat=True))) == replays.count() == LETTERS
    assert len([line for line in path.read_text().splitlines() if line.startswith("S")]) == LETTERS


def status_of(replay: DeadLetterReplay) -> str:
    return DeadLetterReplay.objects.get(pk=replay.pk).status

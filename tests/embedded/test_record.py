"""Leftovers of an earlier start: ours are ended, nobody else's are touched."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scheduler_project.embedded.processes import identity, wait_until
from scheduler_project.embedded.record import Record


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        # From fork to exec the child still counts as a copy of ours on systems that compare command lines.
        assert wait_until(lambda: identity(process.pid) is not None, seconds=5)
        yield process
        process.kill()


def write(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    file = folder / "processes.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


class TestLeftovers:
    def test_are_ended(self, tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
        Record(tmp_path).add("web", sleeper.pid)
        assert Record(tmp_path).end_leftovers() == ["web"]
        assert sleeper.wait(timeout=5) != 0

    def test_are_spared_when_the_number_is_anothers_by_now(
        self, tmp_path: Path, sleeper: subprocess.Popen[bytes]
    ) -> None:
        Record(tmp_path).add("web", sleeper.pid)
        write(tmp_path, lambda content: content.update(processes={"web": [sleeper.pid, "an earlier process"]}))
        assert Record(tmp_path).end_leftovers() == []
        assert sleeper.poll() is None

    def test_are_spared_when_the_folder_is_a_copy(self, tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
        Record(tmp_path).add("web", sleeper.pid)
        write(tmp_path, lambda content: content.update(owner="/elsewhere"))
        assert Record(tmp_path).end_leftovers() == []
        assert sleeper.poll() is None

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"owner": 1}', "null"])
    def test_of_an_unreadable_list_are_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "processes.json").write_text(text)
        assert Record(tmp_path).end_leftovers() == []


class TestIdentity:
    def test_is_none_for_a_process_that_is_gone(self) -> None:
        process = subprocess.Popen(["true"])
        process.wait()
        assert identity(process.pid) is None

    def test_is_none_for_one_that_ended_and_was_not_waited_for(self) -> None:
        process = subprocess.Popen(["true"])
        assert wait_until(lambda: identity(process.pid) is None, seconds=5)
        process.wait()

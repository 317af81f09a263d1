"""What the tests of the one-command start share: a short state folder, a console that remembers, started scripts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scheduler_project.embedded import clean
from scheduler_project.embedded.console import Console
from scheduler_project.embedded.processes import wait_until
from scheduler_project.embedded.programs import PROJECT


class Memory(Console):
    """Keeps what was said; counts as closed, which ends a supervisor, once `enough` says so."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.enough: Callable[[list[str]], bool] = lambda lines: False

    def _write(self, text: str, *, bold: bool = False) -> None:
        self.lines.append(text.strip())
        self.is_closed = self.is_closed or self.enough(self.lines)


@pytest.fixture
def console() -> Memory:
    return Memory()


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder that every account can reach, as in a project outside of closed homes."""
    with tempfile.TemporaryDirectory(prefix="daybook-state-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
        if any(Path(folder).iterdir()):
            clean.clean(Path(folder))


class Start:
    """A `tests.embedded.servers_only` process and what it printed."""

    def __init__(self, state: Path, output: Path, *, python: str = sys.executable, **options: object) -> None:
        self.output = output
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                [python, "-m", "tests.embedded.servers_only"],
                cwd=PROJECT,
                env={**os.environ, "DAYBOOK_STATE_DIR": str(state), **options.pop("environment", {})},  # type: ignore[dict-item]
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,  # type: ignore[call-overload]
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, words: str) -> None:
        assert wait_until(lambda: words in self.text or self.process.poll() is not None, seconds=60), self.text
        assert words in self.text, self.text

    def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        code: int = self.process.wait(timeout=60)
        return code


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Start]]:
    starts: list[Start] = []

    def begin(state: Path, **options: object) -> Start:
        starts.append(Start(state, tmp_path / f"output-{len(starts)}", **options))  # type: ignore[arg-type]
        return starts[-1]

    yield begin
    for one in starts:
        if one.process.poll() is None:
            one.end()

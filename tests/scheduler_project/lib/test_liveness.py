"""The file that a container's health check looks at."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from scheduler_project.lib import liveness


@pytest.fixture(autouse=True)
def never_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_proven_at", {})


class TestProve:
    def test_touches_the_file(self, settings: Any, tmp_path: Path) -> None:
        settings.DAYBOOK_LIVENESS_FOLDER = tmp_path / "alive"
        liveness.prove("worker")
        file = tmp_path / "alive" / "worker"
        os.utime(file, (0, 0))
        liveness._proven_at.clear()
        liveness.prove("worker")
        assert file.stat().st_mtime > 0

    def test_spares_the_disk(self, settings: Any, tmp_path: Path) -> None:
        settings.DAYBOOK_LIVENESS_FOLDER = tmp_path
        liveness.prove("worker")
        os.utime(tmp_path / "worker", (0, 0))
        liveness.prove("worker")
        assert (tmp_path / "worker").stat().st_mtime == 0

    def test_does_nothing_unless_asked(self, settings: Any, tmp_path: Path) -> None:
        settings.DAYBOOK_LIVENESS_FOLDER = None
        liveness.prove("worker")

    def test_shrugs_at_a_folder_that_cannot_be(self, settings: Any, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        settings.DAYBOOK_LIVENESS_FOLDER = tmp_path / "file"
        liveness.prove("worker")

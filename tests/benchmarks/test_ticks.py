"""The benchmark of many ticks runs, on few jobs, and says what it promises to say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.live import PROJECT

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("live")]

ENTRY = [sys.executable, "-m", "benchmarks.ticks"]


@pytest.mark.long
class TestBenchTicks:
    def test_measures_and_ends_with_json(self) -> None:
        ran = subprocess.run(
            [*ENTRY, "--only", "ours", "--jobs", "200", "--idle", "0", "--soon"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        figures = json.loads(ran.stdout.splitlines()[-1])
        assert 0 < figures["ours_200_p99_s"] <= figures["ours_200_s"] < 20
        for name in ("start_s", "edit_ms", "rss_mb"):
            assert figures[f"jobs_200_{name}"] > 0

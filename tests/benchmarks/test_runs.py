"""The benchmark of runs runs, on few jobs, and says what it promises to say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.live import PROJECT

pytestmark = [pytest.mark.acceptance, pytest.mark.long, pytest.mark.xdist_group("live")]

ENTRY = [sys.executable, "-m", "benchmarks.runs"]


class TestBench:
    def test_measures_and_ends_with_json(self) -> None:
        ran = subprocess.run(
            [*ENTRY, "--jobs", "200", "--rounds", "1", "--seconds", "1", "--only", "raw Celery, -c 2", "Daybook, -c 2"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        figures = json.loads(ran.stdout.splitlines()[-1])
        for name in ("ratio_to_raw_celery", "jobs_per_s", "overhead_p95_ms", "pickup_167_p95_ms", "pickup_167_p99_ms"):
            assert figures[name] > 0

"""The fault test in its shortest form. It fails on violations alone, never on how long something took."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.chaos.topology import PROJECT

MINUTES = 1.0
PATIENCE = 600  # seconds, for a machine that is busy with something else


@pytest.mark.acceptance
class TestChaos:
    def test_keeps_the_promise_under_faults(self) -> None:
        command = [sys.executable, "-m", "tests.chaos", "--minutes", str(MINUTES), "--no-mutants"]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        print(done.stdout, done.stderr)
        figures = json.loads(done.stdout.splitlines()[-1])
        assert figures["violated"] == []
        assert done.returncode == 0
        assert figures["ticks"] == figures["expected_ticks"] > 0
        assert figures["faults"] > 0

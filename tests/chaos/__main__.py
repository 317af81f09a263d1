"""`make chaos`: real processes under faults, then a checker that decides. The last line is one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from tests.chaos import topology
from tests.chaos.topology import Topology

ROUND = 45.0  # seconds that a run takes besides its faults: servers, start, settling


def main() -> int:
    options = _options()
    # SIGTERM as Ctrl-C: what is running has to be ended in either case.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seconds = max(options.minutes * 60 - ROUND, 20)
    print(f"Chaos with seed {options.seed}: faults for {seconds:.0f} s.", flush=True)
    try:
        with topology.running() as running:
            topology.set_up_django(running)
            _tell_of_mutants()
            figures, violations = _run(running, seed=options.seed, seconds=seconds)
    except KeyboardInterrupt:
        print("Interrupted; everything was ended.")
        return 130
    figures |= _kill_mutants() if options.mutants else {"mutants_killed": None}
    print(json.dumps({**figures, "seed": options.seed}))
    return 1 if violations or figures["mutants_killed"] != figures.get("mutants") else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    drawn = secrets.randbelow(1_000_000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or drawn), help="repeats a run")
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("CHAOS_MINUTES") or 8))
    parser.add_argument("--no-mutants", dest="mutants", action="store_false", help="leave out the mutants at the end")
    return parser.parse_args()


def _tell_of_mutants() -> None:
    from tests.chaos import mutants

    if names := mutants.named():
        mutants.prepare_database(names)
        print(f"With the mutants {', '.join(names)}: this run is meant to end red.", flush=True)


def _run(running: Topology, *, seed: int, seconds: float) -> tuple[dict[str, Any], int]:
    from tests.chaos.course import Course

    course = Course(running, seed=seed, seconds=seconds)
    try:
        course.start()
        course.strike(seconds)
        course.settle()
    finally:
        course.end()
    return course.judge()


def _kill_mutants() -> dict[str, int]:
    """The deterministic interleavings, as pytest runs them: each mutant alone, and the pairs that mask each other."""
    report = Path(f"/tmp/daybook-mutants-{os.getpid()}.xml")
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    files = [f"tests/chaos/{name}.py" for name in ("test_mutants", "test_run_mutants")]
    command = [sys.executable, "-m", "pytest", *files, "-q", "-p", "no:cacheprovider"]
    try:
        subprocess.run([*command, f"--junitxml={report}"], cwd=topology.PROJECT, env=environment, check=False)
        cases = [case for case in ElementTree.parse(report).iter("testcase") if "turns_red" in case.get("name", "")]
    finally:
        report.unlink(missing_ok=True)
    figures: dict[str, int] = {}
    for kind, file in (("tick", "test_mutants"), ("execution", "test_run_mutants")):
        those = [case for case in cases if f".{file}." in f"{case.get('classname')}."]
        killed = sum(case.find("failure") is None and case.find("error") is None for case in those)
        print(f"Mutants of the {kind} killed: {killed}/{len(those)}", flush=True)
        figures |= {f"{kind}_mutants": len(those), f"{kind}_mutants_killed": killed}
    return {
        "mutants": len(cases),
        "mutants_killed": sum(count for name, count in figures.items() if name.endswith("killed")),
        **figures,
    }


if __name__ == "__main__":
    sys.exit(main())

"""Submits jobs to one system, in a process of its own: `python -m benchmarks.runs.produce <module> ...`.

The module has `fill(count)`, which queues that many, and `submit(number) -> int`, which queues one and returns the
number that it will note.
"""

from __future__ import annotations

import argparse
import importlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.runs.journal import RECORD

THREADS = 4


def main() -> None:
    options = _options()
    system: Any = importlib.import_module(options.module)
    if options.fill:
        system.fill(options.fill)
    if options.rate:
        _pace(system, options.rate, options.seconds, options.sent)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module")
    parser.add_argument("--fill", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--sent", type=Path)
    return parser.parse_args()


def _pace(system: Any, rate: float, seconds: float, sent: Path) -> None:
    """At a fixed rate, whether or not the jobs keep up, and note when the call began: the wait for a system that is
    slow to take a job counts too."""
    count, began_at = int(rate * seconds), time.monotonic() + 0.2
    numbered: list[tuple[int, float]] = []

    def submit(first: int) -> None:
        for number in range(first, count, THREADS):
            due_at = began_at + number / rate
            time.sleep(max(due_at - time.monotonic(), 0))
            called_at = time.monotonic()
            numbered.append((system.submit(number), called_at))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(submit, range(THREADS)))
    time.sleep(1)  # for those that send from a thread of their own
    sent.write_bytes(b"".join(RECORD.pack(number, at, 0) for number, at in numbered))


if __name__ == "__main__":
    main()

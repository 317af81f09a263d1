"""The process beside the runs: fans out and sends, as the scheduler's loops do, while a file says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import django

django.setup()

from notifications.fanout import fan_out  # noqa: E402
from notifications.fanout.fan_out import FanOut  # noqa: E402
from notifications.sending import sender  # noqa: E402
from notifications.sending.sender import Sender  # noqa: E402
from scheduler_project.lib.loop import Loop  # noqa: E402


def main(switch: Path) -> None:
    def while_on(verb: Callable[[], object]) -> Callable[[], object]:
        return lambda: verb() if switch.exists() else None

    loops = [
        Loop("notifications", while_on(FanOut().sweep), interval=fan_out.EVERY),
        Loop("notification sender", while_on(Sender().sweep), interval=sender.EVERY),
    ]
    for loop in loops:
        loop.start()
    print("ready", flush=True)
    for loop in loops:
        loop._thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

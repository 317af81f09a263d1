"""Stands in for `make run` without the Django processes: lock, leftovers, the two servers, watching, stopping."""

from __future__ import annotations

import sys

from scheduler_project.embedded import lock
from scheduler_project.embedded.console import Console
from scheduler_project.embedded.record import Record
from scheduler_project.embedded.refusal import Refusal
from scheduler_project.embedded.run import serve, state_folder
from scheduler_project.embedded.state import make_state_folder
from scheduler_project.embedded.supervisor import Supervisor


def main() -> int:
    console, state = Console(), state_folder()
    try:
        make_state_folder(state)
        lock.hold(state)
        record = Record(state)
        for name in record.end_leftovers():
            console.say(f"ended {name}")
        with Supervisor(console, record) as supervisor:
            serve(state, supervisor, console)
            console.say("ready")
            supervisor.watch()
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    console.say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())

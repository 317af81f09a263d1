"""A scheduler's service in this process, as both backends run it: with its loops, while it leads."""

from __future__ import annotations

from collections.abc import Callable

from jobs.tick.service import Service
from tests.live import wait_for


def lead_until(happened: Callable[[], object], *, what: str) -> None:
    service = Service()
    service.start()

    def turn() -> bool:
        service.turn.take()
        return bool(happened())

    try:
        wait_for(turn, seconds=15, what=what)
    finally:
        service.stop()

"""Procrastinate: the queue is a table of PostgreSQL, and so is the record of each job."""

from __future__ import annotations

import os
from typing import Any

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from benchmarks.runs import journal

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_DATABASE_URL"]))


@app.task(name="procrastinated.note")
async def note(number: int) -> None:
    journal.note(number)


_sender: App | None = None


def fill(count: int) -> None:
    arguments: list[dict[str, Any]] = [{"number": number} for number in range(count)]
    _deferrer().configure_task("procrastinated.note").batch_defer(*arguments)


def submit(number: int) -> int:
    _deferrer().configure_task("procrastinated.note").defer(number=number)
    return number


def _deferrer() -> App:
    global _sender
    if _sender is None:
        _sender = app.with_connector(SyncPsycopgConnector(conninfo=os.environ["BENCH_DATABASE_URL"], min_size=4))
        _sender.open()
    return _sender

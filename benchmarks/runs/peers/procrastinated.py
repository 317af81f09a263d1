"""Procrastinate: the queue is a table of PostgreSQL, and so is the record of each job."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from procrastinate import App, PsycopgConnector

from benchmarks.runs import journal

app = App(connector=PsycopgConnector(conninfo=os.environ["BENCH_DATABASE_URL"]))


@app.task(name="procrastinated.note")
async def note(number: int) -> None:
    journal.note(number)


def fill(count: int) -> None:
    arguments: list[dict[str, Any]] = [{"number": number} for number in range(count)]
    _open()
    note.batch_defer(*arguments)


def submit(number: int) -> int:
    _open()
    note.defer(number=number)
    return number


@cache
def _open() -> None:
    app.open()

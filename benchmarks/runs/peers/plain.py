"""Raw Celery: a task whose result nobody wants."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks.runs import journal

app = Celery("plain", broker=os.environ["BENCH_BROKER_URL"])
app.conf.broker_connection_retry_on_startup = True


@app.task(name="plain.note", ignore_result=True)
def note(number: int) -> None:
    journal.note(number)


def fill(count: int) -> None:
    for number in range(count):
        submit(number)


def submit(number: int) -> int:
    note.delay(number)
    return number

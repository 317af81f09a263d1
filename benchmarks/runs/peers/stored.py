"""Celery in a Django project, with django-celery-results as the result backend."""

from __future__ import annotations

import os
from functools import cache

import django
from celery import Celery

from benchmarks.runs import journal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.runs.peers.stored_settings")

app = Celery("stored")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task(name="stored.note")
def note(number: int) -> None:
    journal.note(number)


def fill(count: int) -> None:
    for number in range(count):
        submit(number)


def submit(number: int) -> int:
    _set_up()
    note.delay(number)
    return number


@cache
def _set_up() -> None:
    """In a worker Celery does it."""
    django.setup()

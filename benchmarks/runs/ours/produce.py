"""Submits runs of the benchmark's job as the API does: checked by the registry, stored, then announced."""

from __future__ import annotations

from functools import cache

import django
from django.db import connection, transaction

django.setup()

from jobs import registry  # noqa: E402
from jobs.models import Job  # noqa: E402
from jobs.rules.states import Trigger  # noqa: E402
from jobs.tick import publisher  # noqa: E402

TOGETHER = 500


def fill(count: int) -> None:
    """The leader announces them."""
    for first in range(0, count, TOGETHER):
        with transaction.atomic():
            for _ in range(first, min(first + TOGETHER, count)):
                registry.run_now(_job(), actor="user:bench", trigger=Trigger.API)


def submit(number: int) -> int:
    with transaction.atomic():
        execution_id = registry.run_now(_job(), actor="user:bench", trigger=Trigger.API)
        publisher.announce_soon([execution_id])
    connection.close()  # as after each request: back to the pool
    return execution_id


@cache
def _job() -> Job:
    return Job.objects.select_related("template").filter(template__name="bench_nothing").earliest("pk")

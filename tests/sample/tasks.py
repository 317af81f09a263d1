"""A task of the host project that has nothing to do with jobs."""

from celery import shared_task


@shared_task(name="tests.sample.add")
def add(first: int, second: int) -> int:
    return first + second

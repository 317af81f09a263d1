"""Circuits for tests: none is left over from another one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.conf import settings
from redis.exceptions import RedisError

from scheduler_project.lib import circuits
from scheduler_project.lib.circuits.fields import _client, _InMemory


def fail(name: str) -> None:
    """One call that fails."""

    def refuse() -> None:
        raise ConnectionError("nobody there")

    circuits.call(name, refuse, counts=lambda _: True)


def opened(name: str) -> None:
    for _ in range(settings.DAYBOOK_CIRCUIT_FAILURES):
        with pytest.raises(ConnectionError):
            fail(name)


@pytest.fixture
def own_circuits() -> Iterator[None]:
    _forget()
    yield
    _forget()


def _forget() -> None:
    _InMemory._all.clear()
    redis = _client(settings.CELERY_BROKER_URL)
    with contextlib.suppress(RedisError):  # the suite also runs without any
        for key in redis.scan_iter("daybook:circuit:*"):
            redis.delete(key)

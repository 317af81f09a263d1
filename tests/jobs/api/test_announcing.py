"""A run that is asked for is announced at once, and a broker that is away costs the caller nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings

from jobs.backends.celery import CeleryBackend
from jobs.models import Execution
from scheduler_project.lib import telemetry
from tests.cast import ApiClient
from tests.jobs.api.conftest import MakeJob

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20.0


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)
    return found


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never says a word, like a Redis that hangs."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@contextmanager
def closed_port() -> Iterator[str]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    listen = lambda event, fields: told.append(fields) if event == "execution.announcement_failed" else None  # noqa: E731
    monkeypatch.setattr(telemetry, "_listeners", [*telemetry._listeners, listen])
    return told


def test_a_run_is_announced_once_it_is_committed(by_key: ApiClient, job_of: MakeJob) -> None:
    job = job_of(queue="announced")
    run = by_key.send("POST", f"/api/v1/jobs/{job.pk}/run").json()
    wait_for(lambda: Execution.objects.get(pk=run["id"]).published_at)
    wait_for(lambda: CeleryBackend().waiting("announced") == 1)


@pytest.mark.parametrize("broker", [silent_server, closed_port])
def test_a_broker_that_is_away_costs_the_caller_nothing(
    by_key: ApiClient, job_of: MakeJob, failures: list[dict[str, Any]], broker: Any
) -> None:
    job = job_of()
    with broker() as url, override_settings(CELERY_BROKER_URL=url):
        started = time.monotonic()
        answer = by_key.send("POST", f"/api/v1/jobs/{job.pk}/run")
        assert time.monotonic() - started < 1
        assert answer.status_code == 202
        wait_for(lambda: failures)
    assert Execution.objects.get(pk=answer.json()["id"]).status == "queued"  # the leader wakes somebody for it

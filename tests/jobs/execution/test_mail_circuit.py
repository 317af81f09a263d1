"""Runs that send mail through a server that hangs: some of them fail, the others wait."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from jobs import registry
from jobs.execution import executor
from jobs.explain import explain_execution
from jobs.models import Attempt, CircuitEvent, Execution, Job
from jobs.rules.states import ExecutionStatus
from scheduler_project.embedded.processes import wait_until
from scheduler_project.lib.circuits.fields import SharedFields
from tests.jobs.conftest import database_now
from tests.mail_servers import MailServer, mail_server
from tests.own_servers import OwnServer

MakeJob = Callable[..., Job]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_circuits")]


@pytest.fixture
def server(settings: Settings) -> Iterator[MailServer]:
    with mail_server() as running:
        settings.EMAIL_BACKEND = "scheduler_project.lib.mail.GuardedBackend"
        settings.DAYBOOK_MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", running.port, 0.3
        settings.DAYBOOK_CIRCUIT_FAILURES = 2
        settings.DAYBOOK_CIRCUIT_RESET = timedelta(seconds=30)
        yield running


@pytest.fixture
def send(make_job: MakeJob) -> Callable[[], Execution]:
    parameters = {"recipients": ["ana@example.com"], "subject": "Hello", "body": "World"}
    job = make_job(template="email_notification", parameters=parameters, policies={"overlap": "allow"})

    def send() -> Execution:
        execution_id = registry.run_now(job, actor="user:test")
        executor.execute(execution_id, worker="w1")
        return Execution.objects.get(pk=execution_id)

    return send


Send = Callable[[], Execution]


def _outcomes(execution: Execution) -> list[str]:
    return list(Attempt.objects.filter(execution=execution).order_by("number").values_list("outcome", flat=True))


def test_runs_wait_until_the_circuit_lets_a_trial_through(send: Send, server: MailServer, settings: Settings) -> None:
    server.is_hanging = True
    assert [send().reason for _ in range(2)] == ["retry_after_failed"] * 2
    waiting = send()
    assert (waiting.status, waiting.reason, _outcomes(waiting)) == ("queued", "circuit_open", ["handed_back"])
    assert server.connections == 2
    assert CircuitEvent.objects.get().circuit == "mail"

    explained = explain_execution(waiting, now=database_now())
    assert "The circuit mail is open" in explained.answer
    assert "that costs no try" in explained.answer
    assert explained.blocked_by is not None
    assert explained.blocked_by.reason == "circuit_open"

    server.is_hanging = False
    settings.DAYBOOK_CIRCUIT_RESET = timedelta(0)
    Execution.objects.filter(pk=waiting.pk).update(available_at=database_now())
    assert executor.execute(waiting.pk, worker="w1") is ExecutionStatus.SUCCEEDED
    assert len(server.taken) == 1
    assert list(CircuitEvent.objects.order_by("id").values_list("after", flat=True)) == ["open", "half-open", "closed"]


def test_the_circuit_also_opens_when_redis_stops_in_the_middle(
    send: Send, server: MailServer, own_redis: OwnServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedFields, "_away_until", 0.0)
    monkeypatch.setattr("scheduler_project.lib.circuits.fields._InMemory._all", {})
    settings.CELERY_BROKER_URL = own_redis.url
    server.is_hanging = True
    assert send().reason == "retry_after_failed"
    own_redis.stop(signal.SIGKILL)
    found: list[Any] = []
    assert wait_until(lambda: found.append(send().reason) or found[-1] == "circuit_open", seconds=15)
    assert found.count("retry_after_failed") == 2

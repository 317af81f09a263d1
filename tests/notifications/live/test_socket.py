"""The live channel in a real web process: who gets in, what they hear, and when they are cut off."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.models import Membership
from jobs.models import Execution, LogLine
from scheduler_project.lib import sql
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.notifications.live.conftest import Message, Socket, Web, events

pytestmark = pytest.mark.django_db(transaction=True)


def write_log(execution: Execution, *, first: int, count: int) -> None:
    LogLine.objects.bulk_create(
        LogLine(execution=execution, sequence=n, attempt=1, logged_at=sql.now(), level="info", message=f"line {n}")
        for n in range(first, first + count)
    )


def lines(heard: list[Message]) -> list[int]:
    found = [message["data"]["lines"] for message in heard if message["type"] == "log.lines"]
    return [line["sequence"] for some in found for line in some]


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def test_a_client_hears_what_happens(
    web: Web, leading: None, cast: Cast, make_key: MakeKey, job_of: MakeJob, run_of: RunJob
) -> None:
    job = job_of()
    with web.socket(make_key()[1]) as socket:
        assert socket.listen("tenant:acme", f"job:{job.pk}", "workers")["topics"] == [
            "tenant:acme", f"job:{job.pk}", "workers"
        ]  # fmt: skip
        execution = run_of(job, "succeeded")
        for topic in ("tenant:acme", f"job:{job.pk}"):
            if not any(m.get("topic") == topic and "execution.succeeded" in m["data"]["events"]
                       for m in socket.of_type("changed")):  # fmt: skip
                found = socket.wait_for(
                    lambda m, topic=topic: m.get("topic") == topic and "execution.succeeded" in m["data"]["events"]
                )
                assert found["data"]["executions"] == [execution.pk]
                assert found["data"]["jobs"] == [job.pk]
        assert socket.listen(f"exec:{execution.pk}")["type"] == "subscribed"
        end = socket.wait_for(lambda m: m["type"] == "end")
        assert [m["data"]["event"] for m in socket.of_type("status")] == ["created", "started", "succeeded"]
        assert end["seq"] == "3.0"

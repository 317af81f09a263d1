"""Reading writes nothing, and a list costs the same number of queries however long it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs import ledger, registry
from jobs.models import Attempt, Execution, Job, LogLine
from scheduler_project.lib import sql, transactions
from tests.cast import Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import RULES, Stage

pytestmark = pytest.mark.django_db

LISTS = [
    "/api/v1/templates",
    "/api/v1/templates/echo/versions",
    "/api/v1/jobs",
    "/api/v1/jobs/{job}/executions",
    "/api/v1/jobs/{job}/ticks",
    "/api/v1/jobs/{job}/revisions",
    "/api/v1/executions",
    "/api/v1/executions/{execution}",
    "/api/v1/executions/{execution}/log",
]


@pytest.fixture
def fill(job_of: MakeJob, run_of: RunJob, ana: User) -> object:
    """Adds `count` of everything to one job, and as many other jobs."""

    def add(job: Job, execution: Execution, count: int) -> None:
        for number in range(count):
            registry.change(job.pk, {"description": str(number)}, actor="user:ana")
            Job.objects.filter(pk=job_of(tags=["a"]).pk).update(owner=ana)
            run_of(job)
            lines = LogLine.objects.filter(execution=execution).count()
            LogLine.objects.create(
                execution=execution, sequence=lines + 1, attempt=1, logged_at=sql.now(), level="info", message="x"
            )
            tried = Attempt.objects.filter(execution=execution).count()
            Attempt.objects.create(
                execution=execution, number=tried + 1, fence=tried + 1, worker="w", pid=1, started_at=sql.now()
            )
        with transactions.engine():
            ledger.decide_due(now=sql.now() + timedelta(minutes=count + 1), epoch=1)

    return add


@pytest.mark.parametrize("who", ["vera", "root", "key"])
def test_lists_cost_the_same_for_one_row_and_for_twenty(
    cast: Cast, job_of: MakeJob, run_of: RunJob, fill: object, client_of: ClientOf, make_key: MakeKey, who: str
) -> None:
    job = job_of(schedule={"kind": "cron", "cron": "* * * * *"}, policies={"overlap": "queue_all"})
    execution = run_of(job)
    client = client_of(make_key()[1] if who == "key" else getattr(cast, who))
    paths = [path.format(job=job.pk, execution=execution.pk) for path in LISTS]
    counts: list[dict[str, int]] = []
    for more in (1, 20):
        fill(job, execution, more)  # type: ignore[operator]
        counts.append({})
        for path in paths:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(path).status_code == 200
            counts[-1][path] = len(queries)
    assert counts[0] == counts[1]
    assert max(counts[0].values()) <= 8


def test_no_get_writes(cast: Cast, job_of: MakeJob, run_of: RunJob, client_of: ClientOf, make_key: MakeKey) -> None:
    """Each runs in a transaction that PostgreSQL itself holds to reading."""
    job = job_of()
    stage = Stage(job, run_of(job, "running"))
    backfill_of(job)
    clients = [client_of(cast.ana), client_of(cast.root), client_of(make_key()[1])]
    for method, name in RULES:
        if method != "get":
            continue
        for client in clients:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                answer = client.get(stage.path(name))
                transaction.set_rollback(True)
            assert answer.status_code == 200, (name, answer.content)


def test_a_preview_writes_nothing_either(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.vera)
    body = {"schedule": {"kind": "cron", "cron": "0 9 * * *"}}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        answer = client.send("POST", "/api/v1/schedules/preview", body)
        transaction.set_rollback(True)
    assert answer.status_code == 200

"""How many queries each endpoint may take: as many for twenty rows as for two, and no more than its budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from jobs import dependencies
from jobs.models import Tick
from tests.cast import Cast, ClientOf, MakeKey
from tests.contract.multiplied import multiply
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import GUARDED, IN_A_TENANT, STREAMS, Stage, prepare

pytestmark = pytest.mark.django_db

ROWS = 20
SLACK = 2  # a page's count, or a first look at what was not there
TICK = {"outcome": "missed", "reason": "misfire_none", "revision": 1, "epoch": 1, "decided_at": timezone.now()}
READ_BUDGET, CHANGE_BUDGET, PAGE_BUDGET = 12, 30, 30
BUDGETS: dict[tuple[str, str], int] = {
    ("get", "job-explain"): 60,
    ("post", "job-bulk"): 60,  # each job in a transaction of its own
    ("post", "job-clone"): 35,  # with its rule for notifications
}
PAGE_BUDGETS = {"/admin/jobs/job/": 45}
GROWS = {"job-explain": "it explains each upstream of the job by itself"}
# Lists that are shorter than ROWS in this test, and why that proves no less.
SHORT = {
    "circuit-list": "circuits are no rows",
    "request-list": "requests come by way of Redis, and counts of them are tested beside it",
    "member-list": "one membership of a tenant for each user",
    "tenant-list": "the caller is in one tenant",
}


@pytest.fixture
def stage(job_of: MakeJob, run_of: RunJob) -> Stage:
    job = job_of()
    backfill_of(job)
    return Stage(job, run_of(job))


@contextmanager
def counted() -> Iterator[list[str]]:
    queries: list[str] = []

    def record(execute: Any, text: str, parameters: Any, many: bool, context: Any) -> Any:
        queries.append(" ".join(str(text).split()))
        return execute(text, parameters, many, context)

    with connection.execute_wrapper(record):
        yield queries


def test_reading_takes_as_many_queries_for_many_rows_as_for_few(
    stage: Stage, cast: Cast, job_of: MakeJob, client_of: ClientOf, make_key: MakeKey
) -> None:
    key, root = client_of(make_key()[1]), client_of(cast.root)
    endpoints = [name for method, name in GUARDED if method == "get" and ("get", name) not in STREAMS]
    paths = {("get", name): stage.path(name) for name in endpoints}
    pages = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin.site._registry
    ]
    pages += ["/admin/?all=1", "/admin/settings/", "/admin/notifications/rules/", "/admin/notifications/rules/add/"]
    pages += [reverse(f"admin:{name}") for name in ("notifications", "notification_panel", "notification_settings")]
    pages += ["/admin/notifications/channels/", "/admin/notifications/deliveries/"]
    pages += [f"{reverse('admin:jobs_job_page', args=[stage.job.pk])}?tab=notifications"]
    pages += [reverse("admin:notification_channel", args=[stage.rows["channel"].pk])]
    few = {path: _queries(key, path) for path in paths.values()} | {path: _queries(root, path) for path in pages}
    for number in range(ROWS):
        upstream = job_of(name=f"Upstream {number}")
        dependencies.add(upstream.pk, stage.job.pk, {}, actor="user:ana")
        Tick.objects.create(
            **{
                **TICK,
                "tenant": stage.job.tenant,
                "job": stage.job,
                "due_at": timezone.now() - timedelta(hours=number + 1),
            }
        )
    there_are = multiply(ROWS)
    problems = []
    for endpoint, path in paths.items():
        queries, size = _queries(key, path)
        fewer = queries if endpoint[1] in GROWS else few[path][0]
        problems += _judge(f"{endpoint[1]} {path}", fewer, queries, BUDGETS.get(endpoint, READ_BUDGET))
        if endpoint[1].endswith("list") and endpoint[1] not in SHORT and size < ROWS:
            problems.append(f"{endpoint[1]} has {size} rows only, so that it proves little")
    for path in pages:
        queries, size = _queries(root, path)
        problems += _judge(path, few[path][0], queries, PAGE_BUDGETS.get(path, PAGE_BUDGET))
    print(f"\n{len(paths)} endpoints and {len(pages)} lists of the console, with {sum(there_are.values())} rows")
    assert not problems, "\n" + "\n".join(problems)


def _judge(what: str, few: list[str], many: list[str], budget: int) -> list[str]:
    problems = []
    if len(many) > len(few) + SLACK:
        repeated = max(set(many), key=many.count)
        counts = f"{len(few)} queries for few rows, {len(many)} for many"
        problems.append(f"{what}: {counts}; {many.count(repeated)} times {repeated[:300]}")
    if len(many) > budget:
        problems.append(f"{what}: {len(many)} queries, and {budget} are allowed")
    return problems


def _queries(client: Any, path: str) -> tuple[list[str], int]:
    client.get(path)  # what is remembered by the process
    with counted() as queries:
        answer = client.get(path)
    assert answer.status_code in (200, 302), (path, answer.content[:300])
    is_page = answer.headers["Content-Type"].startswith("application/json")
    body = answer.json() if is_page else {}
    return queries, max((len(value) for value in body.values() if isinstance(value, list)), default=0) if isinstance(
        body, dict
    ) else len(body)


def test_changing_keeps_within_its_budget(stage: Stage, cast: Cast, client_of: ClientOf) -> None:
    root = client_of(cast.root)
    problems: list[str] = []
    most: dict[tuple[str, str], int] = {}
    for endpoint in GUARDED:
        if endpoint[0] == "get":
            continue
        body = stage.bodies.get(endpoint)
        if endpoint in IN_A_TENANT:
            body = {**body, "tenant": "acme"}
        with transaction.atomic():
            prepare(endpoint, stage)
            with counted() as queries:
                root.send(endpoint[0].upper(), stage.path(endpoint[1]), body)
            transaction.set_rollback(True)
        budget = BUDGETS.get(endpoint, CHANGE_BUDGET)
        most[endpoint] = len(queries)
        if len(queries) > budget:
            problems.append(f"{endpoint}: {len(queries)} queries, and {budget} are allowed")
    print(f"\n{len(most)} changes, at most {max(most.values())} queries")
    assert not problems, "\n" + "\n".join(problems)

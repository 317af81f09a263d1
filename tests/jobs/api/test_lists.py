"""Lists at depth: cursors that lose no row and show none twice, filters that an index serves, single fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from jobs import narrowing, pools, registry
from jobs.models import Attempt, Execution, Job, Tick
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 1, tzinfo=UTC)
FILL = """
INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, run_key, requested_by, request_id, queue, priority,
    status, reason, attempt, max_attempts, created_at, available_at, started_at, finished_at, fingerprint,
    parameters, policy, dry_run)
SELECT CASE WHEN n %% 10 = 0 THEN %(other)s ELSE %(tenant)s END, %(job)s, %(template)s, 'schedule', gen_random_uuid(),
    'schedule', CASE WHEN n %% 5000 = 0 THEN 'request-' || n ELSE '' END, 'default', %(priority)s,
    CASE WHEN n %% 500 = 0 THEN 'failed' ELSE 'succeeded' END, CASE WHEN n %% 500 = 0 THEN 'broke' ELSE '' END, 1, 1,
    %(at)s + n * interval '1 second',
    %(at)s, %(at)s + n * interval '1 second', %(at)s + n * interval '1 second' + (n %% 60) * interval '1 second',
    CASE WHEN n %% 500 = 0 THEN 'print-' || n %% 3 ELSE '' END, '{}', '{}', false
FROM generate_series(1, %(count)s) n
"""


def walk(client: ApiClient, path: str, **parameters: Any) -> list[Any]:
    """All results, page by page."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get(path, {**parameters, **cursor}).json()
        assert "results" in page, page
        assert page["offset"] == len(found)
        found += page["results"]
        if not page["has_more"]:
            assert page["next_cursor"] is None
            return found
        cursor = {"cursor": page["next_cursor"]}


class TestCursor:
    def test_walks_each_ordering_as_one_page_would_show_it(self, job_of: MakeJob, by_key: ApiClient) -> None:
        path = reverse("job-list")
        for number in range(7):
            job = job_of(priority=("high", "low")[number % 2])
            when = None if number in (1, 4, 6) else AT + timedelta(hours=number // 2)
            Job.objects.filter(pk=job.pk).update(last_run_at=when, next_tick_at=when)
        for name in narrowing.JOB_ORDERINGS:
            for ordering in (name, f"-{name}"):
                whole = [row["id"] for row in by_key.get(path, {"ordering": ordering}).json()["results"]]
                for limit in (1, 2, 3):
                    walked = walk(by_key, path, ordering=ordering, limit=limit)
                    assert [row["id"] for row in walked] == whole, (ordering, limit)

    def test_walks_runs_that_have_not_ended_too(self, job_of: MakeJob, run_of: RunJob, by_key: ApiClient) -> None:
        job = job_of(policies={"overlap": "allow", "max_instances": None})
        runs = [run_of(job, state) for state in ("queued", "succeeded", "queued", "failed", "succeeded")]
        path = reverse("execution-list")
        for ordering in ("id", "-id", "finished_at", "-finished_at"):
            walked = [row["id"] for row in walk(by_key, path, ordering=ordering, limit=2)]
            expected = sorted(
                runs,
                key=lambda run: (
                    (run.finished_at or datetime.max.replace(tzinfo=UTC), run.pk) if "finished" in ordering else run.pk
                ),
                reverse=ordering.startswith("-"),
            )
            assert walked == [run.pk for run in expected], ordering

    def test_neither_loses_nor_repeats_a_row_while_others_come_and_go(self, job_of: MakeJob, by_key: ApiClient) -> None:
        jobs = [job_of(name=f"Job {letter}") for letter in "bdfhjl"]
        path = reverse("job-list")
        first = by_key.get(path, {"limit": 2}).json()
        job_of(name="Job a")
        job_of(name="Job c")
        registry.archive(jobs[2].pk, actor="user:ana")
        registry.archive(jobs[1].pk, actor="user:ana")  # the one that the cursor points at
        job_of(name="Job k")
        rest = by_key.get(path, {"limit": 50, "cursor": first["next_cursor"]}).json()
        shown = [row["name"] for row in (*first["results"], *rest["results"])]
        assert shown == ["Job b", "Job d", "Job h", "Job j", "Job k", "Job l"]

    def test_of_another_query_is_refused(self, job_of: MakeJob, by_key: ApiClient) -> None:
        for _ in range(3):
            job_of(tags=["x"])
        path = reverse("job-list")
        cursor = by_key.get(path, {"limit": 1, "tag": "x"}).json()["next_cursor"]
        assert by_key.get(path, {"limit": 2, "tag": "x", "cursor": cursor, "fields": "id"}).status_code == 200
        refusals: list[tuple[str, dict[str, Any]]] = [
            (path, {"cursor": cursor}),
            (path, {"cursor": cursor, "tag": "x", "ordering": "-name"}),
            (reverse("calendar-list"), {"cursor": cursor}),
            (path, {"cursor": cursor, "tag": "x", "offset": "3"}),
            (path, {"cursor": cursor, "tag": "x", "page": "3"}),
            (path, {"cursor": f"{cursor[:-2]}xx", "tag": "x"}),
            (path, {"cursor": "", "tag": "x"}),
            (path, {"cursor": "a" * 5_000, "tag": "x"}),
            (path, {"cursor": "\x00:é:1", "tag": "x"}),
        ]
        for where, parameters in refusals:
            answer = by_key.get(where, parameters)
            assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["cursor"]), parameters

    def test_opens_no_row_of_another_tenant(
        self, job_of: MakeJob, by_key: ApiClient, cast: Cast, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        for number in range(3):
            job_of(name=f"Ours {number}")
            job_of(cast.globex, name=f"Theirs {number}")
        cursor = by_key.get(reverse("job-list"), {"limit": 1}).json()["next_cursor"]
        theirs = client_of(make_key(tenant=cast.globex)[1]).get(reverse("job-list"), {"limit": 1, "cursor": cursor})
        assert {row["tenant"] for row in theirs.json()["results"]} == {"globex"}


class TestFields:
    def test_are_all_that_is_computed_and_fetched(self, job_of: MakeJob, run_of: RunJob, by_key: ApiClient) -> None:
        job = job_of()
        for _ in range(3):
            run_of(job, "succeeded")
            job_of()
        Tick.objects.create(
            tenant=job.tenant, job=job, due_at=AT, outcome="missed", reason="x", revision=1, epoch=1, decided_at=AT
        )
        cases = {
            reverse("job-list"): ({"id", "name", "template", "pool", "owner", "paused"}, {"spec", "parameters"}),
            reverse("execution-list"): ({"id", "job_name", "status"}, {"result", "error", "parameters"}),
            reverse("job-executions", args=[job.pk]): ({"id", "tenant", "error"}, {"policy", "result"}),
            reverse("job-ticks", args=[job.pk]): ({"due_at", "blocking_execution_id"}, {"revision"}),
            reverse("task-list"): ({"id", "scheduled_at"}, {"error"}),
        }
        for path, (names, unwanted) in cases.items():
            whole = by_key.get(path).json()["results"]
            with CaptureQueriesContext(
                connection,
            ) as queries:
                part = by_key.get(path, {"fields": ",".join(names), "limit": 2}).json()["results"]
            assert part == [{name: row[name] for name in row if name in names} for row in whole[:2]], path
            tables = ("dynamic_jobs", "job_executions", "ticks")
            rows = [query["sql"] for query in queries if any(f'FROM "{table}"' in query["sql"] for table in tables)]
            listing = [query for query in rows if " LIMIT 3" in query]
            assert len(listing) == 1, (path, rows)
            for column in unwanted:
                assert f'"{column}"' not in listing[0], (path, column)
            assert len(queries) <= 6, path

    def test_include_what_needs_other_columns(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job = job_of()
        whole = by_key.get(reverse("job-list")).json()["results"][0]
        for name in whole:
            with CaptureQueriesContext(connection) as queries:
                part = by_key.get(reverse("job-list"), {"fields": name}).json()["results"]
            assert part == [{name: whole[name]}], name
            assert sum('FROM "dynamic_jobs"' in query["sql"] for query in queries) == 1, name
        assert whole["id"] == job.pk

    def test_that_do_not_exist_are_named(self, by_key: ApiClient) -> None:
        for names in ("name,colour", "", ",", "name,", "parameters.x"):
            answer = by_key.get(reverse("job-list"), {"fields": names})
            assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["fields"]), names


class TestFilters:
    def test_of_jobs_find_what_they_say(self, cast: Cast, job_of: MakeJob, by_key: ApiClient) -> None:
        pools.create({"name": "Vendor", "size": 1}, tenant=cast.acme, actor="user:ana")
        one = job_of(pool="vendor", description="Ünder")
        job_of()
        Job.objects.filter(pk=one.pk).update(owner=cast.ana, next_tick_at=AT, origin="adopted")
        for parameters in (
            {"owner": "ana"},
            {"pool": "vendor"},
            {"origin": "adopted"},
            {"next_tick_before": "2026-11-01T00:00:01Z"},
            {"next_tick_before": "2026-11-02T00:00:00Z", "next_tick_after": "2026-11-01T00:00:00Z"},
            {"q": "ünd"},
        ):
            assert [row["id"] for row in by_key.get(reverse("job-list"), parameters).json()["results"]] == [one.pk]
        assert by_key.get(reverse("job-list"), {"next_tick_before": "2026-11-01T00:00:00Z"}).json()["results"] == []

    def test_of_executions_find_what_they_say(self, job_of: MakeJob, run_of: RunJob, by_key: ApiClient) -> None:
        job = job_of(tags=["night"])
        one, other = run_of(job, "failed"), run_of(job_of(), "succeeded")
        third = run_of(job_of())
        started = timezone.now() - timedelta(days=3)
        Execution.objects.filter(pk=one.pk).update(
            started_at=started,
            finished_at=started + timedelta(seconds=90),
            reason="gave_up",
            request_id="abc-123",
            fingerprint="f" * 32,
            requested_by="user:olaf",
        )
        Attempt.objects.filter(execution_id=one.pk).update(worker="w7")
        early = (started + timedelta(hours=1)).isoformat()
        for parameters in (
            {"status": "failed"},
            {"status": "failed,timed_out, dead"},
            {"tag": "night"},
            {"started_until": early},
            {"finished_until": early},
            {"longer_than": "90"},
            {"longer_than": "89.5", "shorter_than": "90.5"},
            {"requested_by": "user:olaf"},
            {"reason": "gave_up"},
            {"worker": "w7"},
            {"fingerprint": "f" * 32},
            {"request_id": "abc-123"},
        ):
            answer = by_key.get(reverse("execution-list"), parameters).json()
            assert [row["id"] for row in answer["results"]] == [one.pk], parameters
        both = by_key.get(reverse("execution-list"), {"status": "queued,succeeded"}).json()["results"]
        assert [row["id"] for row in both] == [third.pk, other.pk]
        assert by_key.get(reverse("execution-list"), {"shorter_than": "90"}).json()["total_count"] == 1
        for bad in ("failed,", "gone", ",", "failed;dead"):
            assert by_key.get(reverse("execution-list"), {"status": bad}).status_code == 400, bad

    def test_of_what_has_a_name_search_and_order(self, cast: Cast, by_key: ApiClient) -> None:
        for name in ("Beta", "Alpha", "Gamma"):
            pools.create({"name": name, "size": 1}, tenant=cast.acme, actor="user:ana")
        path = reverse("pool-list")
        assert [row["name"] for row in walk(by_key, path, ordering="-updated_at", limit=1)] == [
            "Gamma",
            "Alpha",
            "Beta",
        ]
        assert [row["name"] for row in walk(by_key, path, limit=2)] == ["Alpha", "Beta", "Gamma"]
        assert [row["name"] for row in walk(by_key, path, q="ALP")] == ["Alpha"]


def test_no_list_of_runs_reads_the_whole_table(cast: Cast, job_of: MakeJob, by_key: ApiClient) -> None:
    job, count = job_of(), 50_000
    with connection.cursor() as cursor:
        values = {
            "tenant": cast.acme.pk,
            "other": cast.globex.pk,
            "job": job.pk,
            "template": job.template_id,
            "priority": job.priority,
        }
        cursor.execute(FILL, {**values, "at": AT, "count": count})
        cursor.execute("ANALYZE job_executions; ANALYZE task_executions")
    path = reverse("execution-list")
    cursor_of: dict[str, str] = {}
    for ordering in ("-id", "finished_at", "-finished_at"):
        deep = by_key.get(path, {"ordering": ordering, "limit": 200}).json()
        for _ in range(2):
            deep = by_key.get(path, {"ordering": ordering, "limit": 200, "cursor": deep["next_cursor"]}).json()
        cursor_of[ordering] = deep["next_cursor"]
    asked: list[dict[str, Any]] = [
        {},
        *({"ordering": ordering, "cursor": cursor} for ordering, cursor in cursor_of.items()),
        {"status": "failed"},
        {"status": "failed,dead,timed_out"},
        {"request_id": "request-25001"},
        {"fingerprint": "print-1"},
        {"worker": "w1"},
        {"template": "echo"},
        {"trigger": "schedule"},
        {"job": str(job.pk)},
        {"ordering": "-finished_at", "finished_until": "2026-11-01T05:00:00Z"},
        {"since": "2026-11-01T05:00:00Z", "until": "2026-11-01T05:01:00Z"},
    ]
    for parameters in asked:
        with CaptureQueriesContext(connection) as queries:
            assert by_key.get(path, parameters).status_code == 200
        listing = [query["sql"] for query in queries if 'FROM "job_executions"' in query["sql"]]
        assert listing, parameters
        for statement in listing:
            if statement.startswith(("EXPLAIN", "SELECT COUNT")):
                continue  # the count ends at a bound
            assert not list(whole_tables(statement)), (parameters, statement)


def whole_tables(statement: str) -> Iterator[str]:
    """The partitions that a statement would read from end to end, but for those that hold next to nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT json) {statement}")
        todo = [cursor.fetchone()[0][0]["Plan"]]
    while todo:
        node = todo.pop()
        todo += node.get("Plans", [])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"].startswith("job_executions"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [node["Relation Name"]])
                if cursor.fetchone()[0] > 1_000:
                    yield node["Relation Name"]

"""The payloads of a dashboard: their keys and types, whose rows are in them, and what they cost to ask for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from jobs import registry, scheduler_events
from jobs.models import Job, RunHour
from jobs.recovery import projections
from jobs.rules.durations import BUCKETS, percentile
from jobs.scheduler_events import Event
from scheduler_project.lib import sql
from tests.cast import ApiClient, Cast, ClientOf
from tests.contract.test_aliases import ENVELOPE, NULLABLE_TEXT, answered, assert_shape
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = pytest.mark.django_db

NUMBER_OR_NONE = (int, float, type(None))
ENDS = ("succeeded", "failed", "timed_out", "cancelled", "lost", "dead")


class TestStats:
    @pytest.mark.django_db(transaction=True)
    def test_has_its_cards(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        job = job_of()
        registry.pause(job_of().pk, actor="user:ana")
        for state in ("succeeded", "succeeded", "failed", "running", "queued"):
            run_of(job, state)
        projections.sweep()
        stats = answered(by_key.get("/api/v1/scheduler/stats"), 200)
        parts = {"jobs": dict, "runs": dict, "queue_depth": dict, "counters": dict}
        assert_shape(stats, {"generated_at": str, "windows": list, "open_dead_letters": int, **parts})
        assert_shape(stats["jobs"], dict.fromkeys(("enabled", "paused", "disabled", "quarantined", "archived"), int))
        assert_shape(stats["queue_depth"], dict.fromkeys(("critical", "high", "normal", "low"), int))
        assert_shape(stats["counters"], dict.fromkeys(scheduler_events.TYPES, int))
        assert [window["name"] for window in stats["windows"]] == ["1h", "24h", "7d"]
        for window in stats["windows"]:
            figures = dict.fromkeys(
                ("success_rate", "mean_seconds", "p50_seconds", "p95_seconds", "p99_seconds"), NUMBER_OR_NONE
            )
            assert_shape(window, {"since": str, "total": int, "by_status": dict, **figures})
            assert_shape(window["by_status"], dict.fromkeys(ENDS, int))
            assert (window["total"], window["success_rate"]) == (3, pytest.approx(2 / 3, abs=1e-6))
            assert 0 <= window["p50_seconds"] <= window["p95_seconds"] <= window["p99_seconds"]
        assert (stats["jobs"]["enabled"], stats["jobs"]["paused"]) == (1, 1)
        assert (stats["runs"], stats["queue_depth"]["normal"]) == ({"queued": 1, "running": 1}, 1)
        assert (stats["counters"]["job_failed"], stats["counters"]["dead_letter"], stats["open_dead_letters"]) == (
            1,
            1,
            1,
        )

    @pytest.mark.django_db(transaction=True)
    def test_keeps_tenants_apart(
        self, by_key: ApiClient, cast: Cast, client_of: ClientOf, job_of: MakeJob, run_of: RunJob, globex: Tenant
    ) -> None:
        run_of(job_of(globex), "failed")
        run_of(job_of(globex))
        projections.sweep()
        theirs = answered(by_key.get("/api/v1/scheduler/stats"), 200)
        assert sum(theirs["jobs"].values()) == theirs["runs"]["queued"] == theirs["windows"][2]["total"] == 0
        assert theirs["counters"]["job_failed"] == theirs["open_dead_letters"] == 0
        assert theirs["next_tick_at"] is None
        assert answered(client_of(cast.root).get("/api/v1/scheduler/stats"), 200)["counters"]["job_failed"] == 1

    def test_counts_only_the_hours_of_its_windows(self, by_key: ApiClient, acme: Tenant) -> None:
        now = sql.now().replace(minute=0, second=0, microsecond=0)
        for hours, count in ((0, 1), (1, 2), (2, 4), (24, 8), (25, 16), (168, 32), (169, 64)):
            values = {"count": count, "seconds": count, "buckets": [0] * 7 + [count] + [0] * (len(BUCKETS) - 7)}
            RunHour.objects.create(tenant_id=acme.pk, hour=now - timedelta(hours=hours), status="succeeded", **values)
        windows = answered(by_key.get("/api/v1/scheduler/stats"), 200)["windows"]
        assert [window["total"] for window in windows] == [3, 15, 63]
        assert [window["mean_seconds"] for window in windows] == [1, 1, 1]

    def test_takes_a_percentile_from_the_bucket_that_it_falls_into(self) -> None:
        assert percentile(0.5, [0] * len(BUCKETS) + [0]) is None
        assert percentile(0.5, [10, *[0] * len(BUCKETS)]) == 0.0025
        assert percentile(0.99, [*[0] * len(BUCKETS), 5]) == 3600


class TestJobsTree:
    @pytest.mark.django_db(transaction=True)
    def test_goes_from_tenants_through_groups_to_jobs(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, globex: Tenant
    ) -> None:
        job = job_of(name="B", tags=["red", "blue"])
        job_of(name="A"), job_of(globex)
        registry.archive(job_of().pk, actor="user:ana")
        run_of(job, "succeeded")
        projections.sweep()
        tree = answered(by_key.get("/api/v1/scheduler/jobs-tree"), 200)
        assert_shape(tree, {**ENVELOPE, "next_after": type(None), "group_by": str, "results": list})
        (tenant,) = tree["results"]
        (group,) = tenant["groups"]
        assert (tree["total_count"], tenant["tenant"], group["name"]) == (2, "acme", "echo")
        assert [leaf["name"] for leaf in group["jobs"]] == ["A", "B"]
        leaf = {"id": int, "name": str, "state": str, "last_status": str, "failures_in_row": int}
        assert_shape(group["jobs"][1], {**leaf, "last_run_at": str, "next_tick_at": str, "last_execution_id": int})
        assert group["jobs"][1]["last_status"] == "succeeded"
        by_tag = answered(by_key.get("/api/v1/scheduler/jobs-tree?group_by=tag"), 200)
        groups = {group["name"]: [leaf["name"] for leaf in group["jobs"]] for group in by_tag["results"][0]["groups"]}
        assert (groups, by_tag["total_count"]) == ({"": ["A"], "blue": ["B"], "red": ["B"]}, 3)

    @pytest.mark.parametrize("group_by", ["template", "tag"])
    def test_is_walked_from_place_to_place(self, group_by: str, by_key: ApiClient, job_of: MakeJob) -> None:
        for number in range(7):
            job_of(name="Same" if number % 2 else f"Job {number}", slug=f"job-{number}", tags=["x"] * (number % 3 > 0))
        found: list[int] = []
        path = f"/api/v1/scheduler/jobs-tree?limit=2&group_by={group_by}"
        after = ""
        while True:
            page = answered(by_key.get(f"{path}{after}"), 200)
            found += [leaf["id"] for tenant in page["results"] for group in tenant["groups"] for leaf in group["jobs"]]
            if not page["has_more"]:
                break
            after = f"&after={page['next_after']}"
        assert sorted(found) == sorted(Job.objects.values_list("pk", flat=True))

    def test_refuses_a_place_that_it_never_named(self, by_key: ApiClient) -> None:
        for after in ("x", "%00", "W10", "WyJhIiwgImIiLCAiYyIsIHRydWVd", "WyJhXHUwMDAwIiwgImIiLCAiYyIsIDFd", "é"):
            error = answered(by_key.get(f"/api/v1/scheduler/jobs-tree?after={after}"), 400)["error"]
            assert error["fields"].keys() == {"after"}


class TestExecutionLog:
    def test_has_a_few_fields_of_each_run(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, globex: Tenant
    ) -> None:
        job = job_of(name="Import orders")
        runs = [run_of(job, state) for state in ("succeeded", "failed")]
        run_of(job_of(globex), "failed")
        log = answered(by_key.get("/api/v1/scheduler/execution-log"), 200)
        assert_shape(log, {**ENVELOPE, "results": list})
        row = {
            "execution_id": int,
            "job_id": int,
            "job_name": str,
            "status": str,
            "started_at": str,
            "finished_at": str,
        }
        for entry in log["results"]:
            assert_shape(
                entry, {**row, "duration_seconds": float, "error": str, "user_id": NULLABLE_TEXT, "trigger": str}
            )
        assert [entry["execution_id"] for entry in log["results"]] == [runs[1].pk, runs[0].pk]
        for query, count in (
            ("status=failed", 1),
            (f"job={job.pk}", 2),
            ("q=ORDERS", 2),
            ("q=nothing", 0),
            ("q=echo", 0),
        ):
            assert answered(by_key.get(f"/api/v1/scheduler/execution-log?{query}"), 200)["total_count"] == count, query
        last = answered(by_key.get("/api/v1/scheduler/execution-log?limit=1"), 200)
        following = answered(by_key.get(f"/api/v1/scheduler/execution-log?limit=1&cursor={last['next_cursor']}"), 200)
        assert [entry["execution_id"] for entry in following["results"]] == [runs[0].pk]


class TestEvents:
    @pytest.fixture(autouse=True)
    def happenings(self, cast: Cast, job_of: MakeJob) -> Job:
        job = job_of()
        scheduler_events.record([Event("check_cycle", "Decided 2 ticks.", source="host-1", data={"ticks": 2})])
        of = {"tenant_id": cast.acme.pk, "job_id": job.pk}
        scheduler_events.record([Event("tick_missed", "3 ticks of Greet missed.", count=3, **of)])
        scheduler_events.record([Event("job_failed", "Secret of globex.", tenant_id=cast.globex.pk)])
        return job

    def test_are_the_newest_first_with_their_keys(self, by_key: ApiClient) -> None:
        page = answered(by_key.get("/api/v1/scheduler/events"), 200)
        assert_shape(page, {**ENVELOPE, "results": list})
        for event in page["results"]:
            texts = {"at": str, "type": str, "level": str, "source": str, "message": str}
            numbers = {"id": int, "count": int, "job_id": (int, type(None)), "execution_id": (int, type(None))}
            assert_shape(event, {**texts, **numbers, "tenant": NULLABLE_TEXT, "data": dict})
        assert [event["type"] for event in page["results"]] == ["tick_missed", "check_cycle"]

    def test_are_narrowed_down(self, by_key: ApiClient, happenings: Job) -> None:
        now = sql.now()
        later, earlier = (
            at.isoformat().replace("+00:00", "Z") for at in (now + timedelta(minutes=1), now - timedelta(hours=1))
        )
        for query, count in (
            *(("type=tick_missed", 1), ("level=error", 1), ("level=info", 1), (f"job={happenings.pk}", 1)),
            *((f"since={later}", 0), (f"until={later}", 2), (f"since={earlier}&until={later}", 2), ("q=greet", 1)),
        ):
            found = answered(by_key.get(f"/api/v1/scheduler/events?{query}"), 200)
            assert found["total_count"] == count, query
        assert "type" in answered(by_key.get("/api/v1/scheduler/events?type=solar"), 400)["error"]["fields"]

    def test_of_no_tenant_are_reduced_for_all_but_superusers(
        self, by_key: ApiClient, cast: Cast, client_of: ClientOf
    ) -> None:
        cycle = answered(by_key.get("/api/v1/scheduler/events?type=check_cycle"), 200)["results"][0]
        assert (cycle["source"], cycle["message"], cycle["data"], cycle["count"]) == ("", "", {}, 1)
        for text in ("host", "Decided", "globex"):  # what is not shown cannot be searched for
            assert answered(by_key.get(f"/api/v1/scheduler/events?q={text}"), 200)["total_count"] == 0
        root = client_of(cast.root)
        everything = answered(root.get("/api/v1/scheduler/events"), 200)["results"]
        assert [event["type"] for event in everything] == ["job_failed", "tick_missed", "check_cycle"]
        assert (everything[2]["source"], everything[2]["data"]) == ("host-1", {"ticks": 2})

    def test_are_walked_by_cursor(self, by_key: ApiClient) -> None:
        for _ in range(5):
            scheduler_events.record([Event("idle_cycles", count=9)])
        first = answered(by_key.get("/api/v1/scheduler/events?limit=4"), 200)
        second = answered(by_key.get(f"/api/v1/scheduler/events?limit=4&cursor={first['next_cursor']}"), 200)
        ids = [event["id"] for page in (first, second) for event in page["results"]]
        assert (ids, len(ids), second["has_more"]) == (sorted(ids, reverse=True), 7, False)


class TestStatus:
    def test_names_the_leader_as_other_dashboards_do(self, by_key: ApiClient) -> None:
        status = answered(by_key.get("/api/v1/scheduler/status"), 200)
        assert_shape(status, {"leaderInstance": type(None), "leader": type(None), "candidates": list, "backend": str})


def test_asking_costs_the_same_however_much_there_is(
    by_key: ApiClient, job_of: MakeJob, run_of: RunJob, cast: Cast
) -> None:
    paths = [
        f"/api/v1/scheduler/{name}"
        for name in ("stats", "jobs-tree", "jobs-tree?group_by=tag", "execution-log", "events")
    ]

    def counts() -> dict[str, int]:
        found = {}
        for path in paths:
            with CaptureQueriesContext(connection) as queries:
                answered(by_key.get(path), 200)
            found[path] = len(queries)
        return found

    run_of(job_of(), "succeeded")
    scheduler_events.record([Event("check_cycle"), Event("tick_missed", tenant_id=cast.acme.pk)])
    counts()  # the first of each fills caches
    before = counts()
    for number in range(6):
        run_of(job_of(tags=[f"t{number}"]), "succeeded")
        scheduler_events.record([Event("check_cycle"), Event("tick_missed", tenant_id=cast.acme.pk)])
    assert counts() == before

"""Ids of users in every type that history has: readable, found in any spelling, and only by their own tenant."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import Tenant
from jobs import user_ids
from jobs.models import Execution
from scheduler_project.lib import sql
from tests.cast import ApiClient, ClientOf, MakeKey
from tests.contract.test_aliases import answered
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = pytest.mark.django_db

UUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
BY_USER: dict[str | None, list[object]] = {
    "42": [42, "42", 42.0, " 42 "],
    UUID: [UUID, UUID.upper(), UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}"],
    "ana@example.com": ["ana@example.com"],
    None: [None, "", "null"],
}


@pytest.fixture
def mixed(job_of: MakeJob, run_of: RunJob, acme: Tenant, globex: Tenant) -> dict[str | None, set[int]]:
    """Rows of acme as old programs wrote them with SQL, by user; each spelling stands in a row of globex as well."""
    job, other = job_of(), job_of(globex)
    found: dict[str | None, set[int]] = {}
    for user, spellings in BY_USER.items():
        for spelling in spellings:
            for of in (job, other):
                run = run_of(of)
                stored = None if spelling is None else str(spelling)
                sql.rows("UPDATE job_executions SET user_id = %(id)s WHERE id = %(pk)s", {"id": stored, "pk": run.pk})
                if of is job:
                    found.setdefault(user, set()).add(run.pk)
    return found


PATHS = (
    "/api/v1/executions",
    "/api/v1/scheduler/execution-log",
    "/v1/ui/scheduler/runs",
    "/api/v1/scheduler/executions",
)


class TestMixedRows:
    @pytest.mark.parametrize("path", PATHS)
    def test_are_found_in_any_spelling_by_their_own_tenant_only(
        self, path: str, by_key: ApiClient, mixed: dict[str | None, set[int]]
    ) -> None:
        for user, spellings in BY_USER.items():
            for spelling in {str(spelling).strip() for spelling in spellings} - {"None", ""} | {str(user or "null")}:
                answer = answered(by_key.get(path, {"user_id": spelling, "limit": 100}), 200)
                rows = answer.get("results", answer.get("executions"))
                assert {row.get("execution_id", row.get("id")) for row in rows} == mixed[user], (path, spelling)
                assert {row["user_id"] for row in rows} == {user}, (path, spelling)
        assert answered(by_key.get(path, {"user_id": "43"}), 200)["total_count"] == 0

    @pytest.mark.parametrize("path", PATHS)
    def test_are_all_visible(self, path: str, by_key: ApiClient, mixed: dict[str | None, set[int]]) -> None:
        assert answered(by_key.get(path), 200)["total_count"] == sum(map(len, mixed.values()))

    def test_of_another_tenant_are_refused_by_id(
        self, mixed: dict[str | None, set[int]], client_of: ClientOf, make_key: MakeKey, globex: Tenant
    ) -> None:
        theirs = client_of(make_key(tenant=globex)[1])
        for pk in mixed["42"]:
            assert answered(theirs.get(f"/api/v1/executions/{pk}"), 403)["error"]["code"] == "other_tenant"

    def test_are_found_by_an_index(self, mixed: dict[str | None, set[int]], acme: Tenant) -> None:
        sql.script("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        rows = user_ids.of_user(Execution.objects.filter(tenant=acme), "42").order_by()
        assert "user" in rows.explain().partition("Index Scan using ")[2].partition(" ")[0]
        assert set(rows.values_list("pk", flat=True)) == mixed["42"]


class TestNewRows:
    def test_keep_the_one_form_whatever_was_sent(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        for user, spellings in BY_USER.items():
            for spelling in spellings:
                task = answered(by_key.send("POST", "/api/v1/tasks", {"template": "echo", "user_id": spelling}), 202)
                run = answered(by_key.send("POST", f"/api/v1/jobs/{job.pk}/run", {"user_id": spelling}), 202)
                for answer in (task, run):
                    assert answer["user_id"] == user, spelling
                    assert Execution.objects.get(pk=answer["id"]).user_id == user

    def test_are_refused_an_id_that_is_nobodys(self, by_key: ApiClient, job_of: MakeJob) -> None:
        wrong: list[Any] = [True, 4.5, [42], {"id": 42}, "x" * 101, 10**25]
        for user_id in wrong:
            for path, body in (("/api/v1/tasks", {"template": "echo"}), (f"/api/v1/jobs/{job_of().pk}/run", {})):
                error = answered(by_key.send("POST", path, {**body, "user_id": user_id}), 400)["error"]
                assert error["fields"].keys() == {"user_id"}, user_id
        assert answered(by_key.get("/api/v1/executions", {"user_id": "x" * 101}), 400)["error"]["fields"].keys() == {
            "user_id"
        }

    def test_hand_it_on_to_a_replay(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        failed = run_of(job_of(), "failed", user_id="42")
        letter = answered(by_key.get("/api/v1/dead-letters"), 200)["results"][0]["id"]
        replay = answered(by_key.send("POST", f"/api/v1/dead-letters/{letter}/replay", {}), 201)
        assert Execution.objects.exclude(pk=failed.pk).get().user_id == "42"
        assert replay


class TestReport:
    def test_says_what_there_is_and_brings_it_into_one_form_once(self, mixed: dict[str | None, set[int]]) -> None:
        call_command("report_user_ids", stdout=(out := StringIO()))
        rows = [line.split() for line in out.getvalue().splitlines()[1:]]
        kinds = {"number": ("4", "1", "2"), "uuid": ("5", "1", "4"), "text": ("1", "1", "0"), "none": ("3", "0", "2")}
        expected = {(tenant, kind): figures for tenant in ("acme", "globex") for kind, figures in kinds.items()}
        assert {(row[0], row[1]): tuple(row[2:]) for row in rows} == expected
        call_command("report_user_ids", backfill=True, stdout=(out := StringIO()))
        assert out.getvalue().startswith("16 rows were brought into the one form.")
        for user, ids in mixed.items():
            assert set(Execution.objects.filter(pk__in=ids).values_list("user_id", flat=True)) == {user}
        assert sum(user_ids.bring_into_one_form()) == 0

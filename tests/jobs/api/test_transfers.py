"""Jobs as one document: out without secrets and always the same, in as a plan first, all or nothing, and only once."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from accounts.models import Membership, Tenant
from accounts.scopes import Role
from jobs import calendars, dependencies, pools, registry
from jobs.models import Calendar, Dependency, Job, Pool
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, untouched

pytestmark = pytest.mark.django_db

EXPORT, IMPORT = "/api/v1/jobs/export", "/api/v1/jobs/import"
SECRET = "planted-secret-of-jobs"


@pytest.fixture
def stage(cast: Cast, job_of: MakeJob) -> list[Job]:
    office = {"name": "Office", "weekdays": [0, 1], "holidays": ["2026-12-25"]}
    calendars.create(office, tenant=cast.acme, actor="user:ana")
    pools.create({"name": "Vendor", "size": 2}, tenant=cast.acme, actor="user:ana")
    first = job_of(name="Load", calendars=["office"], pool="vendor", parameters={"text": "x", "token": SECRET})
    second = job_of(name="Report", tags=["b", "a"], enabled=False, policies={"max_retries": 5})
    dependencies.add(first.pk, second.pk, {"condition": "always"}, actor="user:ana")
    return [first, second]


def plan(client: ApiClient, document: Any, **wishes: Any) -> Any:
    answer = client.send("POST", IMPORT, {"document": document, **wishes})
    assert answer.status_code == 200, answer.content
    return answer.json()


def actions(outcome: Any) -> dict[str, str]:
    return {f"{item['kind']} {item['name']}": item["action"] for item in outcome["items"]}


@pytest.fixture
def elsewhere(cast: Cast, make_key: MakeKey, client_of: ClientOf) -> ApiClient:
    return client_of(make_key(tenant=cast.globex)[1])


class TestExport:
    def test_is_the_same_twice_and_holds_no_secret(self, stage: list[Job], by_key: ApiClient) -> None:
        first, second = by_key.get(EXPORT), by_key.get(EXPORT)
        assert first.status_code == 200, first.content
        assert first.content == second.content
        assert first.headers["Content-Disposition"] == 'attachment; filename="daybook-jobs-acme.json"'
        assert SECRET.encode() not in first.content
        document = first.json()
        assert (document["format"], document["version"]) == ("daybook-jobs", 1)
        assert [job["slug"] for job in document["jobs"]] == ["load", "report"]
        assert document["jobs"][0]["parameters"] == {"text": "x", "token": {"secret": "not exported"}}
        assert document["templates"] == [{"name": "echo", "version": 1}]
        assert [one["slug"] for one in (*document["calendars"], *document["pools"])] == ["office", "vendor"]
        assert document["dependencies"][0] | {"parameters": {}} == document["dependencies"][0]
        assert "acme" not in json.dumps(document)

    def test_is_of_what_is_asked_for_and_of_one_tenant(
        self, stage: list[Job], cast: Cast, job_of: MakeJob, by_key: ApiClient, client_of: ClientOf
    ) -> None:
        one = by_key.get(EXPORT, {"ids": str(stage[1].pk)}).json()
        assert ([job["slug"] for job in one["jobs"]], one["dependencies"], one["pools"]) == (["report"], [], [])
        assert [job["slug"] for job in by_key.get(EXPORT, {"tag": "a"}).json()["jobs"]] == ["report"]
        theirs = job_of(cast.globex)
        assert by_key.get(EXPORT, {"ids": f"{stage[0].pk},{theirs.pk}"}).status_code == 403
        whole = client_of(cast.root).get(EXPORT)
        assert (whole.status_code, list(whole.json()["error"]["fields"])) == (400, ["tenant"])
        assert len(client_of(cast.root).get(EXPORT, {"tenant": "globex"}).json()["jobs"]) == 1
        registry.archive(stage[1].pk, actor="user:ana")
        for bad in ({"ids": str(stage[1].pk)}, {"ids": "1,x"}, {"ids": "1", "tag": "a"}, {"archived": "true"}):
            assert by_key.get(EXPORT, bad).status_code == 400, bad
        assert by_key.get(EXPORT, {"tag": "none"}).json()["exported_at"] is None


class TestImport:
    def test_brings_everything_to_another_tenant_once(
        self, stage: list[Job], cast: Cast, by_key: ApiClient, elsewhere: ApiClient
    ) -> None:
        document = by_key.get(EXPORT).json()
        document["jobs"][0]["parameters"]["token"] = "written in its place"
        with untouched():
            planned = plan(elsewhere, document, plan_only=True)
        assert not planned["is_applied"]
        assert set(actions(planned).values()) == {"create"}
        assert len(planned["items"]) == 5
        applied = plan(elsewhere, document, plan_hash=planned["plan_hash"], note="Move")
        assert applied["is_applied"]
        load, report = Job.objects.filter(tenant=cast.globex).order_by("slug")
        assert (load.calendars, load.pool and load.pool.size, report.is_enabled) == (["office"], 2, False)
        assert Dependency.objects.get(upstream=load, downstream=report).condition == "always"
        there = elsewhere.get(EXPORT).json()
        again = by_key.get(EXPORT).json()
        for part in ("templates", "calendars", "pools", "jobs", "dependencies"):
            assert there[part] == again[part], part
        with untouched():
            second = plan(elsewhere, there)
        assert set(actions(second).values()) == {"leave"}

    def test_keeps_stored_secrets_and_misses_those_that_are_not_there(
        self, stage: list[Job], by_key: ApiClient, elsewhere: ApiClient
    ) -> None:
        document = by_key.get(EXPORT).json()
        document["jobs"][0]["description"] = "New"
        before = stage[0].parameters["token"]
        assert actions(plan(by_key, document))["job load"] == "change"
        assert Job.objects.get(pk=stage[0].pk).parameters["token"] == before
        planned = plan(elsewhere, document, plan_only=True)
        refused = next(item for item in planned["items"] if item["action"] == "refuse")
        assert list(refused["problems"]) == ["parameters.token"]
        with untouched():
            answer = elsewhere.send("POST", IMPORT, {"document": document})
        assert answer.status_code == 400
        assert "job.load.parameters.token" in answer.json()["error"]["fields"]

    def test_tells_field_by_field_what_changes(self, stage: list[Job], by_key: ApiClient) -> None:
        document = by_key.get(EXPORT).json()
        job = document["jobs"][1]
        job["tags"], job["policies"]["max_retries"], job["enabled"] = ["z"], 9, True
        document["pools"][0]["size"] = 7
        document["dependencies"][0]["condition"] = "failure"
        with untouched():
            planned = plan(by_key, document, plan_only=True)
        changes = {
            f"{item['name']} {change['field']}": (change["before"], change["after"])
            for item in planned["items"]
            for change in item["changes"]
        }
        assert changes == {
            "report tags": (["b", "a"], ["z"]),
            "report policies.max_retries": (5, 9),
            "report enabled": (False, True),
            "vendor size": (2, 7),
            "load → report condition": ("always", "failure"),
        }
        assert actions(plan(by_key, document, mode="create_only"))["pool vendor"] == "leave"
        assert plan(by_key, document, plan_hash=planned["plan_hash"])["is_applied"]
        assert Pool.objects.get().size == 7

    def test_a_stale_plan_is_not_carried_out(self, stage: list[Job], by_key: ApiClient) -> None:
        document = by_key.get(EXPORT).json()
        document["jobs"][1]["queue"] = "night"
        planned = plan(by_key, document, plan_only=True)
        registry.change(stage[1].pk, {"priority": "high"}, actor="user:ana")
        with untouched():
            answer = by_key.send("POST", IMPORT, {"document": document, "plan_hash": planned["plan_hash"]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "plan_changed")

    def test_is_all_or_nothing_unless_partial(self, stage: list[Job], by_key: ApiClient) -> None:
        document = by_key.get(EXPORT).json()
        document["jobs"][0]["queue"] = "night"
        document["jobs"].append({**document["jobs"][1], "slug": "broken", "template": "none"})
        with untouched():
            assert by_key.send("POST", IMPORT, {"document": document}).status_code == 400
        outcome = plan(by_key, document, partial=True)
        assert actions(outcome)["job broken"] == "refuse"
        assert Job.objects.get(pk=stage[0].pk).queue == "night"
        assert not Job.objects.filter(slug="broken").exists()

    def test_a_mirror_takes_away_what_the_document_does_not_name(
        self, stage: list[Job], cast: Cast, job_of: MakeJob, by_key: ApiClient
    ) -> None:
        document = by_key.get(EXPORT).json()
        extra, theirs = job_of(name="Extra"), job_of(cast.globex, name="Extra")
        document["dependencies"] = []
        assert "job extra" not in actions(plan(by_key, document, plan_only=True))
        outcome = plan(by_key, document, mode="mirror")
        assert actions(outcome)["job extra"] == "archive"
        assert actions(outcome)["dependency load → report"] == "remove"
        assert Job.objects.get(pk=extra.pk).archived_at is not None
        assert Job.objects.get(pk=theirs.pk).archived_at is None
        assert Calendar.objects.count() == 1

    def test_refuses_clearly_what_is_no_document_of_ours(self, stage: list[Job], by_key: ApiClient) -> None:
        good = by_key.get(EXPORT).json()
        broken: list[tuple[Any, str]] = []
        for path, change in {
            "document.format": {"format": "other"},
            "document.version": {"version": 2},
            "document.tenant": {"tenant": "globex"},
            "document.jobs": {"jobs": {}},
            "document.jobs[0]": {"jobs": [7]},
            "document.jobs[0].slug": {"jobs": [{"name": "x"}]},
            "document.pools[1].slug": {"pools": good["pools"] * 2},
        }.items():
            broken.append(({**good, **change}, path))
        foreign = deepcopy(good)
        foreign["jobs"][0]["tenant"] = "globex"
        enabled = deepcopy(good)
        enabled["jobs"][1]["enabled"] = "yes"
        broken += [(foreign, "document.jobs[0].tenant"), (enabled, "document.jobs[1].enabled")]
        for document, path in broken:
            with untouched():
                answer = by_key.send("POST", IMPORT, {"document": document})
            assert answer.status_code == 400, path
            assert path in answer.json()["error"]["fields"], (path, answer.json())

    def test_goes_to_a_tenant_of_the_caller_only(self, stage: list[Job], cast: Cast, client_of: ClientOf) -> None:
        document = client_of(cast.ana).get(EXPORT).json()
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
        sleeping = Tenant.objects.create(slug="sleeping", name="Sleeping")
        with untouched():
            for tenant in ("globex", sleeping.slug):
                answer = client_of(cast.ana).send("POST", IMPORT, {"document": document, "tenant": tenant})
                assert answer.status_code == 403, tenant
            assert client_of(cast.vera).send("POST", IMPORT, {"document": document}).status_code == 403

    def test_with_a_key_is_done_once(self, stage: list[Job], by_key: ApiClient) -> None:
        document = by_key.get(EXPORT).json()
        document["jobs"][1]["queue"] = "night"
        first, second = (
            by_key.send("POST", IMPORT, {"document": document}, **{"Idempotency-Key": "i"}) for _ in range(2)
        )
        assert first.json() == second.json()
        assert second.headers["Idempotent-Replayed"] == "true"

    def test_takes_hundreds_of_jobs_in_one_document(self, stage: list[Job], by_key: ApiClient) -> None:
        document = by_key.get(EXPORT, {"ids": str(stage[1].pk)}).json()
        one = document["jobs"][0]
        document["jobs"] = [{**one, "slug": f"report-{number}", "description": "d" * 9_000} for number in range(120)]
        assert 1_000_000 < len(json.dumps(document)) < 5_000_000
        assert plan(by_key, document)["is_applied"]
        assert Job.objects.filter(slug__startswith="report-").count() == 120

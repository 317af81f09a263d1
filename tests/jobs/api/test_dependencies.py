"""Dependencies over the API: made, read, changed, removed; graphs and flows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs import dependencies, registry
from jobs.models import Dependency, Job
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import JOB, MakeJob, untouched
from tests.jobs.dependencies.conftest import end, run

pytestmark = pytest.mark.django_db

PATH = "/api/v1/dependencies"


@pytest.fixture
def pair(job_of: MakeJob) -> tuple[Job, Job]:
    free = {"overlap": "allow"}
    return job_of(name="Extract", policies=free), job_of(name="Report", policies=free)


def add(client: ApiClient, upstream: Job, downstream: Job, /, **changes: Any) -> Any:
    return client.send("POST", PATH, {"upstream": upstream.pk, "downstream": downstream.pk, **changes})


class TestCreate:
    def test_answers_with_the_dependency(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        upstream, downstream = pair
        answer = add(by_key, *pair, condition="always", parameters={"text": "/a"})
        assert answer.status_code == 201, answer.content
        made = answer.json()
        assert made["created_by"].startswith("key:")
        assert made == by_key.get(answer.headers["Location"]).json()
        assert {name: made[name] for name in ("upstream_id", "downstream_name", "kind", "condition", "parameters")} == {
            "upstream_id": upstream.pk,
            "downstream_name": downstream.name,
            "kind": "trigger",
            "condition": "always",
            "parameters": {"text": "/a"},
        }

    def test_of_a_job_takes_its_upstream(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        upstream, downstream = pair
        path = f"/api/v1/jobs/{downstream.pk}/dependencies"
        answer = by_key.send("POST", path, {"upstream": upstream.pk, "kind": "gate"})
        assert (answer.status_code, answer.json()["gate_patience_seconds"]) == (201, 3600)
        shown = by_key.get(path).json()
        assert (shown["fan_in"], len(shown["upstream"]), shown["downstream"]) == ("all", 1, [])
        assert len(by_key.get(f"/api/v1/jobs/{upstream.pk}/dependencies").json()["downstream"]) == 1

    def test_names_the_loop(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        add(by_key, *pair)
        answer = add(by_key, *reversed(pair))
        assert answer.status_code == 400
        assert "Report → Extract" in answer.json()["error"]["fields"]["upstream"][0]

    def test_answers_a_repeated_request_once(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        body = json.dumps({"upstream": pair[0].pk, "downstream": pair[1].pk})
        answers = [
            by_key.generic("POST", PATH, body, "application/json", headers={"Idempotency-Key": "once"})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert Dependency.objects.count() == 1

    @pytest.mark.parametrize("field", ["upstream", "downstream"])
    def test_refuses_jobs_of_others(self, by_key: ApiClient, pair: tuple[Job, Job], cast: Cast, field: str) -> None:
        foreign = registry.create({**JOB, "name": "Foreign"}, tenant=cast.globex, actor="user:gita")
        with untouched():
            assert add(by_key, *pair, **{field: foreign.pk}).status_code == 403
            assert add(by_key, *pair, **{field: 2**62}).status_code == 404

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"upstream": "1"}, "upstream"),
            ({"upstream": True}, "upstream"),
            ({"upstream": 10**30}, "upstream"),
            ({"upstream": None}, "upstream"),
            ({"kind": "chain"}, "kind"),
            ({"kind": ["trigger"]}, "kind"),
            ({"condition": {}}, "condition"),
            ({"parameters": []}, "parameters"),
            ({"parameters": {"text": {"a": 1}}}, "parameters"),
            ({"parameters": {"__proto__": "/x"}}, "parameters"),
            ({"parameters": {"text": "/" + "a" * 1000}}, "parameters"),
            ({"parameters": {"text": "x"}}, "parameters"),
            ({"gate_patience_seconds": "60"}, "gate_patience_seconds"),
            ({"kind": "gate", "gate_patience_seconds": 10**9}, "gate_patience_seconds"),
            ({"gate_patience_seconds": 60}, "gate_patience_seconds"),
            ({"unknown": 1}, "unknown"),
        ],
    )
    def test_names_what_is_wrong(
        self, by_key: ApiClient, pair: tuple[Job, Job], changes: dict[str, Any], field: str
    ) -> None:
        with untouched():
            answer = add(by_key, *pair, **changes)
        assert answer.status_code == 400, answer.content
        assert list(answer.json()["error"]["fields"]) == [field]


class TestChange:
    def test_changes_what_is_named(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        made = add(by_key, *pair, parameters={"text": "/a"}).json()
        answer = by_key.send("PATCH", f"{PATH}/{made['id']}", {"condition": "failure"})
        changed = answer.json()
        assert changed.pop("updated_at") > made.pop("updated_at")
        assert changed == {**made, "condition": "failure"}
        assert by_key.send("PATCH", f"{PATH}/{made['id']}", {"kind": "gate"}).status_code == 400

    def test_removes_it(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        made = add(by_key, *pair).json()
        assert by_key.send("DELETE", f"{PATH}/{made['id']}").status_code == 204
        assert by_key.send("DELETE", f"{PATH}/{made['id']}").status_code == 404
        assert by_key.get(PATH).json()["results"] == []


class TestReading:
    def test_keeps_tenants_apart(
        self, by_key: ApiClient, pair: tuple[Job, Job], cast: Cast, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        add(by_key, *pair)
        other = client_of(make_key(tenant=cast.globex)[1])
        assert other.get(PATH).json()["results"] == []
        assert other.get(f"{PATH}/graph").json() == {"jobs": [], "dependencies": [], "is_complete": True}

    def test_filters(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        add(by_key, *pair)
        upstream, downstream = pair
        for query, count in (
            (f"upstream={upstream.pk}", 1),
            (f"upstream={downstream.pk}", 0),
            (f"downstream={downstream.pk}&kind=trigger", 1),
            ("kind=gate", 0),
            ("tenant=acme", 1),
        ):
            assert len(by_key.get(f"{PATH}?{query}").json()["results"]) == count, query
        assert by_key.get(f"{PATH}?kind=chain").status_code == 400

    def test_puts_the_jobs_of_a_graph_on_levels(
        self, by_key: ApiClient, pair: tuple[Job, Job], job_of: MakeJob
    ) -> None:
        last = job_of(name="Archive")
        add(by_key, *pair)
        add(by_key, pair[1], last)
        add(by_key, pair[0], last)
        graph = by_key.get(f"{PATH}/graph").json()
        assert [(job["name"], job["level"]) for job in graph["jobs"]] == [("Extract", 0), ("Report", 1), ("Archive", 2)]
        assert len(graph["dependencies"]) == 3

    def test_shows_what_came_before_and_after(self, by_key: ApiClient, pair: tuple[Job, Job]) -> None:
        upstream, downstream = pair
        dependencies.add(upstream.pk, downstream.pk, {}, actor="user:test")
        first = run(upstream)
        (second,) = end(first)
        detail = by_key.get(f"/api/v1/executions/{first}").json()
        (succession,) = detail["successors"]
        assert (succession["outcome"], succession["execution_id"], succession["downstream_name"]) == (
            *("started", second),
            "Report",
        )
        detail = by_key.get(f"/api/v1/executions/{second}").json()
        assert (detail["parent_id"], detail["flow_id"], detail["trigger"]) == (first, first, "dependency")
        assert [row["upstream_execution_id"] for row in detail["started_by"]] == [first]
        flows = [by_key.get(f"/api/v1/executions/{execution_id}/flow").json() for execution_id in (first, second)]
        assert flows[0] == flows[1]
        assert [row["id"] for row in flows[0]["executions"]] == [first, second]
        assert [row["outcome"] for row in flows[0]["successions"]] == ["started"]

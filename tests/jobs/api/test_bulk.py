"""One wish for many rows: each on its own, each answered for, and nothing done when other rows are meant."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Membership
from accounts.scopes import Role, Scope
from jobs import registry
from jobs.models import Execution, Job, JobRevision
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db

JOBS, EXECUTIONS = "/api/v1/jobs/bulk", "/api/v1/executions/bulk"


def outcomes(answer: Any) -> dict[int, str]:
    assert answer.status_code == 200, answer.content
    body = answer.json()
    for status in ("done", "unchanged", "refused"):
        assert body[status] == sum(one["status"] == status for one in body["results"])
    return {one["id"]: one["status"] for one in body["results"]}


class TestJobs:
    def test_each_is_answered_for(self, job_of: MakeJob, cast: Cast, by_key: ApiClient) -> None:
        one, paused, archived, theirs = job_of(), job_of(), job_of(), job_of(cast.globex)
        registry.pause(paused.pk, actor="user:ana")
        registry.archive(archived.pk, actor="user:ana")
        ids = [one.pk, paused.pk, archived.pk, theirs.pk, 987_654_321]
        answer = by_key.send("POST", JOBS, {"action": "pause", "ids": ids, "note": "Move"})
        assert list(outcomes(answer).items()) == list(
            zip(ids, ["done", "unchanged", "refused", "refused", "refused"], strict=True)
        )
        errors = [one["error"]["code"] for one in answer.json()["results"] if one["error"]]
        assert errors == ["job_is_archived", "other_tenant", "not_found"]
        assert JobRevision.objects.filter(note="Move").values_list("job_id", flat=True).get() == one.pk
        assert not Job.objects.get(pk=theirs.pk).is_paused

    def test_every_action_does_what_it_says(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job = job_of(tags=["a"])
        cases: list[tuple[dict[str, Any], str, Any]] = [
            ({"action": "pause", "until": "2199-01-01T00:00:00Z"}, "is_paused", True),
            ({"action": "resume"}, "is_paused", False),
            ({"action": "disable"}, "is_enabled", False),
            ({"action": "enable"}, "is_enabled", True),
            ({"action": "add_tags", "tags": ["b", "a"]}, "tags", ["a", "b"]),
            ({"action": "remove_tags", "tags": ["a", "z"]}, "tags", ["b"]),
            ({"action": "change", "changes": {"queue": "night"}}, "queue", "night"),
        ]
        for wish, attribute, expected in cases:
            for status in ("done", "unchanged"):
                assert outcomes(by_key.send("POST", JOBS, {**wish, "ids": [job.pk]})) == {job.pk: status}, wish
                assert getattr(Job.objects.get(pk=job.pk), attribute) == expected, wish
        run = by_key.send("POST", JOBS, {"action": "run", "ids": [job.pk]}).json()["results"][0]
        assert Execution.objects.get().pk == run["execution_id"]
        assert outcomes(by_key.send("POST", JOBS, {"action": "archive", "ids": [job.pk]})) == {job.pk: "done"}
        assert Job.objects.get(pk=job.pk).archived_at is not None

    def test_a_filter_means_what_the_list_shows(self, job_of: MakeJob, cast: Cast, by_key: ApiClient) -> None:
        ours = [job_of(tags=["night"]).pk for _ in range(3)]
        job_of()
        job_of(cast.globex, tags=["night"])
        body = {"action": "disable", "filter": {"tag": "night", "enabled": True}, "expect_count": 3}
        assert set(outcomes(by_key.send("POST", JOBS, body))) == set(ours)
        with untouched():
            again = by_key.send("POST", JOBS, body)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "count_differs")
        assert "0 are meant by now, not 3" in again.json()["error"]["message"]

    def test_a_dry_run_tells_what_would_come_of_it(self, job_of: MakeJob, by_key: ApiClient) -> None:
        one, archived = job_of(), job_of()
        registry.archive(archived.pk, actor="user:ana")
        for wish in ({"action": "archive"}, {"action": "run"}, {"action": "change", "changes": {"queue": "x"}}):
            with untouched():
                answer = by_key.send("POST", JOBS, {**wish, "ids": [one.pk, archived.pk], "dry_run": True})
            assert outcomes(answer) == {one.pk: "done", archived.pk: "refused"}, wish
            assert answer.json()["results"][0]["execution_id"] is None
        with untouched():
            bad = by_key.send(
                "POST", JOBS, {"action": "change", "changes": {"colour": "red"}, "ids": [one.pk], "dry_run": True}
            )
        assert set(bad.json()["results"][0]["error"]["fields"]) == {"colour"}

    def test_needs_the_scope_of_its_action_for_each_job(
        self, job_of: MakeJob, cast: Cast, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        ours, theirs = job_of(), job_of(cast.globex)
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
        answer = client_of(cast.ana).send("POST", JOBS, {"action": "pause", "ids": [ours.pk, theirs.pk]})
        assert outcomes(answer) == {ours.pk: "done", theirs.pk: "refused"}
        assert answer.json()["results"][1]["error"]["code"] == "missing_scope"
        run, write = {"action": "run", "ids": [ours.pk]}, {"action": "resume", "ids": [ours.pk]}
        for scope, body, status in (
            (Scope.SCHEDULER_RUN, run, 200),
            (Scope.SCHEDULER_RUN, write, 403),
            (Scope.SCHEDULER_WRITE, run, 403),
            (Scope.SCHEDULER_WRITE, write, 200),
        ):
            assert client_of(make_key(scope)[1]).send("POST", JOBS, body).status_code == status, (scope, body)

    def test_with_a_key_is_done_once(self, job_of: MakeJob, by_key: ApiClient) -> None:
        body = {"action": "run", "ids": [job_of().pk, job_of().pk]}
        answers = [by_key.send("POST", JOBS, body, **{"Idempotency-Key": "b-1"}) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        assert Execution.objects.count() == 2

    def test_what_makes_no_sense_is_refused_as_a_whole(self, job_of: MakeJob, by_key: ApiClient) -> None:
        pk = job_of().pk
        bodies: list[tuple[Any, str]] = [
            ({"action": "pause"}, ""),
            ({"action": "pause", "ids": [pk], "filter": {"tag": "x"}}, ""),
            ({"action": "pause", "ids": []}, "ids"),
            ({"action": "pause", "ids": [pk, pk]}, "ids"),
            ({"action": "pause", "ids": [str(pk)]}, "ids"),
            ({"action": "pause", "ids": list(range(1, 502))}, "ids"),
            ({"action": "pause", "filter": {}}, "filter"),
            ({"action": "pause", "filter": {"colour": "red"}}, "filter.colour"),
            ({"action": "explode", "ids": [pk]}, "action"),
            ({"ids": [pk]}, "action"),
            ({"action": "add_tags", "ids": [pk]}, "tags"),
            ({"action": "pause", "tags": ["x"], "ids": [pk]}, "tags"),
            ({"action": "change", "changes": {}, "ids": [pk]}, "changes"),
            ({"action": "change", "changes": {"slug": "x"}, "ids": [pk]}, "changes.slug"),
            ({"action": "resume", "until": "2199-01-01T00:00:00Z", "ids": [pk]}, "until"),
        ]
        for body, field in bodies:
            with untouched():
                answer = by_key.send("POST", JOBS, body)
            assert answer.status_code == 400, (body, answer.content)
            assert any(path.startswith(field) for path in answer.json()["error"]["fields"]), (body, answer.json())


class TestExecutions:
    def test_every_action_does_what_it_says(self, job_of: MakeJob, run_of: RunJob, by_key: ApiClient) -> None:
        job = job_of(policies={"overlap": "allow"})
        waiting, done, given_up = run_of(job), run_of(job, "succeeded"), run_of(job)
        Execution.objects.filter(pk__in=[given_up.pk]).update(attempt=1)
        ids = [waiting.pk, done.pk]
        raised = by_key.send("POST", EXECUTIONS, {"action": "priority", "priority": "high", "ids": ids})
        assert outcomes(raised) == {waiting.pk: "done", done.pk: "refused"}
        assert raised.json()["results"][1]["error"]["code"] == "not_queued"
        again = by_key.send("POST", EXECUTIONS, {"action": "priority", "priority": "high", "ids": ids})
        assert outcomes(again)[waiting.pk] == "unchanged"
        retried = by_key.send("POST", EXECUTIONS, {"action": "retry_now", "ids": [waiting.pk, given_up.pk]})
        assert outcomes(retried) == {waiting.pk: "refused", given_up.pk: "done"}
        buried = by_key.send("POST", EXECUTIONS, {"action": "give_up", "ids": [given_up.pk]})
        assert outcomes(buried) == {given_up.pk: "done"}
        body = {"action": "cancel", "filter": {"status": "queued", "job": job.pk}, "expect_count": 1}
        with untouched():
            assert outcomes(by_key.send("POST", EXECUTIONS, {**body, "dry_run": True})) == {waiting.pk: "done"}
        assert outcomes(by_key.send("POST", EXECUTIONS, body)) == {waiting.pk: "done"}
        states = dict(Execution.objects.values_list("pk", "status"))
        assert states == {waiting.pk: "cancelled", done.pk: "succeeded", given_up.pk: "dead"}

    def test_needs_to_be_asked_by_who_may(
        self, job_of: MakeJob, run_of: RunJob, cast: Cast, client_of: ClientOf
    ) -> None:
        run = run_of(job_of())
        body = {"action": "cancel", "ids": [run.pk]}
        with untouched():
            assert client_of(cast.vera).send("POST", EXECUTIONS, body).status_code == 403
            theirs = client_of(cast.gita).send("POST", EXECUTIONS, body).json()
        assert theirs["results"][0]["error"]["code"] == "other_tenant"
        assert reverse("execution-bulk") == EXECUTIONS

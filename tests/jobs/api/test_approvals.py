"""Approving and refusing runs, and changing the priority of what waits."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from accounts.scopes import Scope
from jobs.models import Execution
from jobs.rules.states import PRIORITIES
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db

PATH = "/api/v1/executions"


@pytest.fixture
def waiting(job_of: MakeJob, run_of: RunJob) -> Execution:
    return run_of(job_of(policies={"requires_approval": True}))


def post(client: ApiClient, run: Execution, verb: str, body: Any = None) -> Any:
    return client.send("POST", f"{PATH}/{run.pk}/{verb}", body)


class TestApprove:
    def test_lets_it_start(self, by_key: ApiClient, waiting: Execution) -> None:
        shown = by_key.get(f"{PATH}/{waiting.pk}").json()
        assert (shown["held_for"], shown["approved_at"]) == ("approval", None)
        answer = post(by_key, waiting, "approve")
        assert (answer.status_code, answer.json()["held_for"]) == (200, "")
        assert answer.json()["approved_by"].startswith("key:")
        assert answer.json()["approved_at"] is not None

    def test_of_what_does_not_wait_is_a_conflict(self, by_key: ApiClient, waiting: Execution) -> None:
        post(by_key, waiting, "approve")
        for verb in ("approve", "refuse"):
            answer = post(by_key, waiting, verb)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_waiting_for_approval")

    def test_is_open_by_a_permission_in_person(self, cast: Cast, client_of: ClientOf, waiting: Execution) -> None:
        for who in (cast.ana, cast.olaf, cast.vera):
            with untouched():
                answer = post(client_of(who), waiting, "approve")
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")
        cast.olaf.user_permissions.add(Permission.objects.get(codename="approve_run"))
        assert post(client_of(User.objects.get(username="olaf")), waiting, "approve").status_code == 200

    def test_is_closed_to_the_permission_in_another_tenant(
        self, cast: Cast, client_of: ClientOf, waiting: Execution
    ) -> None:
        cast.gita.user_permissions.add(Permission.objects.get(codename="approve_run"))
        with untouched():
            answer = post(client_of(User.objects.get(username="gita")), waiting, "approve")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "other_tenant")


class TestRefuse:
    def test_ends_it_with_the_note(self, by_key: ApiClient, waiting: Execution) -> None:
        shown = post(by_key, waiting, "refuse", {"note": "Not before the audit."}).json()
        assert (shown["status"], shown["reason"], shown["error"]) == ("cancelled", "refused", "Not before the audit.")

    @pytest.mark.parametrize("body", [{"note": 7}, {"note": "x" * 501}, {"reason": "x"}, {"note": None}, []])
    def test_refuses_what_is_no_note(self, by_key: ApiClient, waiting: Execution, body: Any) -> None:
        with untouched():
            assert post(by_key, waiting, "refuse", body).status_code == 400


class TestWaitingList:
    def test_is_found_by_what_it_waits_for(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, waiting: Execution
    ) -> None:
        run_of(job_of())
        found = by_key.get(f"{PATH}?held_for=approval").json()["results"]
        assert [run["id"] for run in found] == [waiting.pk]
        assert by_key.get(f"{PATH}?held_for=nothing").status_code == 400


class TestPriority:
    def test_of_one_is_changed(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        run = run_of(job_of())
        answer = by_key.send("PATCH", f"{PATH}/{run.pk}", {"priority": "critical"})
        assert (answer.status_code, answer.json()["priority"]) == (200, "critical")
        again = by_key.send("PATCH", f"{PATH}/{run.pk}", {"priority": "critical"})
        assert (again.status_code, Execution.objects.get().event_sequence) == (200, 2)

    @pytest.mark.parametrize("state", ["running", "succeeded"])
    def test_of_what_does_not_wait_is_a_conflict(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, state: str
    ) -> None:
        run = run_of(job_of(), state)
        with untouched():
            answer = by_key.send("PATCH", f"{PATH}/{run.pk}", {"priority": "low"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_queued")

    @pytest.mark.parametrize(
        "body", [None, {}, {"priority": "urgent"}, {"priority": 0}, {"priority": None}, {"priority": ["low"]},
                 {"priority": "low", "status": "running"}, []],
    )  # fmt: skip
    @pytest.mark.parametrize("path", ["/{run}", "?queue=default"])
    def test_is_one_of_four(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, path: str, body: Any) -> None:
        run = run_of(job_of())
        with untouched():
            assert by_key.send("PATCH", PATH + path.format(run=run.pk), body).status_code == 400

    def test_of_many_is_changed_by_a_query(
        self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.executions.priority.BATCH", 2)
        job, other = job_of(policies={"overlap": "allow"}), job_of()
        mine = [run_of(job).pk for _ in range(5)]
        running, theirs, foreign = run_of(job, "running"), run_of(other), run_of(job_of(cast.globex))
        answer = by_key.send("PATCH", f"{PATH}?job={job.pk}", {"priority": "high"})
        assert (answer.status_code, answer.json()) == (200, {"changed": 5})
        levels = dict(Execution.objects.values_list("pk", "priority"))
        assert levels == {
            **dict.fromkeys(mine, PRIORITIES["high"]),
            **dict.fromkeys((running.pk, theirs.pk, foreign.pk), PRIORITIES["normal"]),
        }
        everything = by_key.send("PATCH", f"{PATH}?status=queued", {"priority": "low"})
        assert everything.json() == {"changed": 6}
        assert Execution.objects.get(pk=foreign.pk).priority == PRIORITIES["normal"]

    def test_of_everything_needs_a_query(self, by_key: ApiClient, job_of: MakeJob, run_of: RunJob) -> None:
        run_of(job_of())
        for query in ("", "?colour=red", "?limit=5"):
            with untouched():
                assert by_key.send("PATCH", PATH + query, {"priority": "low"}).status_code == 400

    def test_needs_the_scope_to_run(self, make_key: MakeKey, client_of: ClientOf) -> None:
        client = client_of(make_key(Scope.SCHEDULER_READ, Scope.SCHEDULER_WRITE)[1])
        assert client.send("PATCH", f"{PATH}?queue=x", {"priority": "low"}).status_code == 403

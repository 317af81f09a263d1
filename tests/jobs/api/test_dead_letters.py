"""Dead letters over the API: found, replayed, discarded; and runs that wait for their next try."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import dead_letters, registry
from jobs.models import DeadLetter, DeadLetterReplay, Execution, Job
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import MakeJob, untouched
from tests.jobs.api.test_hostile_input import BROKEN
from tests.jobs.dead_letters.conftest import ONCE, bury, end, state_of, sweep

pytestmark = pytest.mark.django_db

PATH = "/api/v1/dead-letters"


@pytest.fixture
def job(job_of: MakeJob) -> Job:
    return job_of(policies=ONCE)


def at(letter: DeadLetter, action: str = "") -> str:
    return f"{PATH}/{letter.pk}{action and '/'}{action}"


class TestReading:
    def test_lists_the_newest_first(self, by_key: ApiClient, job: Job) -> None:
        letters = [bury(job, error=f"Order {number} is gone.") for number in range(2)]
        answer = by_key.get(PATH).json()
        assert [letter["id"] for letter in answer["results"]] == [letters[1].pk, letters[0].pk]
        first = answer["results"][0]
        assert (first["job_name"], first["template"], first["status"], first["reason"]) == (
            job.name,
            "echo",
            "failed",
            "retries_used_up",
        )
        assert (first["state"], first["error"], first["error_class"]) == ("open", "Order 1 is gone.", "ValueError")

    @pytest.mark.parametrize(
        ("query", "count"),
        [("state=open", 1), ("state=discarded", 1), ("template=echo", 2), ("template=other", 0), ("tenant=acme", 2)],
    )
    def test_narrows_the_list(self, by_key: ApiClient, job: Job, query: str, count: int) -> None:
        bury(job)
        dead_letters.discard(bury(job).pk, actor="user:ana", note="known")
        assert by_key.get(f"{PATH}?{query}").json()["total_count"] == count

    @pytest.mark.parametrize("query", ["state=dead", "job=x", "job=0", "since=yesterday", "colour=red"])
    def test_refuses_what_it_does_not_know(self, by_key: ApiClient, query: str) -> None:
        for path in (PATH, f"{PATH}/groups"):
            answer = by_key.get(f"{path}?{query}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")

    def test_groups_by_cause(self, by_key: ApiClient, job: Job) -> None:
        for number in range(3):
            last = bury(job, error=f"Order {number} is gone.")
        bury(job, error="It rains.")
        dead_letters.discard(bury(job, error="Known.").pk, actor="user:ana", note="known")
        answer = by_key.get(f"{PATH}/groups").json()
        assert [group["count"] for group in answer["results"]] == [1, 3]
        assert answer["results"][1]["example"]["id"] == last.pk
        assert by_key.get(f"{PATH}/groups?limit=1").json()["total_count"] == 2
        assert by_key.get(f"{PATH}/groups?state=discarded").json()["total_count"] == 1

    def test_shows_what_it_takes_to_judge_one(self, by_key: ApiClient, job_of: MakeJob) -> None:
        letter = bury(job_of(policies=ONCE, parameters={"text": "hello"}))
        replayed = dead_letters.replay(letter.pk, actor="user:ana")
        answer = by_key.get(at(letter)).json()
        assert answer["parameters"]["text"] == "hello"
        assert (answer["traceback"], answer["open_in_group"]) == ("", 0)
        assert answer["replays"] == [{"execution_id": replayed, "replay_id": None, "stage": 1, "outcome": ""}]


class TestReplay:
    def test_answers_with_the_new_execution(self, by_key: ApiClient, job: Job) -> None:
        letter = bury(job)
        answer = by_key.send("POST", at(letter, "replay"))
        assert answer.status_code == 201, answer.content
        execution = by_key.get(answer.headers["Location"]).json()
        assert execution["id"] == answer.json()["execution_id"]
        assert (execution["trigger"], execution["parent_id"]) == ("replay", letter.execution_id)

    def test_takes_other_parameters(self, by_key: ApiClient, job: Job) -> None:
        answer = by_key.send("POST", at(bury(job), "replay"), {"parameters": {"text": "mended"}})
        made = Execution.objects.get(pk=answer.json()["execution_id"])
        assert made.parameters["text"] == "mended"

    def test_names_parameters_that_do_not_fit(self, by_key: ApiClient, job: Job) -> None:
        letter = bury(job)
        for parameters in ({"text": 7}, {"unknown": 1}, 7, None):
            with untouched():
                answer = by_key.send("POST", at(letter, "replay"), {"parameters": parameters})
            assert answer.status_code == 400
            assert all(path.startswith("parameters") for path in answer.json()["error"]["fields"])

    def test_is_done_once_for_one_key(self, by_key: ApiClient, job: Job) -> None:
        letter = bury(job)
        answers = [by_key.send("POST", at(letter, "replay"), {}, **{"Idempotency-Key": "k-1"}) for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert Execution.objects.filter(parent_id=letter.execution_id).count() == 1

    def test_conflicts_with_another(self, by_key: ApiClient, job: Job) -> None:
        letter = bury(job)
        by_key.send("POST", at(letter, "replay"))
        for action, body in (("replay", None), ("discard", {"note": "known"})):
            with untouched():
                answer = by_key.send("POST", at(letter, action), body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "letter_is_not_open")
        assert by_key.send("POST", at(letter, "replay-group")).json()["error"]["code"] == "no_open_letters"
        assert by_key.send("POST", at(letter, "restore")).json()["error"]["code"] == "letter_is_not_discarded"

    def test_says_why_it_cannot(self, by_key: ApiClient, job: Job) -> None:
        letter = bury(job)
        registry.archive(job.pk, actor="user:ana")
        answer = by_key.send("POST", at(letter, "replay"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "cannot_replay")


class TestGroup:
    def test_is_replayed_in_stages(self, by_key: ApiClient, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        answer = by_key.send("POST", at(letters[1], "replay-group"))
        assert answer.status_code == 201, answer.content
        location = answer.headers["Location"]
        assert (answer.json()["status"], answer.json()["progress"]["stages"]) == ("running", [1, 1, 1])
        sweep()
        end(Execution.objects.get(trigger="replay").pk, "failed", error="Again.")
        sweep()
        sweep()
        stopped = by_key.get(location).json()
        assert (stopped["status"], stopped["progress"]["failed"], stopped["progress"]["left"]) == ("stopped", 1, 2)
        assert stopped["stopped_by"] == Execution.objects.get(trigger="replay").pk
        assert "failed again: Again." in stopped["note"]
        assert by_key.get(f"{PATH}/replays?status=stopped").json()["total_count"] == 1
        assert by_key.get(f"{PATH}/replays?status=done").json()["total_count"] == 0

    def test_is_cancelled(self, by_key: ApiClient, job: Job) -> None:
        letter = bury(job)
        replay = by_key.send("POST", at(letter, "replay-group")).json()
        answer = by_key.send("POST", f"{PATH}/replays/{replay['id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        assert state_of(letter) == "open"
        again = by_key.send("POST", f"{PATH}/replays/{replay['id']}/cancel")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "replay_has_ended")
        assert DeadLetterReplay.objects.get().requested_by.startswith("key:")

    def test_is_discarded_with_a_reason(self, by_key: ApiClient, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        answer = by_key.send("POST", at(letters[0], "discard-group"), {"note": "Fixed by hand."})
        assert answer.json() == {"discarded": 3}
        restored = by_key.send("POST", at(letters[1], "restore"))
        assert (restored.status_code, restored.json()["state"], restored.json()["note"]) == (200, "open", "")

    @pytest.mark.parametrize("action", ["discard", "discard-group"])
    @pytest.mark.parametrize("body", [None, {}, {"note": ""}, {"note": "  "}, {"note": 7}, {"note": "x" * 501}])
    def test_needs_a_reason(self, by_key: ApiClient, job: Job, action: str, body: Any) -> None:
        letter = bury(job)
        with untouched():
            answer = by_key.send("POST", at(letter, action), body)
        assert answer.status_code == 400
        assert list(answer.json()["error"]["fields"]) == ["note"]


class TestRetries:
    def waiting(self, job_of: MakeJob) -> Execution:
        execution_id = registry.run_now(job_of(policies={"retry_base_seconds": 300}), actor="user:ana")
        end(execution_id)
        return Execution.objects.get(pk=execution_id)

    def test_come_at_once_when_asked_for(self, by_key: ApiClient, job_of: MakeJob) -> None:
        execution = self.waiting(job_of)
        shown = by_key.get(f"/api/v1/executions/{execution.pk}").json()
        (attempt,) = shown["attempts"]
        assert (shown["reason"], attempt["outcome"], attempt["retry_at"] is not None) == (
            "retry_after_failed",
            "failed",
            True,
        )
        answer = by_key.send("POST", f"/api/v1/executions/{execution.pk}/retry-now")
        assert (answer.status_code, answer.json()["available_at"] < shown["available_at"]) == (200, True)

    def test_are_given_up(self, by_key: ApiClient, job_of: MakeJob) -> None:
        execution = self.waiting(job_of)
        waits = by_key.get(f"/api/v1/executions/{execution.pk}").json()
        assert [attempt["reason"] for attempt in waits["attempts"]] == ["retry_after_failed"]
        assert waits["fingerprint"] == execution.fingerprint != ""
        answer = by_key.send("POST", f"/api/v1/executions/{execution.pk}/give-up")
        assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "dead", "gave_up")
        assert by_key.get(PATH).json()["results"][0]["execution_id"] == execution.pk
        for action in ("give-up", "retry-now"):
            again = by_key.send("POST", f"/api/v1/executions/{execution.pk}/{action}")
            assert (again.status_code, again.json()["error"]["code"]) == (409, "not_waiting_for_retry")

    def test_say_who_gave_them_up(self, by_key: ApiClient, job_of: MakeJob, cast: Cast, client_of: ClientOf) -> None:
        execution = self.waiting(job_of)
        client_of(cast.olaf).send("POST", f"/api/v1/executions/{execution.pk}/give-up")
        answer = by_key.get(f"/api/v1/executions/{execution.pk}/explain").json()["answer"]
        assert "user:olaf gave it up" in answer


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("action", ["replay", "discard"])
def test_a_broken_body_is_refused(by_key: ApiClient, job: Job, action: str, what: str) -> None:
    letter = bury(job)
    body, status = BROKEN[what]
    with untouched():
        answer = by_key.generic("POST", at(letter, action), body, "application/json")
    assert answer.status_code == status, answer.content
    assert set(answer.json()["error"]) == {"code", "message", "fields", "request_id"}

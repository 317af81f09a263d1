"""Running what has ended once more, with other parameters."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from jobs import dead_letters, registry, reruns, sealed
from jobs.definition import InvalidJob
from jobs.models import DeadLetter, Execution
from tests.cast import ApiClient
from tests.jobs.api.conftest import MakeJob, RunJob, by_key, job_of, run_of

__all__ = ["by_key", "job_of", "run_of"]

pytestmark = pytest.mark.django_db


def test_keeps_the_secrets_and_names_the_old_run(job_of: MakeJob, run_of: RunJob) -> None:
    job = job_of(parameters={"text": "then", "token": "hunter2"})
    run = run_of(job, "succeeded")
    registry.change(job.pk, {"parameters": {"text": "now"}}, actor="user:ana")
    new = Execution.objects.get(pk=reruns.rerun(run, actor="user:olaf", parameters={"text": "once more"}))
    assert sealed.parameters_of(new) == {"text": "once more", "token": "hunter2"}
    assert (new.parent_id, new.trigger, new.revision, new.requested_by) == (run.pk, "replay", 1, "user:olaf")
    entry = AuditEntry.objects.get(action="execution.rerun")
    assert entry.target_id == str(run.pk)
    assert "hunter2" not in str(vars(entry))
    same = Execution.objects.get(pk=reruns.rerun(run, actor="user:olaf"))
    assert (same.parameters, same.run_key) == (run.parameters, run.run_key)


def test_replays_an_open_dead_letter(job_of: MakeJob, run_of: RunJob) -> None:
    run = run_of(job_of(), "failed")
    letter = DeadLetter.objects.get(execution_id=run.pk)
    new_id = reruns.rerun(run, actor="user:olaf", parameters={"text": "x"})
    letter.refresh_from_db()
    assert (letter.state, letter.runs.get().execution_id) == ("replaying", new_id)


def test_is_refused_with_the_reason(job_of: MakeJob, run_of: RunJob) -> None:
    job = job_of()
    for run, words in (
        (run_of(job, "running"), "has not ended"),
        (run_of(job, "succeeded", dry_run=True), "is a dry run"),
    ):
        with pytest.raises(dead_letters.CannotReplay, match=words):
            reruns.rerun(run, actor="user:olaf")
    with pytest.raises(InvalidJob):
        reruns.rerun(run_of(job_of(), "succeeded"), actor="user:olaf", parameters={"unheard_of": 1})
    done = run_of(job_of(), "succeeded")
    assert done.job_id is not None
    registry.archive(done.job_id, actor="user:ana")
    with pytest.raises(dead_letters.CannotReplay, match="archived"):
        reruns.rerun(done, actor="user:olaf")


def test_is_in_the_api(job_of: MakeJob, run_of: RunJob, by_key: ApiClient) -> None:
    run = run_of(job_of(), "succeeded")
    path = f"/api/v1/executions/{run.pk}/rerun"
    answer = by_key.send("POST", path, {"parameters": {"text": "again"}}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 201, answer.content
    new_id = answer.json()["execution_id"]
    assert answer.headers["Location"].endswith(f"/executions/{new_id}")
    repeated = by_key.send("POST", path, {"parameters": {"text": "again"}}, **{"Idempotency-Key": "k"})
    assert repeated.json()["execution_id"] == new_id
    assert by_key.get(f"/api/v1/executions/{new_id}").json()["parent_id"] == run.pk
    assert by_key.send("POST", f"/api/v1/executions/{new_id}/rerun", {}).status_code == 409
    refused = by_key.send("POST", path, {"parameters": {"text": 5}})
    assert (refused.status_code, "parameters.text" in str(refused.json())) == (400, True)

"""One letter is replayed: a new run, as the old one was, and what becomes of the letter."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Tenant
from jobs import dead_letters, executions, registry
from jobs.definition import InvalidJob
from jobs.models import DeadLetter, DeadLetterRun, Execution, ExecutionEvent, Job, RunEffect
from jobs.rules.policy import JobPolicy
from jobs.rules.states import ReplayOutcome
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion
from tests.jobs.conftest import database_now
from tests.jobs.dead_letters.conftest import ONCE, MakeJob, bury, end, state_of, sweep

pytestmark = pytest.mark.django_db


def replay(letter: DeadLetter, **wishes: Any) -> Execution:
    return Execution.objects.get(pk=dead_letters.replay(letter.pk, actor="user:olaf", **wishes))


SNAPSHOT = (
    *("tenant_id", "job_id", "template_id", "scheduled_for", "revision", "parameters", "policy", "queue", "priority"),
    *("pool_id", "max_instances", "max_attempts", "flow_id", "run_key"),
)


class TestReplay:
    def test_repeats_the_run_as_it_was(self, job: Job) -> None:
        letter = bury(job)
        before = Execution.objects.filter(pk=letter.execution_id).values().get()
        registry.change(job.pk, {"parameters": {"text": "other"}, "priority": "low"}, actor="user:test")
        new = replay(letter, request_id="r-1")
        assert Execution.objects.filter(pk=letter.execution_id).values().get() == before
        assert {name: getattr(new, name) for name in SNAPSHOT} == {name: before[name] for name in SNAPSHOT}
        assert (new.trigger, new.parent_id, new.status) == ("replay", letter.execution_id, "queued")
        assert (new.requested_by, new.request_id, new.attempt) == ("user:olaf", "r-1", 0)
        assert [event.kind for event in ExecutionEvent.objects.filter(execution=new)] == ["queued"]
        assert state_of(letter) == "replaying"

    def test_resolves_the_letter_when_it_succeeds(self, job: Job) -> None:
        letter = bury(job)
        end(replay(letter).pk, "succeeded")
        sweep()
        letter.refresh_from_db()
        assert (letter.state, letter.closed_by) == ("resolved", "user:olaf")
        assert letter.closed_at is not None
        assert DeadLetterRun.objects.get(letter=letter).outcome == ReplayOutcome.SUCCEEDED

    def test_leaves_one_open_letter_when_it_fails_again(self, job: Job) -> None:
        letter = bury(job)
        new = replay(letter)
        end(new.pk)
        sweep()
        assert state_of(letter) == "failed_again"
        (still_open,) = DeadLetter.objects.filter(state="open")
        assert (still_open.execution_id, still_open.fingerprint) == (new.pk, letter.fingerprint)
        assert replay(still_open).parent_id == new.pk

    def test_opens_the_letter_again_when_it_is_cancelled(self, job: Job) -> None:
        letter = bury(job)
        executions.cancel(replay(letter).pk, by="user:test", now=database_now())
        sweep()
        assert state_of(letter) == "open"
        assert replay(letter).status == "queued"

    def test_waits_while_it_is_on_its_way(self, job: Job) -> None:
        letter = bury(job)
        replay(letter)
        sweep()
        assert state_of(letter) == "replaying"

    def test_keeps_the_letter_open_when_the_end_of_its_run_left_none(self, job: Job) -> None:
        letter = bury(job)
        new = replay(letter)
        end(new.pk)
        DeadLetter.objects.filter(execution_id=new.pk).delete()  # as if a worker of an earlier release had ended it
        sweep()
        assert state_of(letter) == "open"

    def test_works_without_a_job(self, tenant: Tenant, job: Job) -> None:
        execution_id = executions.submit(
            tenant_id=tenant.pk,
            template_id=job.template_id,
            parameters={"text": "x"},
            policy=JobPolicy(max_retries=0),
            queue="ad-hoc",
            priority=3,
            requested_by="key:a",
        )
        end(execution_id)
        new = replay(DeadLetter.objects.get())
        assert (new.job_id, new.queue, new.priority, new.parameters) == (None, "ad-hoc", 3, {"text": "x"})

    @pytest.mark.parametrize("parameters", [None, {"text": "mended"}])
    def test_has_the_effects_already_unless_it_is_other_work(self, job: Job, parameters: dict[str, str] | None) -> None:
        letter = bury(job)
        RunEffect.objects.create(execution_id=letter.execution_id, key="mail:1", fence=1, attempt=1, result={"id": 7})
        new = replay(letter, parameters=parameters)
        found = RunEffect.objects.filter(execution_id=new.pk).values_list("key", "result")
        assert list(found) == ([] if parameters else [("mail:1", {"id": 7})])

    def test_needs_approval_again(self, make_job: MakeJob) -> None:
        job = make_job(policies={**ONCE, "requires_approval": True})
        execution_id = registry.run_now(job, actor="user:test")
        Execution.objects.filter(pk=execution_id).update(held_for="")
        end(execution_id)
        assert replay(DeadLetter.objects.get()).held_for == "approval"

    def test_needs_approval_when_its_template_asks_for_it_by_now(self, job: Job) -> None:
        letter = bury(job)
        TemplateVersion.objects.filter(pk=job.template_id).update(requires_approval=True)
        assert replay(letter).held_for == "approval"

    def test_stands_in_no_ticks_way(self, make_job: MakeJob) -> None:
        job = make_job(policies={"max_retries": 0, "overlap": "replace"})
        new = replay(bury(job))
        executions.replace(job_id=job.pk, by=new.pk + 1, now=database_now())
        assert Execution.objects.get(pk=new.pk).status == "queued"

    def test_refuses_what_is_not_open(self, job: Job) -> None:
        letter = bury(job)
        replay(letter)
        with pytest.raises(dead_letters.LetterIsNotOpen, match="is being replayed"):
            replay(letter)
        assert Execution.objects.filter(parent_id=letter.execution_id).count() == 1

    def test_refuses_what_was_discarded(self, job: Job) -> None:
        letter = bury(job)
        dead_letters.discard(letter.pk, actor="user:test", note="known")
        with pytest.raises(dead_letters.LetterIsNotOpen, match="was discarded"):
            replay(letter)

    @pytest.mark.parametrize("cause", ["the job is archived", "the template is gone", "the execution is gone"])
    def test_says_why_it_cannot(self, job: Job, cause: str) -> None:
        letter = bury(job)
        if cause == "the job is archived":
            registry.archive(job.pk, actor="user:test")
        elif cause == "the template is gone":
            TemplateVersion.objects.filter(pk=job.template_id).update(is_available=False)
        else:
            sql.rows("DELETE FROM job_executions WHERE id = %(id)s", {"id": letter.execution_id})
        words = {"the job is archived": "is archived", "the template is gone": "Deploy it again"}
        with pytest.raises(dead_letters.CannotReplay, match=words.get(cause, "not kept any more")):
            replay(letter)
        assert state_of(letter) == "open"

    def test_is_held_to_one_at_a_time_by_the_database(self, job: Job) -> None:
        letter = bury(job)
        replay(letter)
        with pytest.raises(IntegrityError, match="one_replay_of_a_dead_letter_at_a_time"), transaction.atomic():
            DeadLetterRun.objects.create(letter=letter)


class TestOtherParameters:
    def test_are_taken_for_this_run_with_a_key_of_its_own(self, job: Job) -> None:
        letter = bury(job)
        new = replay(letter, parameters={"text": "mended"})
        original = Execution.objects.get(pk=letter.execution_id)
        assert new.parameters["text"] == "mended"
        assert original.parameters != new.parameters
        assert original.run_key != new.run_key

    def test_are_judged_by_the_template(self, job: Job) -> None:
        letter = bury(job)
        with pytest.raises(InvalidJob) as refused:
            replay(letter, parameters={"unknown": 1})
        assert list(refused.value.fields)
        assert state_of(letter) == "open"

    def test_of_an_adopted_job_stay_its_rows(self, job: Job) -> None:
        letter = bury(job)
        Job.objects.filter(pk=job.pk).update(origin="adopted")
        with pytest.raises(InvalidJob):
            replay(letter, parameters={"text": "mended"})


class TestDiscard:
    def test_closes_a_letter_with_a_reason(self, job: Job) -> None:
        letter = bury(job)
        dead_letters.discard(letter.pk, actor="user:olaf", note=" The customer left. ")
        letter.refresh_from_db()
        assert (letter.state, letter.closed_by, letter.note) == ("discarded", "user:olaf", "The customer left.")

    @pytest.mark.parametrize("note", ["", "  ", "x" * 501])
    def test_needs_a_reason(self, job: Job, note: str) -> None:
        with pytest.raises(InvalidJob):
            dead_letters.discard(bury(job).pk, actor="user:olaf", note=note)

    def test_refuses_what_is_being_replayed(self, job: Job) -> None:
        letter = bury(job)
        replay(letter)
        with pytest.raises(dead_letters.LetterIsNotOpen):
            dead_letters.discard(letter.pk, actor="user:olaf", note="known")
        assert state_of(letter) == "replaying"

    def test_takes_a_whole_group_and_nothing_else(self, job: Job) -> None:
        letters = [bury(job, error=f"Order {number} is gone.") for number in range(3)]
        other = bury(job, error="It rains.")
        replay(letters[0])
        assert dead_letters.discard_group(letters[0].pk, actor="user:olaf", note="known") == 2
        assert [state_of(letter) for letter in (*letters, other)] == ["replaying", "discarded", "discarded", "open"]
        with pytest.raises(dead_letters.NoOpenLetters):
            dead_letters.discard_group(letters[0].pk, actor="user:olaf", note="known")

    def test_can_be_taken_back(self, job: Job) -> None:
        letter = bury(job)
        with pytest.raises(dead_letters.LetterIsNotDiscarded):
            dead_letters.restore(letter.pk, actor="user:olaf")
        dead_letters.discard(letter.pk, actor="user:olaf", note="known")
        dead_letters.restore(letter.pk, actor="user:olaf")
        letter.refresh_from_db()
        assert (letter.state, letter.closed_at, letter.closed_by, letter.note) == ("open", None, "", "")

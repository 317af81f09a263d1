"""Dead letters in the admin: groups, letters, replays, and the buttons of runs that wait for their next try."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from jobs import dead_letters, registry
from jobs.models import DeadLetter, DeadLetterReplay, Execution, Job
from tests.jobs.admin.conftest import EXECUTIONS, Browser
from tests.jobs.api.conftest import MakeJob, untouched
from tests.jobs.dead_letters.conftest import ONCE, bury, end, state_of, sweep

pytestmark = pytest.mark.django_db

LETTERS = "/admin/jobs/deadletter/"
REPLAYS = "/admin/jobs/deadletterreplay/"


@pytest.fixture
def job(job_of: MakeJob) -> Job:
    return job_of(policies=ONCE, name="Import orders")


def at(letter: DeadLetter, page: str = "change") -> str:
    return reverse(f"admin:jobs_deadletter_{page}", args=[letter.pk])


class TestGroups:
    def test_are_listed_by_cause_with_their_counts(self, as_vera: Browser, job: Job) -> None:
        for number in range(3):
            letter = bury(job, error=f"Order {number} is gone.")
        bury(job, error="It rains.", error_class="WeatherError")
        page = as_vera.text(LETTERS)
        assert page.index("WeatherError") < page.index("Order 2 is gone.")
        assert "<b>3</b>" in page
        assert at(letter, "group") in page
        assert "2 groups" in page

    def test_say_so_when_there_are_none(self, as_vera: Browser, job: Job) -> None:
        assert "A run that ends without success" in as_vera.text(LETTERS)
        dead_letters.discard(bury(job).pk, actor="user:ana", note="known")
        assert "by user:ana" in as_vera.text(LETTERS)
        assert "ValueError" in as_vera.text(LETTERS, state="discarded")

    def test_can_be_of_one_job(self, as_vera: Browser, job: Job, job_of: MakeJob) -> None:
        bury(job)
        bury(job_of(policies=ONCE), error_class="OtherError")
        page = as_vera.text(LETTERS, job=job.pk)
        assert ("ValueError" in page, "OtherError" in page) == (True, False)

    def test_leave_other_tenants_out(self, as_gita: Browser, job: Job) -> None:
        letter = bury(job)
        assert "ValueError" not in as_gita.text(LETTERS)
        for page in ("change", "group", "edit"):
            assert as_gita.get(at(letter, page)).status_code == 403

    @pytest.mark.parametrize("query", [{"state": "x"}, {"job": "x"}, {"p": "x"}, {"p": "999"}, {"job": "9" * 30}])
    def test_take_any_query(self, as_vera: Browser, job: Job, query: dict[str, str]) -> None:
        bury(job)
        as_vera.text(LETTERS, **query)

    def test_of_runs_without_a_job_name_their_template(self, as_vera: Browser, job: Job) -> None:
        letter = bury(job)
        DeadLetter.objects.filter(pk=letter.pk).update(job=None)
        Execution.objects.filter(pk=letter.execution_id).update(job=None)
        assert "no job" in as_vera.text(LETTERS)
        assert "without a job" in as_vera.text(at(letter, "group"))
        as_vera.text(at(letter))


class TestGroup:
    def test_shows_its_letters(self, as_vera: Browser, job: Job) -> None:
        letters = [bury(job, error=f"Order {number} is gone.") for number in range(2)]
        page = as_vera.text(at(letters[0], "group"))
        assert all(f"Order {number} is gone." in page for number in range(2))
        assert "replay-group-button" not in page

    def test_is_replayed_with_progress(self, as_olaf: Browser, job: Job) -> None:
        letters = [bury(job) for _ in range(3)]
        assert "Replay 3 in stages" in as_olaf.text(at(letters[0], "group"))
        response = as_olaf.post(at(letters[0], "replay_group"))
        assert as_olaf.told(response) == ["Started with 3 letters."]
        url = response.headers["Location"]
        sweep()
        page = as_olaf.text(url)
        assert 'data-live="tenants"' in page
        assert "Stage 1 of 3." in page
        assert "Replay" in as_olaf.text(LETTERS)
        end(Execution.objects.get(trigger="replay").pk, "failed", error="Again.")
        sweep()
        sweep()
        live = as_olaf.text(reverse("admin:jobs_deadletterreplay_live", args=[DeadLetterReplay.objects.get().pk]))
        assert "failed again: Again." in live
        assert "hx-trigger" not in live
        assert "Stopped" in as_olaf.text(REPLAYS)

    def test_has_no_replay_for_the_second(self, as_olaf: Browser, job: Job) -> None:
        letter = bury(job)
        as_olaf.post(at(letter, "replay_group"))
        told = as_olaf.told(as_olaf.post(at(letter, "replay_group")))
        assert "somebody has taken them up already" in told[-1]

    def test_replay_is_cancelled(self, as_olaf: Browser, job: Job) -> None:
        as_olaf.post(at(bury(job), "replay_group"))
        replay = DeadLetterReplay.objects.get()
        url = reverse("admin:jobs_deadletterreplay_cancel", args=[replay.pk])
        assert as_olaf.told(as_olaf.post(url))[-1] == "Cancelled. What runs goes on to its end."
        assert "has ended already" in as_olaf.told(as_olaf.post(url))[0]

    def test_is_discarded_with_a_reason(self, as_olaf: Browser, job: Job) -> None:
        letters = [bury(job) for _ in range(2)]
        assert as_olaf.told(as_olaf.post(at(letters[0], "discard_group"))) == ["Write why nothing more is to be done."]
        told = as_olaf.told(as_olaf.post(at(letters[0], "discard_group"), {"note": "Fixed by hand."}))
        assert told == ["Discarded 2 letters."]
        assert "Fixed by hand." in as_olaf.text(at(letters[1], "group"))


class TestLetter:
    def test_shows_what_it_takes_to_judge_it(self, as_vera: Browser, job_of: MakeJob) -> None:
        letter = bury(job_of(policies=ONCE, parameters={"text": "hello"}), error="Order 7 is gone.")
        page = as_vera.text(at(letter))
        assert all(part in page for part in ("Order 7 is gone.", "hello", letter.fingerprint, "Failed"))
        assert "replay-button" not in page

    def test_stays_when_its_execution_is_not_kept(self, as_olaf: Browser, job: Job) -> None:
        letter = bury(job, error="Order 7 is gone.")
        Execution.objects.filter(pk=letter.execution_id).delete()
        assert "not kept any more" in as_olaf.text(at(letter))
        assert "not kept any more" in as_olaf.told(as_olaf.get(at(letter, "edit")))[0]
        assert "not kept any more" in as_olaf.told(as_olaf.post(at(letter, "replay")))[-1]

    def test_is_replayed(self, as_olaf: Browser, job: Job) -> None:
        letter = bury(job)
        response = as_olaf.post(at(letter, "replay"))
        new = Execution.objects.get(trigger="replay")
        assert response.headers["Location"] == reverse("admin:jobs_execution_change", args=[new.pk])
        assert (new.parent_id, new.requested_by) == (letter.execution_id, "user:olaf")
        assert "is being replayed" in as_olaf.told(as_olaf.post(at(letter, "replay")))[-1]

    def test_is_replayed_with_other_parameters(self, as_olaf: Browser, job_of: MakeJob) -> None:
        letter = bury(job_of(policies=ONCE, parameters={"text": "before"}))
        page = as_olaf.get(at(letter, "edit"))
        assert "before" in page.content.decode()
        form = page.context["section"].form
        (field,) = [form[name] for name in form.fields if name.endswith("text")]
        as_olaf.post(at(letter, "edit"), {field.html_name: "after"})
        assert Execution.objects.get(trigger="replay").parameters["text"] == "after"
        assert Execution.objects.get(pk=letter.execution_id).parameters["text"] == "before"

    def test_names_parameters_that_do_not_fit(self, as_olaf: Browser, job_of: MakeJob) -> None:
        job = job_of(
            policies=ONCE,
            template="database_cleanup",
            parameters={"model": "sessions.Session", "older_than_days": 30},
        )
        letter = bury(job)
        form = as_olaf.get(at(letter, "edit")).context["section"].form
        found = [form[name] for name in form.fields if form[name].value() is not None]
        values: dict[str, Any] = {field.html_name: field.value() for field in found}
        wrong = next(form[name].html_name for name in form.fields if name.endswith("older_than_days"))
        with untouched():
            page = as_olaf.post(at(letter, "edit"), {**values, wrong: "-5"})
        assert page.status_code == 200
        assert "Nothing was queued" in page.content.decode()
        assert page.context["section"].form.errors

    def test_is_discarded_and_opened_again(self, as_olaf: Browser, job: Job) -> None:
        letter = bury(job)
        assert as_olaf.told(as_olaf.post(at(letter, "discard"), {"note": "known"})) == ["Discarded."]
        assert "known" in as_olaf.text(at(letter))
        assert as_olaf.told(as_olaf.post(at(letter, "restore"))) == ["It is open again."]
        assert state_of(letter) == "open"

    @pytest.mark.parametrize("button", ["replay", "replay_group", "discard", "discard_group", "restore"])
    def test_is_decided_by_whom_may_run_only(self, as_vera: Browser, as_olaf: Browser, job: Job, button: str) -> None:
        letter = bury(job)
        with untouched():
            assert as_vera.post(at(letter, button), {"note": "x"}).status_code == 403
            assert as_olaf.get(at(letter, button)).status_code == 405


class TestRetries:
    @pytest.fixture
    def waiting(self, job_of: MakeJob) -> Execution:
        execution_id = registry.run_now(job_of(policies={"retry_base_seconds": 300}), actor="user:ana")
        end(execution_id)
        return Execution.objects.get(pk=execution_id)

    def press(self, browser: Browser, row: Execution, button: str) -> list[str]:
        return browser.told(browser.post(reverse(f"admin:jobs_execution_{button}", args=[row.pk])))

    def test_come_at_once_when_asked_for(self, as_olaf: Browser, waiting: Execution) -> None:
        page = as_olaf.text(reverse("admin:jobs_execution_change", args=[waiting.pk]))
        assert all(part in page for part in ("retry-now-button", "give-up-button", "Next try"))
        assert self.press(as_olaf, waiting, "retry_now") == ["Its next try starts as soon as a worker is free."]
        assert Execution.objects.get(pk=waiting.pk).available_at < waiting.available_at

    def test_are_given_up_and_lead_to_the_letter(self, as_olaf: Browser, waiting: Execution) -> None:
        self.press(as_olaf, waiting, "give_up")
        letter = DeadLetter.objects.get(execution_id=waiting.pk)
        page = as_olaf.text(reverse("admin:jobs_execution_change", args=[waiting.pk]))
        assert at(letter) in page
        assert "Given up while it waited" in page
        assert "does not wait for another try" in self.press(as_olaf, waiting, "retry_now")[0]

    def test_are_decided_by_whom_may_run_only(self, as_vera: Browser, waiting: Execution) -> None:
        assert "retry-now-button" not in as_vera.text(reverse("admin:jobs_execution_change", args=[waiting.pk]))
        for button in ("retry_now", "give_up"):
            url = reverse(f"admin:jobs_execution_{button}", args=[waiting.pk])
            assert (as_vera.post(url).status_code, as_vera.get(url).status_code) == (403, 405)

    @pytest.mark.parametrize(
        ("action", "told"),
        [("retry_now", "Brought the next try of 1 execution forward."), ("give_up", "Gave up 1 execution.")],
    )
    def test_are_decided_for_many(self, as_olaf: Browser, job: Job, waiting: Execution, action: str, told: str) -> None:
        other = bury(job).execution_id
        response = as_olaf.post(f"{EXECUTIONS}many/{action}/", {"id": [waiting.pk, other]})
        first, refused = as_olaf.told(response)
        assert first == told
        assert f"Execution {other} does not wait for another try" in refused


class TestExactCount:
    def test_is_asked_again_when_letters_came_meanwhile(self, as_olaf: Browser, job: Job) -> None:
        letter = bury(job, error="Order 1 is gone.")
        shown = as_olaf.text(at(letter, "group"))
        assert 'name="expected" value="1"' in shown
        bury(job, error="Order 2 is gone.")
        answer = as_olaf.post(at(letter, "replay_group"), {"expected": "1"}, follow=True)
        assert "2 letters of the group are open now, not 1" in answer.content.decode()
        assert not DeadLetterReplay.objects.exists()


def test_live_fragment_shows_the_groups_alone(as_vera: Browser, job: Job) -> None:
    bury(job, error="It rains.")
    fragment = as_vera.text(f"{LETTERS}live/")
    assert "It rains." in fragment
    assert "<html" not in fragment

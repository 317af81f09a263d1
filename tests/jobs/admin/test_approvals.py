"""Runs that wait for approval, changes of priority and what is cancelled, in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from accounts.models import Tenant
from jobs import executions, submission
from jobs.models import Execution, Job
from jobs.rules.states import PRIORITIES
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion
from tests.cast import Cast
from tests.jobs.admin.conftest import EXECUTIONS, Browser, SignIn, edit_url, job_url
from tests.jobs.admin.test_job_form import edited, errors
from tests.jobs.admin.test_wizard import Walk
from tests.jobs.api.conftest import MakeJob, RunJob, untouched


def page_of(run: Execution) -> str:
    return reverse("admin:jobs_execution_change", args=[run.pk])


def decide(browser: Browser, run: Execution, verb: str, **data: Any) -> Any:
    return browser.post(reverse(f"admin:jobs_execution_{verb}", args=[run.pk]), data)


@pytest.fixture
def waiting(job_of: MakeJob, run_of: RunJob) -> Execution:
    return run_of(job_of(name="Payout", policies={"requires_approval": True}))


class TestPage:
    def test_shows_the_buttons_to_those_who_may(self, as_root: Browser, as_ana: Browser, waiting: Execution) -> None:
        assert 'id="approve-button"' in as_root.text(page_of(waiting))
        page = as_ana.text(page_of(waiting))
        assert "Waits for approval" in page
        assert "Administrators of its tenant" in page
        assert 'id="approve-button"' not in page

    def test_approves(self, as_root: Browser, waiting: Execution) -> None:
        assert as_root.told(decide(as_root, waiting, "approve")) == ["Approved; it may start."]
        assert "Approved by user:root" in as_root.text(page_of(waiting))
        told = as_root.told(decide(as_root, waiting, "approve"))
        assert told == [
            f"Execution {waiting.pk} does not wait for approval: it needs none, has it already, or is over."
        ]

    def test_refuses_with_a_note(self, as_root: Browser, waiting: Execution) -> None:
        note = "Not <b>before</b> the audit"
        assert as_root.told(decide(as_root, waiting, "refuse", note=note)) == ["Refused; it will not run."]
        page = as_root.text(page_of(waiting))
        assert "Refused, so it did not run" in page
        assert "Not &lt;b&gt;before&lt;/b&gt; the audit" in page
        assert "user:root refused it" in as_root.text(reverse("admin:jobs_execution_why", args=[waiting.pk]))

    def test_takes_any_note(self, as_root: Browser, waiting: Execution) -> None:
        decide(as_root, waiting, "refuse", note="\x00" + "x" * 5_000)
        assert len(Execution.objects.get().error) <= 500

    def test_decides_for_nobody_without_the_right(
        self, as_ana: Browser, as_olaf: Browser, as_gita: Browser, waiting: Execution
    ) -> None:
        for browser in (as_ana, as_olaf, as_gita):
            for verb in ("approve", "refuse"):
                with untouched():
                    assert decide(browser, waiting, verb).status_code == 403
                    assert browser.get(reverse(f"admin:jobs_execution_{verb}", args=[waiting.pk])).status_code == 405

    def test_is_open_by_a_permission_in_person(self, sign_in: SignIn, cast: Cast, waiting: Execution) -> None:
        cast.olaf.user_permissions.add(Permission.objects.get(codename="approve_run"))
        assert decide(sign_in(User.objects.get(username="olaf")), waiting, "approve").status_code == 302
        assert Execution.objects.get().approved_by == "user:olaf"

    def test_says_why_it_waits(self, as_ana: Browser, waiting: Execution) -> None:
        assert "until somebody approves it" in as_ana.text(reverse("admin:jobs_execution_why", args=[waiting.pk]))


class TestList:
    def test_is_narrowed_to_what_waits(
        self, as_ana: Browser, job_of: MakeJob, run_of: RunJob, waiting: Execution
    ) -> None:
        run_of(job_of(name="Plain"))
        page = as_ana.text(EXECUTIONS, status="approval")
        assert "Payout" in page
        assert "Plain" not in page

    def test_has_runs_without_a_job(self, as_ana: Browser, acme: Tenant) -> None:
        run = Execution.objects.get(pk=submission.submit({"template": "echo"}, tenant=acme, actor="key:12345678"))
        assert "Echo" in as_ana.text(EXECUTIONS)
        for path in (page_of(run), reverse("admin:jobs_execution_why", args=[run.pk])):
            assert f"Execution {run.pk}" in as_ana.text(path)

    def test_lets_a_run_without_a_job_be_repeated_by_those_who_may(
        self, as_ana: Browser, as_olaf: Browser, acme: Tenant
    ) -> None:
        first = submission.submit(
            {"template": "echo", "payload": {"text": "again"}, "priority": "high"}, tenant=acme, actor="key:12345678"
        )
        executions.cancel(first, by="user:test", now=sql.now())
        run = Execution.objects.get(pk=first)
        assert "again-button" not in as_olaf.text(page_of(run))
        assert decide(as_olaf, run, "again").status_code == 403
        assert "again-button" in as_ana.text(page_of(run))
        assert as_ana.told(decide(as_ana, run, "again")) == ["Queued another run of Echo."]
        new = Execution.objects.latest("id")
        assert (new.parameters["text"], new.priority, new.trigger) == ("again", run.priority, "manual")
        assert (new.job_id, new.requested_by) == (None, "user:ana")
        assert new.run_key != run.run_key

    def test_is_counted_on_the_dashboard(
        self, as_ana: Browser, as_gita: Browser, waiting: Execution, job_of: MakeJob, run_of: RunJob
    ) -> None:
        run_of(job_of(), "succeeded")
        assert "?status=approval" in as_ana.text("/admin/")
        assert "?status=approval" not in as_gita.text("/admin/")


class TestPriority:
    def change(self, browser: Browser, runs: list[Execution], priority: str) -> Any:
        data = {"priority": priority, "id": [run.pk for run in runs], "confirmed": "1", "count": len(runs)}
        return browser.post(f"{EXECUTIONS}many/priority/", data)

    def test_is_changed_for_what_is_selected_and_waits(self, as_olaf: Browser, job_of: MakeJob, run_of: RunJob) -> None:
        queued, over, other = run_of(job_of()), run_of(job_of(), "succeeded"), run_of(job_of())
        told = as_olaf.told(self.change(as_olaf, [queued, over], "critical"))
        refused = (
            f"Execution {over.pk} of {over.job}: Execution {over.pk} is succeeded; only what is queued can change."
        )
        assert told == ["Changed the priority of 1 execution.", refused]
        levels = dict(Execution.objects.values_list("pk", "priority"))
        normal = PRIORITIES["normal"]
        assert levels == {queued.pk: PRIORITIES["critical"], over.pk: normal, other.pk: normal}
        assert as_olaf.text(EXECUTIONS).count("Critical priority") == 1
        assert as_olaf.told(self.change(as_olaf, [queued], "critical")) == ["1 execution needed no change."]

    def test_is_one_of_four(self, as_olaf: Browser, job_of: MakeJob, run_of: RunJob) -> None:
        run = run_of(job_of())
        with untouched():
            assert self.change(as_olaf, [run], "urgent").status_code in (200, 302)

    def test_is_not_changed_by_those_who_only_look_or_are_of_another_tenant(
        self, as_vera: Browser, as_gita: Browser, job_of: MakeJob, run_of: RunJob
    ) -> None:
        run = run_of(job_of())
        for browser in (as_vera, as_gita):
            with untouched():
                self.change(browser, [run], "critical")
        assert "many/priority/" not in as_vera.text(EXECUTIONS)


class TestCancelling:
    def test_is_told_step_by_step(self, as_ana: Browser, job_of: MakeJob, run_of: RunJob) -> None:
        run = run_of(job_of())
        claim = executions.claim(run.pk, worker="w", lease=timedelta(seconds=60))
        assert claim is not None
        executions.cancel(run.pk, by="user:olaf", now=sql.now())
        page = as_ana.text(page_of(run))
        assert "Cancelling asked for by olaf" in page
        assert "Worker confirmed: not yet" in page
        executions.confirm_cancel(claim)
        page = as_ana.text(page_of(run))
        assert "Worker confirmed <time" in page
        assert "Ended: not yet" in page

    def test_of_what_was_queued_has_two_steps(self, as_ana: Browser, job_of: MakeJob, run_of: RunJob) -> None:
        run = run_of(job_of())
        executions.cancel(run.pk, by="user:olaf", now=sql.now())
        page = as_ana.text(page_of(run))
        assert "Ended as cancelled <time" in page
        assert "Its process" not in page


class TestJobForm:
    def test_switches_approval_on_and_off(self, as_ana: Browser, job_of: MakeJob) -> None:
        job = job_of()
        for is_on in (True, False):
            response = as_ana.post(edit_url(job), edited(job, requires_approval="on" if is_on else "false"))
            assert response.status_code == 302, response.context["errors"]
            assert Job.objects.get().policies.requires_approval == is_on

    def test_shows_on_the_page_of_the_job(self, as_ana: Browser, job_of: MakeJob) -> None:
        assert "each run waits for it" in as_ana.text(job_url(job_of(policies={"requires_approval": True})))
        assert "each run waits for it" not in as_ana.text(job_url(job_of()))

    def test_leaves_it_to_the_template_of_a_new_job(self, as_ana: Browser) -> None:
        delicate = TemplateVersion.objects.get(name="delicate")
        walk = Walk(as_ana, delicate)
        walk.to_review()
        walk.send("review", _create="")
        assert Job.objects.get().policies.requires_approval

    def test_does_not_switch_off_what_the_template_requires(self, as_ana: Browser, job_of: MakeJob) -> None:
        job = job_of(template="delicate")
        response = as_ana.post(edit_url(job), edited(job, requires_approval="false"))
        assert response.status_code == 200
        assert "cannot switch that off" in str(errors(response)["Each run needs approval"])

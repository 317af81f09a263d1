"""Approving a run and changing priorities with a mouse; the pages of runs that wait, stop or were refused are sound."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from jobs import executions, submission
from jobs.models import Execution
from jobs.rules.states import PRIORITIES
from scheduler_project.lib import sql
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import faults_of_all, in_both_sizes
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def page_of(run: Execution) -> str:
    return reverse("admin:jobs_execution_change", args=[run.pk])


@pytest.fixture
def waiting(job_of: MakeJob, run_of: RunJob) -> Execution:
    return run_of(job_of(name="Payout", policies={"requires_approval": True, "start_deadline_seconds": 600}))


@pytest.mark.long
@in_both_sizes
def test_the_pages_are_sound(
    viewport: Any, cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn, waiting: Execution
) -> None:
    stopping, refused = run_of(job_of(name="Stopping")), run_of(job_of(policies={"requires_approval": True}))
    claim = executions.claim(stopping.pk, worker="w", lease=timedelta(seconds=60))
    assert claim is not None
    executions.cancel(stopping.pk, by="user:olaf", now=sql.now())
    executions.confirm_cancel(claim)
    executions.refuse(refused.pk, by="user:ana", now=sql.now(), note="Not before the audit.")
    submission.submit({"template": "echo"}, tenant=cast.acme, actor="key:12345678")
    as_root = visit(cast.root, viewport=viewport, reduced_motion="reduce")
    paths = ["/admin/", "/admin/jobs/execution/", *(page_of(run) for run in (waiting, stopping, refused))]
    assert faults_of_all(as_root, paths) == []


def test_a_run_is_approved(cast: Cast, visit: SignIn, job_of: MakeJob, run_of: RunJob, waiting: Execution) -> None:
    run_of(job_of(), "succeeded")
    page = visit(cast.root).open("/admin/")
    page.get_by_role("link", name="1 run waits for approval").click()
    page.get_by_role("link", name=str(waiting.pk), exact=True).click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved; it may start.")).to_be_visible()
    expect(page.get_by_text("Approved by user:root")).to_be_visible()
    assert Execution.objects.get(pk=waiting.pk).held_for == ""


def test_a_run_is_refused_with_a_note(cast: Cast, visit: SignIn, waiting: Execution) -> None:
    page = visit(cast.root).open(page_of(waiting))
    page.get_by_label("Why not").fill("Not before the audit.")
    page.get_by_role("button", name="Refuse").click()
    expect(page.get_by_text("Not before the audit.")).to_be_visible()
    assert Execution.objects.get(pk=waiting.pk).reason == "refused"


def test_a_priority_is_changed_in_the_list(cast: Cast, visit: SignIn, waiting: Execution) -> None:
    page = visit(cast.ana).open("/admin/jobs/execution/")
    page.get_by_label(f"Select execution {waiting.pk}", exact=True).check()
    page.get_by_role("region", name="Selected executions").get_by_role("button", name="Priority…").click()
    page.get_by_label("To", exact=True).select_option("critical")
    page.get_by_role("button", name="Change the priority of 1 execution").click()
    expect(page.get_by_text("Changed the priority of 1 execution.")).to_be_visible()
    assert Execution.objects.get(pk=waiting.pk).priority == PRIORITIES["critical"]

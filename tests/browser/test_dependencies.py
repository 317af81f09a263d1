"""Adding an upstream in a browser; the pages around it are sound."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from jobs import dependencies, ledger
from scheduler_project.lib import sql, transactions
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import faults_of_all, in_both_sizes
from tests.cast import Cast
from tests.jobs.admin.conftest import job_url
from tests.jobs.api.conftest import MakeJob
from tests.jobs.dependencies.conftest import end, run
from tests.jobs.world import MINUTELY

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FREE = {"overlap": "allow"}


@in_both_sizes
class TestDependencies:
    def test_are_added_and_shown(self, viewport: Any, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        extract = job_of(name="Extract the orders of all shops of the legacy billing system", slug="extract")
        check, report = (
            job_of(name=name, policies=FREE, schedule=MINUTELY) for name in ("Check the numbers", "Report")
        )
        dependencies.add(check.pk, report.pk, {"kind": "gate", "gate_patience_seconds": 600}, actor="user:ana")
        as_ana = visit(cast.ana, viewport=viewport, reduced_motion="reduce")
        where = reverse("admin:jobs_job_dependencies", args=[report.pk])
        page = as_ana.open(where)
        page.get_by_label("Job", exact=True).fill("nothing")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_text("no other job with the short name nothing")).to_be_visible()
        page.get_by_label("Job", exact=True).fill("extract")
        page.get_by_label("Values from its result").fill("text = /word")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_text("Report follows Extract")).to_be_visible()
        first, failed = run(extract), run(extract)
        (second,) = end(first, result={"word": "hi"})
        end(failed, "failed")
        with transactions.engine():
            ledger.decide_due(now=sql.now() + timedelta(minutes=1), epoch=1)
        held = report.executions.get(held_for="upstream").pk
        runs = [reverse("admin:jobs_execution_change", args=[run_id]) for run_id in (held, second, failed)]
        assert faults_of_all(as_ana, [where, job_url(report), job_url(extract), *runs]) == []

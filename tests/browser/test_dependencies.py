"""Adding an upstream in a browser; the pages around it in every variant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from jobs import dependencies, ledger
from scheduler_project.lib import sql, transactions
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import VARIANTS, faults
from tests.browser.test_impact_and_why import picture
from tests.cast import Cast
from tests.jobs.admin.conftest import job_url
from tests.jobs.api.conftest import MakeJob
from tests.jobs.dependencies.conftest import end, run
from tests.jobs.world import MINUTELY

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FREE = {"overlap": "allow"}


@pytest.mark.parametrize(("viewport", "scheme"), VARIANTS, ids=["desk-light", "desk-dark", "phone-light", "phone-dark"])
class TestDependencies:
    def test_are_added_and_shown(self, viewport: Any, scheme: str, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        extract = job_of(name="Extract the orders of all shops of the legacy billing system", slug="extract")
        check, report = (
            job_of(name=name, policies=FREE, schedule=MINUTELY) for name in ("Check the numbers", "Report")
        )
        dependencies.add(check.pk, report.pk, {"kind": "gate", "gate_patience_seconds": 600}, actor="user:ana")
        as_ana = visit(cast.ana, viewport=viewport, scheme=scheme)
        where = reverse("admin:jobs_job_dependencies", args=[report.pk])
        page = as_ana.open(where)
        page.get_by_label("Job").fill("nothing")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_text("no other job with the short name nothing")).to_be_visible()
        page.get_by_label("Job").fill("extract")
        page.get_by_label("Values from its result").fill("text = /word")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_text("Report follows Extract")).to_be_visible()
        first, failed = run(extract), run(extract)
        (second,) = end(first, result={"word": "hi"})
        end(failed, "failed")
        with transactions.engine():
            ledger.decide_due(now=sql.now() + timedelta(minutes=1), epoch=1)
        paths = {
            "held": reverse("admin:jobs_execution_change", args=[report.executions.get(held_for="upstream").pk]),
            "dependencies": where,
            "job": job_url(report),
            "upstream": job_url(extract),
            "started": reverse("admin:jobs_execution_change", args=[second]),
            "failed": reverse("admin:jobs_execution_change", args=[failed]),
        }
        found = []
        for name, path in paths.items():
            found += faults(as_ana, path)
            picture(page, f"{name}-{viewport['width']}-{scheme}")
        assert found == []

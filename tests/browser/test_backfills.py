"""A backfill from the form to its end, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from jobs.models import Backfill, Execution
from jobs.recovery import backfills
from scheduler_project.lib import sql
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_is_planned_started_and_followed(visit: SignIn, cast: Cast, job_of: MakeJob) -> None:
    job = job_of(name="Nightly report", schedule={"kind": "cron", "cron": "0 2 * * *", "timezone": "Europe/Berlin"})
    page = visit(cast.olaf).open(f"/admin/jobs/job/{job.pk}/")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("link", name="Backfill…").click()
    page.get_by_label("From").fill("2026-01-01T00:00:00")
    page.get_by_label("To", exact=True).fill("2026-01-03T00:00:00")
    page.get_by_role("button", name="Look what would run").click()
    expect(page.get_by_role("heading", name="2 runs would start")).to_be_visible()
    assert not Backfill.objects.exists()
    page.get_by_role("button", name="Start 2 runs").click()
    expect(page.locator("#backfill-live").get_by_role("status")).to_have_text("Running")
    for _ in range(2):
        backfills.sweep()
        Execution.objects.filter(status="queued").update(status="succeeded", finished_at=sql.now())
    backfills.sweep()
    page.evaluate("window.htmx.trigger('#backfill-live', 'live')")
    expect(page.locator("#backfill-live").get_by_role("status")).to_have_text("Done")
    expect(page.get_by_text("2 of 2", exact=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)

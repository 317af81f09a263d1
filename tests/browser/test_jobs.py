"""What people do most: run a job, look at what became of it, pause it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class TestPause:
    def test_asks_why_and_is_taken_back(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(name="Greet all")
        page = visit(cast.ana).open(f"/admin/jobs/job/{job.pk}/")
        page.get_by_role("button", name="Pause").click()
        note = page.get_by_label("Why (others see it)")
        expect(note).to_be_focused()
        note.fill("Until Tuesday")
        page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        expect(page.locator(".head-line")).to_contain_text("Paused")
        expect(page.locator(".head-line")).to_contain_text("Until Tuesday")
        page.get_by_role("link", name="Resume").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Resume Greet all?")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".head-line")).to_contain_text("Active")

    def test_works_on_a_phone(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job_of(name="Greet all")
        page = visit(cast.ana, viewport=PHONE).open("/admin/")
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("navigation", name="Console").get_by_role("link", name="Jobs").click()
        page.get_by_role("link", name="Greet all").click()
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("link", name="Archive…").click()
        page.get_by_role("button", name="Archive for good").click()
        expect(page.locator(".head-line")).to_contain_text("Archived")

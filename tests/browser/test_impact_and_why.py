"""What a change would do and why something did not run, as people see it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from jobs import registry
from jobs.models import Tick
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob
from tests.jobs.api.test_impact import skipped_while_paused

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def picture(page: Page, name: str) -> None:
    """Kept where TEST_PICTURES says, for people to look at."""
    if folder := os.environ.get("TEST_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


class TestImpact:
    def test_the_form_says_what_saving_would_change(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(name="Greet all")
        page = visit(cast.ana).open(f"/admin/jobs/job/{job.pk}/change/")
        panel = page.locator("#impact-panel")
        expect(panel).to_contain_text("No run changes")
        page.get_by_label("Expression", exact=True).check()
        page.get_by_label("Cron expression").fill("0 9,18 * * *")
        expect(panel).to_contain_text("30 added")
        picture(page, "impact-form")
        page.get_by_label("Cron expression").fill("0 9,18 *")
        expect(panel).to_contain_text("Not known while")

    def test_a_resume_asks_what_to_do_with_what_was_missed(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(name="Greet all")
        skipped_while_paused(job)
        page = visit(cast.root).open(f"/admin/jobs/job/{job.pk}/")
        page.get_by_role("link", name="Resume").click()
        expect(page.get_by_label("Run none of it")).to_be_checked()
        page.get_by_label("Run the last one").focus()
        page.keyboard.press("Space")
        picture(page, "resume")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".head-line")).to_contain_text("Active")
        assert job.backfills.get().runs.count() == 1

    def test_the_dialog_of_a_pause_says_what_it_takes_away(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(name="Greet all")
        page = visit(cast.ana).open(f"/admin/jobs/job/{job.pk}/")
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("dialog")).to_contain_text("30 removed")
        picture(page, "pause")


class TestWhy:
    def test_is_asked_of_a_tick_with_the_keyboard(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(name="Greet all")
        skipped_while_paused(job)
        tick = Tick.objects.filter(job=job).latest("due_at")
        page = visit(cast.vera).open(f"/admin/jobs/job/{job.pk}/?tab=decisions")
        link = page.locator(f"a[href='/admin/jobs/tick/{tick.pk}/change/']")
        link.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Why? Greet all, due")
        expect(page.locator(".notice")).to_contain_text("user:ana paused the job")
        picture(page, "why-tick")

    def test_is_asked_of_a_job(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(name="Greet all")
        registry.pause(job.pk, actor="user:ana", note="Broken feed")
        page = visit(cast.vera).open(f"/admin/jobs/job/{job.pk}/")
        page.get_by_role("link", name="Why?", exact=True).first.click()
        expect(page.get_by_role("heading", name="If it were due now")).to_be_visible()
        picture(page, "why-job")

"""The dashboard in a browser: from the first steps to what needs attention, without ever reloading the page."""

from __future__ import annotations

import time

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from jobs import registry, scheduler_events
from jobs.scheduler_events import Event
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SOON = 30_000  # milliseconds


def test_follows_the_first_run_and_the_first_failure(stack: str, cast: Cast, visit: SignIn, job_of: MakeJob) -> None:
    page = visit(cast.ana).open("/admin/")
    expect(page.get_by_text("A worker reports.")).to_be_visible(timeout=SOON)
    job = job_of(name="Greet all")
    expect(page.get_by_role("link", name="Greet all")).to_be_visible(timeout=SOON)
    registry.run_now(job, actor="user:ana")
    expect(page.locator("#tile-succeeded .tile-value")).to_have_text("1", timeout=SOON)
    page.evaluate("window.isTheSame = true")
    failing = job_of(name="Breaks", template="failing", parameters={"permanent": True})
    registry.run_now(failing, actor="user:ana")
    started = time.monotonic()
    expect(page.get_by_text("Breaks failed", exact=True)).to_be_visible(timeout=SOON)
    print(f"\nA failure was on the page {time.monotonic() - started:.1f} s after it was asked for.")
    expect(page.locator("#tile-failed .tile-value")).to_have_text("1", timeout=SOON)
    expect(page.locator("#dashboard-said")).to_have_text("1 problem.")
    assert page.evaluate("window.isTheSame")


def look_at(page: Page, part: str) -> None:
    """At once: a part that reads itself again may be another element a moment later."""
    page.evaluate("part => document.querySelector(part).scrollIntoView()", part)


class TestParts:
    def test_come_into_view_keep_their_choice_and_stay_unfolded(
        self, cast: Cast, visit: SignIn, job_of: MakeJob, run_of: RunJob
    ) -> None:
        run_of(job_of(name="Greet all"), "succeeded")
        page = visit(cast.ana).open("/admin/")
        assert page.locator("[aria-busy=true]").count() > 0
        look_at(page, "#part-tree")
        page.locator("#branch-0-name").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".leaves").get_by_role("link", name="Greet all")).to_be_visible()
        part = page.locator("#part-tree")
        before = part.locator("time").first.get_attribute("datetime")
        page.evaluate("window.htmx.trigger('#part-tree', 'live')")
        expect(part.locator("time").first).not_to_have_attribute("datetime", before or "")
        expect(page.locator(".leaves").get_by_role("link", name="Greet all")).to_be_visible()
        look_at(page, "#part-log")
        page.get_by_role("link", name="Failed", exact=True).click()
        expect(page.get_by_text("None among the newest runs.")).to_be_visible()
        assert page.url.endswith("/admin/?status=unsuccessful")
        page.reload()
        look_at(page, "#part-log")
        expect(page.get_by_text("None among the newest runs.")).to_be_visible()

    def test_of_events_announces_what_is_new_and_moves_nothing(
        self, cast: Cast, visit: SignIn, job_of: MakeJob, run_of: RunJob
    ) -> None:
        run_of(job_of(), "succeeded")
        scheduler_events.record([Event("job_failed", "The first.", tenant_id=cast.acme.pk)])
        page = visit(cast.ana).open("/admin/?all=1")
        expect(page.get_by_text("The first.")).to_be_visible()
        scheduler_events.record([Event("job_failed", "The second.", tenant_id=cast.acme.pk)])
        page.evaluate("window.htmx.trigger('#events-new', 'live')")
        page.get_by_role("button", name="1 new").click()
        expect(page.get_by_text("The second.")).to_be_visible()
        page.get_by_label("Level").select_option("warning")
        expect(page.get_by_text("No such event.")).to_be_visible()
        assert "level=warning" in page.url


def test_settings_are_found_while_one_types(cast: Cast, visit: SignIn) -> None:
    page = visit(cast.root).open(reverse("admin:jobs_settings"))
    page.get_by_label("Find a setting").fill("heartbeat")
    expect(page.locator("#settings-found")).to_contain_text("settings")
    expect(page.get_by_text("DAYBOOK_HEARTBEAT")).to_be_visible()
    expect(page.get_by_text("DAYBOOK_RATE_LIMIT")).to_be_hidden()

"""The whole way of a job, clicked through beside a real scheduler and a real worker: made, run, followed, put away."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from jobs.models import Execution, Job
from tests.browser.conftest import SignIn
from tests.cast import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORK_SECONDS = 30_000  # for what waits for processes that have just been started


def test_a_job_is_made_run_and_put_away(stack: str, cast: Cast, visit: SignIn) -> None:
    page = visit(cast.ana).open("/admin/")
    navigation = page.get_by_role("navigation", name="Console")
    navigation.get_by_role("link", name="Jobs").click()
    page.get_by_role("link", name="Create the first job").click()
    page.get_by_role("button", name=re.compile("^Echo")).first.click()
    page.get_by_label("Name", exact=True).fill("Morning greeting")
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_role("radio", name="Weekly", exact=True).click()
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_role("button", name="Create job", exact=True).click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_contain_text("Morning greeting")
    of_job = page.url

    page.get_by_role("button", name="Run now").first.click()
    expect(page.locator("#execution-state")).to_have_text("Succeeded", timeout=WORK_SECONDS)
    expect(page.get_by_role("log")).to_contain_text("Echoing hello")
    assert Execution.objects.get().status == "succeeded"

    page.goto(of_job)
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("link", name="Archive…").click()
    page.get_by_role("button", name="Archive for good").click()
    expect(page.locator(".head-line")).to_contain_text("Archived")
    navigation.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("link", name="Morning greeting")).to_have_count(0)
    assert Job.objects.get(name="Morning greeting").archived_at is not None
    assert Execution.objects.exists(), "what it did stays on record"

"""The wizard for new jobs in a real browser: how little it asks, by mouse and by keyboard, and what it never loses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from jobs.models import Job, JobDraft
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.live import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD = "/admin/jobs/job/add/"
MOST_INPUTS, MOST_INTERACTIONS = 12, 25


class Counted:
    """A person who makes a job: each field that is filled in and each click or key counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.inputs = self.interactions = 0

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)
        self.inputs += 1
        self.interactions += 1

    def click(self, role: str, name: str) -> None:
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]
        self.interactions += 1

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.interactions += len(keys)

    def write(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.inputs += 1
        self.interactions += 1

    def check(self) -> None:
        assert self.inputs <= MOST_INPUTS
        assert self.interactions <= MOST_INTERACTIONS


@contextmanager
def saved(page: Page) -> Iterator[None]:
    """What is done within reaches the draft by itself."""
    with page.expect_response(re.compile("/save/")) as answer:
        yield
    assert answer.value.ok
    expect(page.locator("#draft-unsaved")).to_be_hidden()


class TestCommonJob:
    def test_takes_few_inputs_and_clicks(self, cast: Cast, visit: SignIn) -> None:
        person = Counted(visit(cast.ana).open("/admin/jobs/job/"))
        person.click("link", "Create the first job")
        person.page.get_by_role("button", name=re.compile("^Echo")).first.click()
        person.interactions += 1
        person.fill("Name", "Morning greeting")
        person.click("button", "Continue")
        person.click("radio", "Weekly")
        person.fill("At", "07:30")
        expect(person.page.locator("#schedule-sentence")).to_contain_text("07:30")
        person.click("button", "Continue")
        person.click("button", "Continue")
        expect(person.page.locator(".review-schedule time").first).to_be_visible()
        person.click("button", "Create job")
        expect(person.page.get_by_role("heading", level=1)).to_contain_text("Morning greeting")
        job = Job.objects.get()
        assert (job.schedule.cron, job.owner, job.parameters) == ("30 7 * * 1-5", cast.ana, {"text": "hello"})
        person.check()

    def test_takes_few_keys(self, cast: Cast, visit: SignIn) -> None:
        person = Counted(visit(cast.ana).open(ADD))
        page = person.page
        expect(page.get_by_label("Search the templates")).to_be_focused()
        person.write("echo")
        person.press("ArrowDown", "Enter")
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        person.write("By keys")
        person.press("Enter")
        expect(page.get_by_role("radio", name="Daily")).to_be_focused()
        person.press("Tab", "Control+A")
        person.write("0815")
        person.press("Enter")
        expect(page.get_by_label("Owner", exact=True)).to_be_focused()
        person.press("Control+Enter")
        expect(page.get_by_role("button", name="Create job")).to_be_visible()
        person.press("Control+Enter")
        expect(page.get_by_role("button", name="Create job")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_contain_text("By keys")
        assert Job.objects.get().schedule.cron == "15 8 * * *"
        person.check()


class TestDraft:
    def test_outlives_a_reload_and_another_tab(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.ana).open(ADD)
        page.get_by_role("button", name=re.compile("^Echo")).first.click()
        name, tags = page.get_by_label("Name", exact=True), page.get_by_label("Tags")
        page.get_by_text("Description, tags, short name").click()
        with saved(page):
            name.fill("Half a job")
            name.blur()
        other = page.context.new_page()
        other.goto(page.url)
        expect(other.get_by_label("Name", exact=True)).to_have_value("Half a job")
        with saved(other):
            other.get_by_label("Name", exact=True).fill("Its other half")
            other.get_by_label("Name", exact=True).blur()
        with saved(page):
            tags.fill("night")
            tags.blur()
        expect(page.locator("#draft-state")).to_contain_text("Another tab has changed Name; its entry was kept.")
        page.reload()
        expect(name).to_have_value("Its other half")
        expect(tags).to_have_value("night")
        page.goto("/admin/jobs/job/")
        page.get_by_role("link", name="Continue").click()
        expect(name).to_have_value("Its other half")
        page.get_by_role("button", name="Discard").click()
        page.get_by_role("dialog").or_(page.locator("#discard-draft")).get_by_role("button", name="Discard").click()
        wait_for(lambda: not JobDraft.objects.exists(), seconds=5, what="the draft to go")

    def test_keeps_what_was_written_before_the_scripts_of_the_page_ran(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.ana).open(ADD)
        held: list[Any] = []
        page.route(re.compile(r"/wizard(\.\w+)?\.js"), lambda route: held.append(route))
        page.get_by_role("button", name=re.compile("^Echo")).first.click()
        page.get_by_label("Name", exact=True).fill("Quick")
        page.get_by_label("Name", exact=True).blur()
        for route in held:
            route.continue_()
        wait_for(lambda: [draft.name for draft in JobDraft.objects.all()] == ["Quick"], seconds=5, what="the draft")

    def test_says_when_it_was_not_saved(self, cast: Cast, visit: SignIn) -> None:
        someone = visit(cast.ana)
        page = someone.open(ADD)
        page.get_by_role("button", name=re.compile("^Echo")).first.click()
        page.route(re.compile("/save/"), lambda route: route.abort())
        page.get_by_label("Name", exact=True).fill("Offline")
        page.get_by_label("Name", exact=True).blur()
        expect(page.locator("#draft-unsaved")).to_be_visible()
        page.unroute_all()
        page.get_by_role("button", name="Continue", exact=True).last.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Offline")
        someone.complaints.clear()  # of the request that was cut off


class TestReview:
    def test_leads_to_each_mistake_and_back(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.ana).open(f"{ADD}?template=echo")
        page.get_by_role("button", name="Continue with it").click()
        page.get_by_label("Name", exact=True).fill("Wrong at first")
        page.get_by_role("button", name="Skip to review").click()
        page.get_by_role("link", name="Change the schedule").click()
        page.get_by_label("Expression", exact=True).check()
        with saved(page):
            page.get_by_label("Cron expression", exact=True).fill("61 * * * *")
            page.get_by_label("Cron expression", exact=True).blur()
        page.goto(page.url.replace("schedule", "review"))
        summary = page.locator("#error-summary")
        expect(summary).to_be_focused()
        summary.get_by_role("link").click()
        cron = page.get_by_label("Cron expression", exact=True)
        expect(cron).to_be_focused()
        cron.fill("0 6 * * *")
        page.get_by_role("button", name="Back to review").click()
        expect(page.locator(".review-schedule")).to_contain_text("06:00")
        expect(summary).to_have_count(0)

    def test_works_without_scripts(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.ana, java_script_enabled=False).open(f"{ADD}?q=echo")
        page.get_by_role("button", name=re.compile("^Echo")).first.click()
        page.get_by_label("Name", exact=True).fill("Plain")
        for _ in range(3):
            page.get_by_role("button", name="Continue", exact=True).last.click()
        page.get_by_role("button", name="Create paused").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Plain")
        assert Job.objects.get().is_paused

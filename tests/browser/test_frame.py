"""The frame of every page: keys, search, how live it is, notices, and what is said when something fails."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from jobs.models import Job
from tests.browser.conftest import PHONE, SignIn, Visit
from tests.browser.test_accessibility import violations
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

JOBS = "/admin/jobs/job/"


def tell(page: Page, text: str, tone: str = "info", undo: str = "") -> None:
    page.evaluate(
        "detail => document.dispatchEvent(new CustomEvent('toast', { detail }))",
        {"text": text, "tone": tone, "undo": undo},
    )


def forgive(visit: Visit, *words: str) -> None:
    """The browser itself complains about answers that a test asked for."""
    visit.complaints = [text for text in visit.complaints if not any(word in text for word in words)]


class TestKeys:
    def test_lead_through_lists_search_and_a_run(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        jobs = [job_of(name=name) for name in ("Alpha", "Beta", "Gamma")]
        page = visit(cast.ana).open(JOBS)
        keys = page.keyboard
        for _ in range(2):
            keys.press("j")
        expect(page.get_by_role("link", name="Beta")).to_be_focused()
        keys.press("k")
        expect(page.get_by_role("link", name="Alpha")).to_be_focused()
        keys.press("x")
        expect(page.get_by_role("checkbox", name="Select Alpha")).to_be_checked()

        keys.press("?")
        assistance = page.get_by_role("dialog", name="Keyboard shortcuts")
        expect(assistance).to_be_visible()
        assert violations(page) == []
        assistance.get_by_role("checkbox").uncheck()
        keys.press("Escape")
        page.locator("h1").click()
        keys.press("g")
        keys.press("e")
        keys.press("?")
        expect(assistance).to_be_hidden()
        assert page.url.endswith(JOBS)  # switched off, and remembered
        page.locator("#footer").get_by_role("button", name="Keyboard shortcuts").click()
        assistance.get_by_role("checkbox").check()
        keys.press("Escape")
        page.locator("h1").click()
        keys.press("g")
        keys.press("e")
        expect(page.get_by_role("heading", level=1)).to_have_text("Executions")

        keys.press("/")
        search = page.get_by_role("combobox", name=re.compile("^Job, execution number"))
        expect(search).to_be_focused()
        keys.type("gam? /j")
        expect(search).to_have_value("gam? /j")  # in a field a key is a letter
        search.fill("a")
        for name in ("Alpha", "Gamma"):
            expect(page.get_by_role("option", name=name, exact=False).first).to_be_visible()
        chosen = page.get_by_role("listbox", name="Found").get_by_role("option", selected=True)
        search.fill("gamma")
        expect(chosen).to_contain_text("Gamma")
        assert violations(page) == []
        keys.press("ArrowDown")
        expect(chosen).to_contain_text("Run Gamma")
        keys.press("ArrowUp")
        keys.press("Enter")
        page.wait_for_url(f"**/admin/jobs/job/{jobs[2].pk}/")
        keys.press("r")
        expect(page.get_by_role("heading", level=1)).to_have_text("Run Gamma now?")
        keys.press("Enter")
        page.wait_for_url("**/admin/jobs/execution/*/change/")
        keys.press("Control+k")
        expect(search).to_be_focused()
        search.fill("nothing of that name")
        expect(page.get_by_text("Nothing fits “nothing of that name”.")).to_be_visible()
        keys.press("Escape")
        keys.press("n")
        page.wait_for_url(re.compile("/admin/jobs/(?!execution)"))


class TestFreshness:
    def test_is_told_in_words(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.vera).page
        routes: list[Any] = []
        is_cut = False

        def pass_on(route: Any) -> None:
            if is_cut:
                route.close()
                return
            route.connect_to_server()
            routes.append(route)

        page.route_web_socket("**/ws/live", pass_on)
        page.clock.install()
        page.goto("/admin/")
        words = page.locator("[data-live-words]")
        page.clock.run_for(1_000)
        expect(words).to_have_text("Live")
        is_cut = True
        routes[-1].close()
        page.clock.run_for(6_000)
        expect(words).to_have_text("Reconnecting")
        page.clock.run_for(30_000)
        expect(words).to_have_text("Offline: reads again every 10 s")
        assert violations(page) == []
        is_cut = False
        page.clock.run_for(40_000)
        expect(words).to_have_text("Live")
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(words).to_have_text("Paused (tab hidden)")


class TestNotices:
    def test_go_by_themselves_unless_they_matter(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.vera).page
        page.clock.install()
        page.goto("/admin/")
        region = page.get_by_role("region", name="Notices")
        for number in range(5):
            tell(page, f"Paused job {number}.", "success", "/admin/choose/zone/" if number == 0 else "")
        tell(page, "Nothing was done.", "error")
        expect(region.get_by_text("2 more")).to_be_visible()
        expect(region.get_by_role("button", name="Undo")).to_have_text("Undo 10 s")
        expect(page.get_by_role("alert")).to_contain_text("Nothing was done.")
        assert violations(page) == []
        page.keyboard.press("F8")
        expect(region).to_be_focused()
        page.clock.run_for(20_000)
        expect(region.get_by_text("Paused job 1.")).to_be_visible()  # it waits for who reads it
        page.locator("h1").click()
        page.clock.run_for(11_000)
        expect(region.get_by_text("Paused job")).to_have_count(0)
        expect(page.get_by_role("alert")).to_be_visible()
        region.get_by_role("button", name="Close").click()
        expect(page.get_by_role("alert")).to_have_count(0)
        tell(page, "Done.", "success", "/admin/choose/zone/")
        with page.expect_request("**/admin/choose/zone/") as sent:
            region.get_by_role("button", name="Undo").click()
        assert sent.value.method == "POST"
        expect(region).to_contain_text("is no time zone")  # it arrived, with a token that was accepted


class TestFailures:
    def test_are_told_in_their_place_with_a_way_on(self, cast: Cast, visit: SignIn) -> None:
        as_vera = visit(cast.vera)
        page = as_vera.open("/admin/")
        page.evaluate(
            """() => {
                const part = document.createElement('section');
                part.innerHTML = '<p>As it was</p>'
                    + '<button hx-get="/admin/open-letters/" hx-target="#part">Read</button>';
                part.id = 'part';
                document.getElementById('content').prepend(part);
                htmx.process(part);
            }"""
        )
        answers = [{"status": 500, "headers": {"X-Request-ID": "look-me-up"}, "body": "<html>…"}, None]

        def answer(route: Any) -> None:
            now = answers.pop(0)
            route.fulfill(**now) if now else route.fulfill(status=200, body="<p>New</p>")

        page.route("**/open-letters/", answer)
        part = page.locator("#part")
        part.get_by_role("button", name="Read").click()
        box = part.get_by_role("alert")
        expect(box).to_contain_text("Something went wrong on the server. Request look-me-up")
        expect(part).to_contain_text("As it was")
        assert violations(page) == []
        box.get_by_role("button", name="Retry").click()
        expect(part).to_have_text("New")
        expect(box).to_have_count(0)
        forgive(as_vera, "500 (Internal Server Error)", "Response Status Error Code 500")

    def test_of_a_session_keep_what_was_typed(self, cast: Cast, web: str, job_of: MakeJob, visit: SignIn) -> None:
        as_ana = visit(cast.ana)
        page = as_ana.open(f"/admin/jobs/job/{job_of().pk}/change/")
        name = page.locator("[name=name]").first
        name.fill("A long story")
        Session.objects.all().delete()
        page.evaluate("htmx.trigger('#nav-letters', 'letters')")
        dialog = page.get_by_role("dialog", name="Sign in again")
        expect(dialog).to_be_visible()
        assert violations(page) == []
        dialog.get_by_role("button", name="I have signed in").click()
        expect(dialog).to_contain_text("You are not signed in yet.")
        with page.context.expect_page() as opened:
            dialog.get_by_role("link", name="Sign in").click()
        entrance = opened.value
        entrance.get_by_label("Username").fill("ana")
        entrance.get_by_label("Password").fill("ana")
        entrance.get_by_role("button", name="Log in").click()
        expect(entrance.get_by_role("heading", level=1)).to_have_text("Signed in")
        expect(dialog).to_be_hidden(timeout=20_000)  # by itself: the other tab told
        expect(name).to_have_value("A long story")
        token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
        form = {"zone": "UTC", "csrfmiddlewaretoken": token}
        answer = page.context.request.post(f"{web}/admin/choose/zone/", form=form, max_redirects=0)
        assert answer.status == 302  # forms of the old page are good again
        forgive(as_ana, "401 (Unauthorized)", "Response Status Error Code 401", "HTTP Authentication failed")


class TestBar:
    def test_shows_times_in_the_zone_of_the_browser(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job_of()
        page = visit(cast.vera, timezone_id="Asia/Tokyo", permissions=["clipboard-write"]).open(JOBS)
        page.get_by_role("button", name=re.compile("^Time zone")).click()
        page.get_by_role("button", name="Mine Asia/Tokyo").click()
        expect(page.locator("#footer")).to_contain_text("Times are in Asia/Tokyo (JST)")
        page.locator("td time").first.click()
        card = page.get_by_role("dialog", name="Time")
        expect(card).to_contain_text("ISO 8601")
        card.get_by_role("button", name="Copy ISO").click()
        expect(page.get_by_role("region", name="Notices")).to_contain_text("Copied 2")

    def test_narrows_to_a_tenant_and_says_so(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job_of(name="Ours")
        job = job_of(cast.globex, name="Theirs")
        page = visit(cast.root).open(JOBS)
        page.get_by_role("button", name=re.compile("^Tenant")).click()
        page.get_by_role("button", name="Globex").click()
        expect(page.locator(".banner-info")).to_contain_text("Only Globex is shown.")
        expect(page.get_by_role("link", name="Theirs")).to_be_visible()
        expect(page.get_by_role("link", name="Ours")).to_have_count(0)
        assert violations(page) == []
        page.get_by_role("button", name="Show all tenants").click()
        expect(page.get_by_role("link", name="Ours")).to_be_visible()
        assert Job.objects.filter(pk=job.pk).exists()

    def test_keeps_the_focus_in_the_drawer_of_a_phone(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.vera, viewport=PHONE).open("/admin/")
        page.get_by_role("button", name="Menu").press("Enter")
        inside = "document.activeElement === document.body || Boolean(document.activeElement.closest('#console-nav'))"
        for _ in range(30):
            page.keyboard.press("Tab")
            assert page.evaluate(inside), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Menu")).to_be_focused()
        expect(page.get_by_role("link", name="Daybook")).to_be_enabled()

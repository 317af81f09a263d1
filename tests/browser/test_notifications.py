"""The notification centre: the bell, its panel, what pops up, and what other tabs and devices see of it."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, expect

from accounts.scopes import Scope
from jobs import registry
from notifications.inbox import marking, readers
from notifications.models import Preference
from tests.browser.conftest import PHONE, SignIn
from tests.browser.test_accessibility import NARROW, violations_in_both_schemes
from tests.cast import Cast, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.notifications.admin.inbox.conftest import Tell, told

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SETTINGS, INBOX = "/admin/notifications/settings/", "/admin/notifications/"
RUNS = "/admin/jobs/execution/"
TIMES = 20

__all__ = ["told"]


def is_live(page: Page) -> Page:
    expect(page.locator("html")).to_have_attribute("data-live-state", "live")
    return page


def counts(page: Page, unread: int) -> None:
    words = f"Notifications, {unread:,} unread" if unread else "Notifications, none unread"
    expect(page.locator("#bell .visually-hidden")).to_have_text(words)
    badge = page.locator("#bell [data-badge]")
    if unread:
        expect(badge).to_have_text("99+" if unread > 99 else str(unread))
    else:
        expect(badge).to_be_hidden()


def toasts(page: Page) -> list[str]:
    return page.locator("#toasts .toast:not(.toast-more) p").all_inner_texts()


class TestBadge:
    def test_counts_what_a_program_tells_within_a_second(
        self, cast: Cast, visit: SignIn, make_key: MakeKey, web: str
    ) -> None:
        """From the request of the program on; each is told, shown and counted."""
        _, key = make_key(Scope.NOTIFICATIONS_WRITE)
        page = is_live(visit(cast.ana).open(INBOX))
        program = page.context.browser.new_context(  # type: ignore[union-attr]
            base_url=web, extra_http_headers={"Authorization": f"Bearer {key}"}
        )
        page.evaluate(
            """() => new MutationObserver(() => { window.shown = { ...window.shown,
                [document.querySelector('[data-bell-words]').dataset.unread]: Date.now() }; })
                .observe(document.getElementById('bell'), { subtree: true, childList: true, attributes: true })"""
        )
        took = []
        for number in range(1, TIMES + 1):
            began = time.time()
            body = {"type": "note", "title": f"Number {number}", "severity": "info", "user": "ana"}
            answer = program.request.post("/api/v1/notifications", data=body)
            assert answer.status == 201, answer.text()
            page.wait_for_function("n => window.shown?.[n]", arg=str(number))
            took.append(page.evaluate("n => window.shown[n]", str(number)) / 1000 - began)
        program.close()
        p95 = sorted(took)[int(TIMES * 0.95) - 1]
        print(f"\ncreated by REST -> badge: {TIMES} times, p95 {p95 * 1000:.0f} ms, most {max(took) * 1000:.0f} ms")
        assert p95 < 1.0
        counts(page, TIMES)
        expect(page.locator("[data-inbox-news]")).to_have_text(f"{TIMES} new")


class TestPanel:
    def test_is_walked_by_keyboard(
        self, cast: Cast, told: Tell, run_of: RunJob, job_of: MakeJob, visit: SignIn
    ) -> None:
        run = run_of(job_of(), "failed")
        path = f"{RUNS}{run.pk}/change/"
        marking.read_one(readers.of_user(cast.ana), told("Works again", severity="success"))
        (
            told("Invoice export failed 6 times", meta={"path": path}, body="ValueError: no rows"),
            told("Late", severity="warning"),
        )
        page = is_live(visit(cast.ana).open(RUNS))
        keys, bell, panel = page.keyboard, page.locator("#bell"), page.locator("#notification-panel")
        bell.focus()
        keys.press("Enter")
        expect(panel).to_be_visible()
        expect(bell).to_have_attribute("aria-expanded", "true")
        expect(panel.get_by_role("heading", name="Notifications")).to_be_focused()
        expect(panel.locator("li")).to_have_count(3)
        assert violations_in_both_schemes(page) == []
        page.emulate_media(color_scheme="light")
        keys.press("Escape")
        expect(panel).to_be_hidden()
        expect(bell).to_be_focused()
        expect(bell).to_have_attribute("aria-expanded", "false")

        keys.press("Enter")
        for _ in range(2):
            keys.press("Tab")
        expect(panel.get_by_role("radio", name="All")).to_be_focused()
        keys.press("ArrowRight")
        expect(panel.locator("li")).to_have_count(2)
        keys.press("ArrowRight")
        expect(panel.locator("li b")).to_have_text(["Invoice export failed 6 times"])
        keys.press("ArrowRight")
        expect(panel.locator("li")).to_have_count(3)
        keys.press("Tab")
        expect(panel.get_by_role("link", name="Warning, unread: Late")).to_be_focused()
        keys.press("Tab")
        keys.press("Enter")
        expect(panel.get_by_role("link", name="Warning, unread: Late")).to_be_focused()  # its button is gone
        expect(panel.locator("li.is-unread")).to_have_count(1)
        counts(page, 1)
        page.get_by_role("link", name="Invoice export failed 6 times").click()
        expect(page).to_have_url(re.compile(f"{path}$"))
        counts(page, 0)

    def test_marks_all_as_read_clears_and_says_so(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        told("One"), told("Two", user_id=None)
        page = is_live(visit(cast.ana, viewport=PHONE).open(SETTINGS))
        page.locator("#bell").click()
        panel = page.locator("#notification-panel")
        expect(panel.locator("li.is-unread")).to_have_count(2)
        panel.get_by_role("button", name="Mark all read").click()
        expect(panel.locator("li")).to_have_count(2)
        expect(panel.locator("li.is-unread")).to_have_count(0)
        expect(panel.locator("[data-said]")).to_have_text("All marked as read.")
        counts(page, 0)
        told("Three")
        expect(panel.locator("li.is-unread")).to_have_count(1)  # it follows while it is open
        panel.get_by_role("button", name="Clear read").click()
        expect(panel.locator("li b")).to_have_text(["Three"])
        panel.get_by_label("Mark as read: Three").click()
        panel.get_by_role("button", name="Clear read").click()
        expect(panel).to_contain_text("Nothing yet. Failures of jobs you own land here.")
        assert violations_in_both_schemes(page) == []
        panel.get_by_role("button", name="Close").click()
        expect(page.locator("#bell")).to_be_focused()

    def test_fits_the_smallest_screens(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        told("A_title_without_any_place_to_break_it_" * 5, body="words " * 60, meta={"path": RUNS})
        page = is_live(visit(cast.ana, viewport=NARROW).open(INBOX))
        page.locator("#bell").click()
        expect(page.locator("#notification-panel li")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        box = page.locator("#notification-panel").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320


class TestReadState:
    def test_is_shared_between_tabs_and_devices(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        ids = [told(f"Number {number}") for number in range(3)]
        here, device = visit(cast.ana), visit(cast.ana)
        page, other = is_live(here.open(SETTINGS)), is_live(device.open(INBOX))
        tab = page.context.new_page()
        tab.goto(SETTINGS)
        for one in (page, tab, other):
            counts(one, 3)
        page.bring_to_front()
        page.locator("#bell").click()
        page.get_by_label("Mark as read: Number 0").click()
        for one in (page, tab, other):
            counts(one, 2)
        row = other.locator(f"#row-{ids[0]}")
        expect(row).not_to_have_class("is-unread")
        expect(row.get_by_text("Unread")).to_have_count(0)
        expect(other.locator("[data-unread-count]")).to_have_text("2")

        # By the socket alone, and by the other tabs of the browser alone.
        other.locator(f"#row-{ids[1]} [data-reads]").click()
        for one in (page, tab, other):
            counts(one, 1)
        cut = "document.dispatchEvent(new Event('pagehide')); window.dispatchEvent(new PageTransitionEvent('pagehide'))"
        tab.evaluate(cut)
        page.evaluate(cut)
        page.get_by_label("Mark as read: Number 2").click()
        counts(page, 0)
        counts(tab, 0)

    def test_loses_nothing_over_a_cut_and_over_pages(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        page = visit(cast.ana).page
        page.add_init_script(
            """window.heard = []; const Real = WebSocket;
            window.WebSocket = class extends Real { constructor(...all) { super(...all); window.socket = this;
                this.addEventListener('message', ({ data }) => { const told = JSON.parse(data);
                    if (told.type === 'ui.notification') window.heard.push(told.data.notification.title); }); } };"""
        )
        page.goto(SETTINGS)
        is_live(page)
        told("Before")
        expect(page.locator("#toasts")).to_contain_text("Before")
        page.evaluate("window.socket.close()")
        told("During"), told("A moment later")
        page.wait_for_function("() => window.heard.length === 3")
        assert page.evaluate("window.heard") == ["Before", "During", "A moment later"]
        counts(page, 3)
        # What comes between the drawing of a page and its subscription.
        page.add_init_script(
            """const later = setTimeout; window.setTimeout = (act, wait, ...all) => {
                if (wait === 300) { window.begin = act; return 0; } return later(act, wait, ...all); };"""
        )
        page.goto(SETTINGS)
        told("In between")
        page.wait_for_function("() => window.begin")
        page.evaluate("window.begin()")
        expect(page.locator("#toasts")).to_contain_text("In between")
        assert page.evaluate("window.heard") == ["In between"]
        counts(page, 4)

    def test_is_polled_while_the_connection_is_away(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        page = visit(cast.ana).page
        page.add_init_script(
            "window.WebSocket = class extends EventTarget { constructor() { super(); "
            "queueMicrotask(() => this.dispatchEvent(new CloseEvent('close', { code: 1006 }))); } close() {} };"
        )
        page.clock.install()
        page.goto(SETTINGS)
        told("Unheard")
        page.clock.run_for(6_000)
        expect(page.locator("html")).to_have_attribute("data-live-state", "reconnecting")
        counts(page, 1)


class TestToasts:
    def test_pop_up_as_far_as_somebody_wants_them(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        page = is_live(visit(cast.ana).open(SETTINGS))
        told("Good news", severity="success")
        first = told("First", meta={"path": RUNS}, group_key="g", many="First {count} times")
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("First")
        expect(alert.get_by_role("link", name="First")).to_have_attribute("href", re.compile(f"{RUNS}$"))
        told("First", meta={"path": RUNS}, group_key="g", many="First {count} times")
        expect(alert).to_contain_text("First 2 times")
        for number in range(14):
            told(f"Number {number}", severity="warning" if number % 2 else "error")
        expect(page.locator(".toast-more")).to_have_text("12 more")
        assert toasts(page) == ["Number 1", "First 2 times", "Number 0"]
        expect(page.locator("[role=alert]")).to_have_count(1)  # one sound in ten seconds
        assert page.locator("#toasts .toast[aria-live=off]").count() == 3
        assert violations_in_both_schemes(page) == []
        page.evaluate("document.activeElement.blur()")
        marking.read_one(readers.of_user(cast.ana), first)
        expect(page.locator("#toasts")).not_to_contain_text("First")  # read elsewhere
        marking.read_all(readers.of_user(cast.ana))
        expect(page.locator("#toasts .toast")).to_have_count(0)

    def test_do_not_for_what_is_looked_at_and_in_quiet_hours(
        self, cast: Cast, told: Tell, run_of: RunJob, job_of: MakeJob, visit: SignIn
    ) -> None:
        path = f"{RUNS}{run_of(job_of(), 'failed').pk}/change/"
        page = is_live(visit(cast.ana).open(path))
        told("Of this run", meta={"path": path})
        counts(page, 1)
        told("Of another", meta={"path": RUNS})
        counts(page, 2)
        assert toasts(page) == ["Of another"]
        page.locator("#bell").click()
        told("Seen in the panel")
        expect(page.locator("#notification-list")).to_contain_text("Seen in the panel")
        assert toasts(page) == ["Of another"]
        quiet = {"quiet_from": "00:00", "quiet_until": "23:59"}
        Preference.objects.create(user=cast.ana, **quiet)
        page.goto(SETTINGS)
        is_live(page)
        told("At night")
        counts(page, 4)
        assert toasts(page) == []

    def test_speak_up_once_in_ten_seconds(self, cast: Cast, visit: SignIn, told: Tell) -> None:
        page = visit(cast.ana).page
        page.clock.install()
        page.goto(SETTINGS)
        page.clock.run_for(400)
        is_live(page)
        said = page.locator("#toasts [data-said]")
        for number in range(5):
            told(f"Number {number}", severity="warning")
        expect(page.locator(".toast-more")).to_have_text("2 more")
        expect(said).to_have_text("")
        page.clock.run_for(10_000)
        expect(said).to_have_text("4 more notifications")


class TestDesktop:
    def test_shows_them_while_nobody_looks(self, cast: Cast, told: Tell, visit: SignIn, web: str) -> None:
        Preference.objects.create(user=cast.ana, on_desktop=True)
        page = visit(cast.ana, permissions=["notifications"]).page
        page.add_init_script(
            """window.notices = []; window.hides = false;
            window.Notification = class extends EventTarget { static permission = 'granted';
                constructor(title, options) { super(); window.notices.push([title, options.tag]); } close() {} };
            Object.defineProperty(document, 'hidden', { get: () => window.hides });"""
        )
        page.goto(SETTINGS)
        is_live(page)
        page.evaluate("window.hides = true; document.dispatchEvent(new Event('visibilitychange'))")
        expect(page.locator("html")).to_have_attribute("data-live-state", "paused")
        pk = told("While away")
        page.wait_for_function("() => window.notices.length")
        assert page.evaluate("window.notices") == [["While away", f"daybook-{pk}"]]
        page.evaluate("window.hides = false; document.dispatchEvent(new Event('visibilitychange'))")
        is_live(page)
        counts(page, 1)
        assert toasts(page) == []


class TestInbox:
    def test_is_worked_through_by_keys(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        for number in range(3):
            told(f"Number {number}", meta={"path": RUNS})
        page = is_live(visit(cast.ana).open("/admin/"))
        keys = page.keyboard
        keys.press("g")
        keys.press("n")
        expect(page).to_have_url(re.compile(f"{INBOX}$"))
        is_live(page)
        keys.press("j")
        keys.press("j")
        expect(page.get_by_role("link", name="Number 1")).to_be_focused()
        keys.press("x")
        keys.press("k")
        keys.press("x")
        expect(page.get_by_text("2 selected")).to_be_visible()
        page.get_by_role("button", name="Mark read", exact=True).click()
        counts(page, 1)
        expect(page.get_by_text("Marked 2 as read.")).to_be_visible()
        told("Meanwhile")
        expect(page.get_by_role("link", name="1 new")).to_be_visible()
        page.get_by_role("link", name="1 new").click()
        page.get_by_label("Select: Number 0").check()
        page.locator(".selection-actions").get_by_role("button", name="Clear").click()
        expect(page.get_by_role("link", name="Number 0")).to_have_count(0)
        expect(page.locator(".inbox-table tbody tr")).to_have_count(3)


class TestWithoutScripts:
    def test_the_inbox_is_a_plain_page(self, cast: Cast, told: Tell, visit: SignIn) -> None:
        told("One"), told("Two")
        page = visit(cast.ana, java_script_enabled=False).open(SETTINGS)
        page.locator("#bell").click()
        page.get_by_role("link", name="All notifications").click()
        page.get_by_label("Mark as read: One").click()
        counts(page, 1)
        page.locator("#bell").click()
        page.get_by_role("button", name="Mark all read").first.click()
        counts(page, 0)


class TestParts:
    def test_show_what_changed_before_they_were_subscribed(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        """Nothing else is read again."""
        job, other = job_of(name="Mine"), job_of(name="Other")
        page = visit(cast.ana).page
        page.add_init_script(
            """const later = setTimeout; window.setTimeout = (act, wait, ...all) => {
                if (wait === 300) { window.begin = act; return 0; } return later(act, wait, ...all); };"""
        )
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.headers.get("hx-request") else None)
        page.goto(f"/admin/jobs/job/{job.pk}/")
        before = len(asked)
        page.evaluate("window.begin()")
        is_live(page)
        registry.pause(other.pk, actor="user:olaf")
        assert asked[before:] == []
        page.goto(f"/admin/jobs/job/{job.pk}/")
        registry.pause(job.pk, actor="user:olaf", note="Until Tuesday")
        page.wait_for_function("() => window.begin")
        expect(page.get_by_text("Until Tuesday")).to_have_count(0)
        page.evaluate("window.begin()")
        expect(page.get_by_text("Until Tuesday").first).to_be_visible()

"""The page of an execution: a log that follows its run through cuts, fifty thousand lines, cancelling, the keyboard."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.urls import reverse
from playwright.sync_api import Page, WebSocketRoute, expect

from jobs import executions
from jobs.executions import Ending
from jobs.models import Execution
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import transactions
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.live import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LINES = """
INSERT INTO execution_log_lines (execution_id, sequence, attempt, logged_at, level, message)
SELECT %s, n, 1, clock_timestamp(), CASE WHEN n %% 50 = 0 THEN 'error' WHEN n %% 20 = 0 THEN 'warning' ELSE 'info' END,
       CASE WHEN n %% 7 = 0 THEN E'\\x1b[31mLine\\x1b[0m number ' ELSE 'Line number ' END || n || ' of the run'
FROM generate_series(%s::integer, %s::integer) n
"""
SHOWN = "[...document.querySelectorAll('#log-lines li[id]')].map(line => Number(line.id.slice(1)))"


def log(execution: Execution, first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LINES, [execution.pk, first, last])


def page_of(execution: Execution) -> str:
    return reverse("admin:jobs_execution_change", args=[execution.pk])


def end(execution: Execution, outcome: str = "failed") -> None:
    ending = Ending(AttemptOutcome(outcome), error="It broke.", error_class="ValueError", may_retry=False)
    with transactions.engine():
        executions.settle(
            ending, execution_id=execution.pk, fence=execution.fence, policy=execution.policies, tries=1, losses=0
        )


def shows_all(page: Page, last: int) -> None:
    """Each line from the first to `last` once, in order."""
    expect(page.locator(f"#L{last}")).to_be_attached(timeout=20_000)
    assert page.evaluate(SHOWN) == list(range(1, last + 1))


class TestLog:
    def test_goes_on_after_its_socket_was_cut(self, cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn) -> None:
        run = run_of(job_of(), "running")
        log(run, 1, 30)
        sockets: list[WebSocketRoute] = []
        is_away: list[bool] = []

        def relay(socket: WebSocketRoute) -> None:
            if is_away:
                socket.close()
                return
            sockets.append(socket)
            socket.connect_to_server()

        visitor = visit(cast.vera)
        visitor.page.route_web_socket(re.compile("/ws/live"), relay)
        page = visitor.open(page_of(run))
        footer = page.locator("#log-freshness")
        expect(footer).to_contain_text("Live: last line")
        log(run, 31, 60)
        shows_all(page, 60)
        expect(page.locator("#L35 .ansi-red")).to_have_text("Line")

        is_away.append(True)
        sockets[-1].close()
        expect(footer).to_contain_text("Reconnecting…, shows lines up to")
        log(run, 61, 700)
        is_away.clear()
        shows_all(page, 700)
        expect(footer).to_contain_text("Live: last line")

        # Scrolled up, new lines are announced and nothing moves; the button leads to them.
        page.locator("#log").focus()
        page.keyboard.press("Home")
        expect(page.locator("#log-follow")).to_have_attribute("aria-pressed", "false")
        log(run, 701, 714)
        button = page.get_by_role("button", name="14 new lines")
        expect(button).to_be_visible()
        assert page.evaluate("document.getElementById('log').scrollTop") == 0
        button.click()
        expect(page.locator("#log-follow")).to_have_attribute("aria-pressed", "true")
        expect(page.locator("#L714")).to_be_in_viewport()

        end(run)
        expect(page.locator("#execution-state")).to_have_text("Failed")
        expect(page.locator("#log-told")).to_have_text("Finished, failed, 714 lines")
        expect(footer).to_have_text("Finished, failed, 714 lines")
        shows_all(page, 714)

    def test_of_fifty_thousand_lines_is_read_searched_and_linked_to(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn
    ) -> None:
        run = run_of(job_of(), "succeeded")
        log(run, 1, 50_000)
        page = visit(cast.vera).open(page_of(run))
        page.locator("#log").scroll_into_view_if_needed()
        expect(page.locator("#L50000")).to_be_in_viewport()
        box, count = page.locator("#log"), "document.querySelectorAll('#log-lines li[id]').length"
        assert page.evaluate(count) == 200

        # Backwards by stretches.
        for _ in range(3):
            first = page.locator(".log-chunk").first.get_attribute("data-first")
            box.evaluate("log => { log.scrollTop = 0; }")
            expect(page.locator(".log-chunk").first).not_to_have_attribute("data-first", str(first), timeout=15_000)
        assert page.evaluate(SHOWN) == list(range(46_801, 50_001))

        search = page.get_by_role("searchbox", name="Search the log")
        search.fill("number 123")
        expect(page.locator("#log-matches")).to_have_text("1 of 111", timeout=15_000)
        expect(page.locator("#L123")).to_be_in_viewport(timeout=15_000)
        search.press("Enter")
        expect(page.locator("#log-matches")).to_have_text("2 of 111", timeout=15_000)
        search.press("Shift+Enter")
        search.press("Shift+Enter")
        expect(page.locator("#log-matches")).to_have_text("111 of 111", timeout=15_000)
        expect(page.locator("#L12399")).to_be_in_viewport(timeout=15_000)

        page.get_by_label("Levels").select_option("error")
        expect(page.locator("#L49950")).to_be_attached(timeout=15_000)
        assert set(page.evaluate(SHOWN)) <= set(range(50, 50_001, 50))
        page.goto("about:blank")
        page = visit(cast.vera).open(f"{page_of(run)}#L120-L140")
        expect(page.locator("#L120")).to_be_in_viewport(timeout=15_000)
        expect(page.locator("li.is-linked")).to_have_count(21)
        box = page.locator("#L130 > a").bounding_box()  # type: ignore[assignment]
        assert min(box["width"], box["height"]) >= 24  # type: ignore[index]
        page.locator("#L150 > a").click(modifiers=["Shift"])
        expect(page).to_have_url(re.compile("#L120-L150$"))


class TestActions:
    def test_are_reached_by_the_keyboard(self, cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn) -> None:
        """Edit and rerun from key to key: the run that comes of it names the old one, and the other way round."""
        run = run_of(job_of(name="Greet all", parameters={"text": "hello"}), "failed")
        page = visit(cast.olaf).open(page_of(run))
        names = []
        page.locator("#content-start").focus()
        for _ in range(24):
            page.keyboard.press("Tab")
            names.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        wanted = ["again-button", "edit-button", "More", "Copy failure report", "log-search-text", "log-level", "log"]
        assert [name for name in names if name in wanted] == wanted
        page.locator("#edit-button").press("Enter")
        text = page.get_by_label("Text")
        text.fill("good morning")
        expect(page.locator("#rerun-changes")).to_contain_text("good morning")
        expect(page.locator("#rerun-changes del")).to_have_text("hello")
        page.get_by_role("button", name="Run with these").press("Enter")
        expect(page.get_by_role("link", name=f"Repeats execution {run.pk}")).to_be_visible()
        new = Execution.objects.latest("id")
        assert (new.parent_id, new.parameters["text"]) == (run.pk, "good morning")
        page.get_by_role("link", name=f"Repeats execution {run.pk}").press("Enter")
        expect(page.get_by_role("link", name=f"Repeated as execution {new.pk}")).to_be_visible()

    def test_copy_a_report(self, cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn) -> None:
        run = run_of(job_of(name="Greet all", parameters={"token": "hunter2"}), "failed")
        page = visit(cast.vera, permissions=["clipboard-read", "clipboard-write"]).open(page_of(run))
        page.get_by_role("link", name="Copy failure report").click()
        expect(page.get_by_role("link", name="Copied")).to_be_visible()
        report = page.evaluate("navigator.clipboard.readText()")
        assert report.startswith("# Greet all: failed")
        assert "hunter2" not in report

    def test_keep_the_focus_while_the_page_refreshes(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn
    ) -> None:
        run = run_of(job_of())
        page = visit(cast.olaf).open(page_of(run))
        expect(page.locator("html")).to_have_attribute("data-live-state", "live")
        page.get_by_role("button", name="Cancel").focus()
        claim = executions.claim(run.pk, worker="worker@test", lease=timedelta(seconds=60))
        assert claim is not None
        expect(page.locator("#execution-state")).to_have_text("Running")
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()


class TestRun:
    def test_is_followed_to_its_end_and_another_is_cancelled(
        self, cast: Cast, job_of: MakeJob, visit: SignIn, tmp_path: Path
    ) -> None:
        """By a real worker: what it says, how it confirms, and the sign on the tab of a page that nobody looks at."""
        greet, sleep = job_of(name="Greet all"), job_of(name="Sleep", template="stuck", parameters={"how": "sleep"})
        page = visit(cast.olaf).open(f"/admin/jobs/job/{greet.pk}/")
        page.get_by_role("button", name="Run now").first.click()
        status = page.locator("#execution-state")
        expect(status).to_have_text("Queued")
        expect(page.locator(".why-waits")).to_contain_text("Why it waits.")
        with worker(tmp_path):
            expect(status).to_have_text("Succeeded", timeout=30_000)
            expect(page.get_by_role("log")).to_contain_text("Echoing hello")
            expect(page.get_by_role("heading", name="Result")).to_be_visible()
            expect(page.get_by_role("heading", name="Attempts")).to_be_visible()
            expect(page.locator("#execution-live")).not_to_have_attribute("data-live", re.compile("exec"))

            page.goto(f"{page.url.split('/admin')[0]}/admin/jobs/job/{sleep.pk}/")
            page.get_by_role("button", name="Run now").first.click()
            expect(status).to_have_text("Running", timeout=30_000)
            expect(page.locator("#log-freshness")).to_contain_text("worker heartbeat", timeout=10_000)
            page.evaluate("window.dispatchEvent(new Event('blur'))")
            page.get_by_role("button", name="Cancel").click()
            steps = page.locator(".cancel-steps li")
            expect(steps).to_contain_text(
                [f"Cancelling asked for by {cast.olaf.username}", re.compile("Worker confirmed .*UTC"), "Ended as"],
                timeout=20_000,
            )
            expect(status).to_have_text("Cancelled")

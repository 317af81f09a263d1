"""What only a browser shows of jobs and pipelines: nodes and parts that follow what happens, zoom, keyboard, folds."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from jobs import dependencies, registry
from tests.browser.conftest import PHONE, SignIn
from tests.cast import Cast
from tests.jobs.admin.conftest import job_url
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.jobs.dependencies.conftest import run

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TELL = """ids => {
  const detail = { type: "changed", topic: "tenant:acme", data: { jobs: ids } };
  document.dispatchEvent(new CustomEvent("live:message", { detail }));
  document.querySelectorAll("[data-live]").forEach((part) => htmx.trigger(part, "live"));
}"""  # as live.js does when the socket tells it


class TestGraph:
    def test_follows_its_jobs_and_is_walked_by_keyboard(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        extract, load = job_of(name="Extract", policies={"overlap": "allow"}), job_of(name="Load")
        dependencies.add(extract.pk, load.pk, {}, actor="user:ana")
        page = visit(cast.ana).open(reverse("admin:jobs_pipeline", args=[extract.pk]))
        node = page.locator(f"#node-{extract.pk}")
        expect(node).to_contain_text("Never ran")
        node.focus()
        page.keyboard.press("Tab")
        expect(page.locator(f"#node-{load.pk}")).to_be_focused()
        node.focus()
        run(extract)
        registry.pause(load.pk, actor="user:ana")
        page.evaluate(TELL, [extract.pk, load.pk])
        expect(node).to_contain_text("Queued")
        expect(page.locator(f"#node-{load.pk}")).to_contain_text("Paused")
        expect(node).to_be_focused()
        width = float(page.locator("#dag").get_attribute("width") or 0)
        page.get_by_role("button", name="Larger").press("Enter")
        expect(page.locator("#dag")).to_have_attribute("width", str(int(width * 1.25 + 0.5)))
        page.get_by_role("button", name="Smaller").click()
        page.get_by_role("button", name="Fit").click()
        node.press("Enter")
        expect(page).to_have_url(re.compile(job_url(extract)))

    def test_gives_way_to_the_table_on_a_phone(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        extract, load = job_of(name="Extract"), job_of(name="Load")
        dependencies.add(extract.pk, load.pk, {}, actor="user:ana")
        page = visit(cast.ana, viewport=PHONE).open(reverse("admin:jobs_pipeline", args=[extract.pk]))
        expect(page.get_by_role("heading", name="Jobs in their order")).to_be_visible()
        expect(page.locator("#dag")).to_be_hidden()
        page.get_by_role("link", name="Graph").click()
        expect(page.locator("#dag")).to_be_visible()


class TestJob:
    def test_reads_its_parts_again_and_keeps_folds_and_focus(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn
    ) -> None:
        job = job_of(policies={"overlap": "allow"})
        run_of(job, "succeeded")
        page = visit(cast.ana).open(job_url(job))
        page.get_by_text("As a table").click()
        table = page.locator("#history-table tbody tr")
        expect(table).to_have_count(1)
        page.locator("#pause-button").focus()
        execution = run_of(job, "failed")
        page.evaluate(TELL, [job.pk])
        expect(table).to_have_count(2)
        expect(table.first).to_be_visible()
        expect(page.locator("#pause-button")).to_be_focused()
        expect(page.locator(".htmx-request")).to_have_count(0)  # live.js waits for that
        registry.pause(job.pk, actor="user:olaf", note="New disks")
        page.evaluate(TELL, [job.pk])
        expect(page.locator("#job-head")).to_contain_text("New disks")
        expect(page.get_by_role("link", name="Resume")).to_be_visible()
        page.locator(".history-chart g[data-place]").last.click()
        expect(page).to_have_url(re.compile(f"/execution/{execution.pk}/"))

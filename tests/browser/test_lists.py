"""The lists of jobs and executions in a browser: views, selections, switches, and rows that follow what happens."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from jobs import registry
from jobs.models import BulkChange, Execution, Job, SavedView
from scheduler_project.lib import sql
from tests.browser.conftest import DESKTOP, PHONE, SignIn
from tests.browser.test_accessibility import faults, violations
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

JOBS, EXECUTIONS = "/admin/jobs/job/", "/admin/jobs/execution/"


def message(page: Page, **data: list[int]) -> None:
    """What the socket would bring; that it brings it is shown by test_live."""
    page.evaluate(
        "data => document.dispatchEvent(new CustomEvent('live:message', {detail: {type: 'changed', data}}))", data
    )


def test_jobs_are_found_kept_as_a_view_changed_and_undone(
    cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn
) -> None:
    blue = [job_of(name=f"Blue {number}", tags=["blue"]) for number in range(3)]
    run_of(blue[0], "failed")
    job_of(name="Green")
    as_ana = visit(cast.ana)
    page = as_ana.open(JOBS)
    page.get_by_label("Tag", exact=True).select_option("blue")
    expect(page).to_have_url(re.compile(r"\?tag=blue$"))
    expect(page.locator(".row-check")).to_have_count(3)
    page.get_by_role("button", name="Save view").click()
    page.get_by_label("Name").fill("All that is blue")
    page.locator("#view-save").get_by_label("Open the list with it").check()
    assert violations(page) == []
    page.locator("#view-save").get_by_role("button", name="Save view").click()
    expect(page.get_by_role("link", name="All that is blue")).to_have_attribute("aria-current", "page")
    page.goto(f"{as_ana.web}{JOBS}")
    expect(page.locator(".row-check")).to_have_count(3)
    assert SavedView.objects.get().is_default
    # the whole page, then one less
    bar = page.get_by_role("region", name="Selected jobs")
    expect(bar).to_be_hidden()
    page.get_by_label("Select all on this page").check()
    page.get_by_label("Select Blue 1").uncheck()
    expect(bar.get_by_text("2 selected")).to_be_visible()
    assert violations(page) == []
    bar.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused 2 jobs.").wait_for()
    assert Job.objects.exclude(paused_at=None).count() == 2
    page.get_by_role("button", name="Undo").click()
    notice = page.get_by_text("Undone: 2 jobs as before.")
    notice.wait_for()
    # what is said of one change does not cover the buttons of the next
    page.get_by_label("Select Blue 0").check()
    page.set_viewport_size({"width": DESKTOP["width"], "height": 480})
    said, buttons = notice.bounding_box(), bar.bounding_box()
    assert said is not None
    assert buttons is not None
    assert said["y"] + said["height"] < buttons["y"]
    page.set_viewport_size(DESKTOP)
    page.get_by_label("Select Blue 0").uncheck()
    assert not Job.objects.exclude(paused_at=None).exists()
    # the menu of a row, by the keyboard
    page.get_by_role("link", name="Blue 2", exact=True).focus()
    page.keyboard.press(".")
    menu = page.locator(".row-menu:popover-open")
    expect(menu.get_by_role("button", name="Pause")).to_be_focused()
    at, of = menu.bounding_box(), page.get_by_label("More about Blue 2").bounding_box()
    assert at is not None
    assert of is not None
    assert abs(at["y"] - of["y"] - of["height"]) < 20 or abs(at["y"] + at["height"] - of["y"]) < 20
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)


def test_a_switch_turns_at_once_and_back_when_it_is_refused(cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
    job, gone = job_of(name="Turned"), job_of(name="Gone")
    as_ana = visit(cast.ana)
    page = as_ana.open(JOBS)
    switch = page.get_by_role("switch", name="Turned is enabled")
    switch.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page.locator(f"#job-{job.pk}").get_by_text("Disabled")).to_be_visible()
    assert not Job.objects.get(pk=job.pk).is_enabled
    expect(switch).to_be_focused()
    registry.archive(gone.pk, actor="user:olaf")
    page.get_by_role("switch", name="Gone is enabled").click()
    page.get_by_text("Gone is archived and does not change any more.").wait_for()
    expect(page.get_by_role("switch", name="Gone is enabled")).to_have_attribute("aria-checked", "true")
    as_ana.complaints = [text for text in as_ana.complaints if "409" not in text]


def test_rows_follow_what_happens_and_stay_where_they_are(
    cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn
) -> None:
    job = job_of(name="Beta")
    first = run_of(job, "running")
    page = visit(cast.ana).open(f"{JOBS}?sort=name")
    page.get_by_label("Select Beta").check()
    registry.change(job.pk, {"name": "Zeta"}, actor="user:ana")
    job_of(name="Alpha")
    message(page, jobs=[job.pk, job.pk + 1])
    expect(page.get_by_role("link", name="Zeta")).to_be_visible()
    expect(page.get_by_label("Select Zeta")).to_be_checked()
    expect(page.locator("[data-order-news]")).to_contain_text("1 update")
    expect(page.get_by_role("link", name="Alpha")).to_have_count(0)
    page.get_by_role("link", name="Refresh the order").click()
    expect(page.locator(".row-link")).to_have_text(["Alpha", "Zeta"])

    page = visit(cast.ana).open(f"{EXECUTIONS}?trigger=manual")
    row = page.locator(f"#execution-{first.pk}")
    clock = row.locator("[data-elapsed]")
    before = clock.text_content()
    expect(clock).not_to_have_text(before or "")
    Execution.objects.filter(pk=first.pk).update(status="succeeded", finished_at=sql.now())
    fresh = [run_of(job).pk for _ in range(2)]
    foreign = run_of(job_of(cast.globex))
    message(page, executions=[first.pk, *fresh, foreign.pk])
    expect(row.get_by_text("Succeeded")).to_be_visible()
    expect(page.locator(f"#execution-{fresh[0]}")).to_have_count(0)
    page.get_by_role("button", name="2 new").click()
    expect(page.locator(".row-link").first).to_be_focused()
    expect(page.locator(".row-link")).to_have_text([str(fresh[1]), str(fresh[0]), str(first.pk)])


@pytest.mark.long
def test_every_state_is_sound(cast: Cast, job_of: MakeJob, run_of: RunJob, visit: SignIn) -> None:
    job = job_of(name="A name that goes on and on until it does not fit into any column at all", tags=["a" * 50])
    run_of(job, "failed"), run_of(job, "running")
    results = [{"id": job.pk, "status": "refused", "why": "It is archived."}]
    change = BulkChange.objects.create(
        owner=cast.ana, page="jobs", action="pause", rows=[job.pk], taken=1, results=results, finished_at=sql.now()
    )
    paths = [
        f"{JOBS}?tag={'a' * 50}&q=name",
        f"{JOBS}?q=nothing",
        f"{EXECUTIONS}?since=2020-01-01T00:00&zone=Europe/Berlin&status=failed",
        f"{EXECUTIONS}?status=dead&when=24h",
        reverse("admin:jobs_job_change_of_many", args=[change.pk]),
    ]
    for viewport, scheme in ((DESKTOP, "light"), (PHONE, "dark"), ({"width": 320, "height": 640}, "light")):
        as_ana = visit(cast.ana, viewport=viewport, scheme=scheme)
        assert [fault for path in paths for fault in faults(as_ana, path)] == []
        page = as_ana.open(f"{JOBS}?view=all")
        page.locator(".row-check").check()
        assert violations(page) == []
        page.get_by_role("button", name="Add tags").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Add tags to 1 job?")
        assert violations(page) == []

"""Dead letters with a mouse: a group is replayed, one is edited, others are discarded; every page is sound."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from jobs import dead_letters, registry
from jobs.models import DeadLetter, Execution, Job
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import faults_of_all, in_both_sizes
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob
from tests.jobs.dead_letters.conftest import ONCE, bury, end, sweep

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LETTERS = "/admin/jobs/deadletter/"
LONG = "The connection to warehouse-12.eu-central.internal:5432 was refused while order 4711 of 9000 was written. " * 3


def of(name: str, *ids: object) -> str:
    return reverse(f"admin:jobs_{name}", args=ids)


@pytest.fixture
def job(job_of: MakeJob) -> Job:
    return job_of(name="Invoices to the warehouse (full reload)", policies=ONCE)


@pytest.mark.long
@in_both_sizes
def test_the_pages_are_sound(viewport: Any, cast: Cast, job: Job, job_of: MakeJob, visit: SignIn) -> None:
    letters = [bury(job, error=LONG, error_class="psycopg.errors.ConnectionFailure") for _ in range(12)]
    known = bury(job, error="Known.", error_class="shop.errors.UnknownCustomer")
    dead_letters.discard(known.pk, actor="user:ana", note="The customer left us in spring; nobody waits for it.")
    halted = dead_letters.start(letters[0].pk, actor="user:olaf")
    sweep()
    end(
        Execution.objects.get(trigger="replay").pk, "failed", error=LONG, error_class="psycopg.errors.ConnectionFailure"
    )
    sweep()
    sweep()
    other = bury(job_of(name="Other", policies=ONCE))
    running = dead_letters.start(other.pk, actor="user:olaf")
    waiting = registry.run_now(job_of(name="Waiting", policies={"retry_base_seconds": 300}), actor="user:ana")
    end(waiting, error=LONG)
    last = letters[-1]
    paths = [
        *(LETTERS, f"{LETTERS}?state=discarded", f"{LETTERS}?state=resolved", f"{LETTERS}?job={job.pk}"),
        *(of("deadletter_group", last.pk), of("deadletter_change", last.pk), of("deadletter_change", known.pk)),
        *(of("deadletter_edit", last.pk), "/admin/jobs/deadletterreplay/"),
        *(of("deadletterreplay_change", halted.pk), of("deadletterreplay_change", running.pk)),
        *(of("execution_change", waiting), of("execution_change", last.execution_id), "/admin/jobs/execution/"),
    ]
    assert faults_of_all(visit(cast.root, viewport=viewport, reduced_motion="reduce"), paths) == []


def test_a_group_is_replayed_and_followed(cast: Cast, visit: SignIn, job: Job) -> None:
    for number in range(2):
        bury(job, error=f"Order {number} is gone.", error_class="OrderGone")
    page = visit(cast.olaf).open(LETTERS)
    page.get_by_role("link", name="OrderGone").click()
    page.get_by_role("button", name="Replay 2 in stages").click()
    expect(page.get_by_text("Started with 2 letters.")).to_be_visible()
    expect(page.get_by_text("Stage 1 of 2.")).to_be_visible()
    for _ in range(2):
        sweep()
        end(Execution.objects.get(trigger="replay", status="queued").pk, "succeeded")
    sweep()
    page.evaluate("window.htmx.trigger('#replay-live', 'live')")
    expect(page.locator("#replay-live").get_by_role("status")).to_have_text("Done")
    expect(page.get_by_text("2 of 2").first).to_be_visible()


def test_a_letter_is_replayed_with_other_parameters(cast: Cast, visit: SignIn, job: Job) -> None:
    letter = bury(job)
    page = visit(cast.olaf).open(of("deadletter_change", letter.pk))
    page.get_by_role("link", name="Edit and replay").click()
    page.get_by_label("Text").fill("mended")
    page.get_by_role("button", name="Replay with these").click()
    expect(page.get_by_text(f"Queued. This is the replay of execution {letter.execution_id}.")).to_be_visible()
    assert Execution.objects.get(trigger="replay").parameters["text"] == "mended"


def test_a_letter_is_discarded_and_opened_again(cast: Cast, visit: SignIn, job: Job) -> None:
    letter = bury(job)
    page = visit(cast.olaf).open(of("deadletter_change", letter.pk))
    page.get_by_label("Why nothing more is to be done").fill("Known since spring.")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Known since spring.")).to_be_visible()
    page.get_by_role("button", name="Open it again").click()
    expect(page.get_by_text("It is open again.")).to_be_visible()
    assert DeadLetter.objects.get(pk=letter.pk).state == "open"


def test_a_waiting_retry_is_given_up(cast: Cast, visit: SignIn, job_of: MakeJob) -> None:
    waiting = registry.run_now(job_of(policies={"retry_base_seconds": 300}), actor="user:ana")
    end(waiting)
    page = visit(cast.olaf).open(of("execution_change", waiting))
    page.get_by_role("button", name="Give up").click()
    expect(page.get_by_text("Given up. It lies with the dead letters.")).to_be_visible()
    page.locator("#more-actions > summary").click()
    page.locator("#more-actions").get_by_role("link", name="Dead letter", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Dead letter")

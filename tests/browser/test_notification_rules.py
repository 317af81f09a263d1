"""The editor of a rule as people use it: the preview follows what is entered."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from notifications.models import Rule
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_preview_follows_what_is_entered(cast: Cast, visit: SignIn, job_of: MakeJob, run_of: RunJob) -> None:
    job = job_of(name="Invoices", tags=["night"], owner="ana")
    for _ in range(3):
        run_of(job, "failed")
    page = visit(cast.ana).open(reverse("admin:notification_rule_add"))
    preview = page.locator("#rule-preview")
    expect(preview).to_contain_text("To: The owner")
    expect(preview.get_by_role("row", name="ana")).to_contain_text("1")
    page.get_by_label("Tag").fill("night")
    expect(preview).to_contain_text("Jobs with the tag night")
    page.get_by_label("Only when it changes").uncheck()
    expect(preview.get_by_role("row", name="ana")).to_contain_text("3")
    page.get_by_label("Failures in a row").fill("0")
    expect(preview).to_contain_text("In row: Write a whole number from 1 to 100.")
    page.get_by_label("Failures in a row").fill("2")
    expect(preview.get_by_role("link", name="Invoices failed").first).to_be_visible()
    page.get_by_label("Name").fill("Nights")
    page.get_by_role("button", name="Create rule").click()
    expect(page.get_by_role("link", name="Nights")).to_be_visible()
    assert Rule.objects.get().in_row == 2

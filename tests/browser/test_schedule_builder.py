"""The schedule's fields in the browser: the builder, the expression and the panel stay at one."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from jobs.models import Job
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def mode(page: Page, name: str) -> None:
    page.get_by_label(name, exact=True).check()


class TestBuilder:
    def test_and_the_expression_follow_each_other(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "0 9 * * mon-fri", "timezone": "Europe/Berlin"})
        crowd = [job_of(schedule={"kind": "cron", "cron": "30 7 * * *", "timezone": "Europe/Berlin"}) for _ in range(2)]
        as_ana = visit(cast.ana)
        page = as_ana.open(reverse("admin:jobs_job_change", args=[job.pk]))
        sentence, composed = page.locator("#schedule-sentence"), page.locator("#cron-composed")
        cron, current = page.locator("#id_cron"), page.locator("#cron-cells li.is-current")
        expect(page.get_by_label("Weekly", exact=True)).to_be_checked()
        expect(composed).to_have_text("0 9 * * mon-fri")

        # The builder leads: what it means stands there, and in the expression once that is looked at.
        page.get_by_label("Fri", exact=True).uncheck()
        expect(sentence).to_contain_text("Monday to Thursday")
        expect(composed).to_have_text("0 9 * * 1-4")
        mode(page, "Expression")
        expect(cron).to_have_value("0 9 * * 1-4")

        # The expression leads: the builder follows where it can say the same.
        cron.fill("30 7 1,15 * *")
        expect(sentence).to_contain_text("days 1 and 15 of the month")
        mode(page, "Monthly")
        expect(page.get_by_label("Days", exact=False).last).to_have_value("1, 15")
        mode(page, "Expression")

        # The field under the caret is marked, and each cell leads to its field.
        cron.fill("*/20 9-17 13 * fri")
        expect(current).to_contain_text("day of week")
        page.locator("#cron-cells li").nth(1).click()
        expect(current).to_contain_text("hour")
        assert page.evaluate("getSelection().toString()") == "9-17"
        expect(sentence).to_contain_text("Which days are meant?")
        page.get_by_text("Either is enough").locator("xpath=../..").get_by_role("button").click()
        expect(sentence).to_contain_text("and also on Friday")

        cron.fill("0 0 9 * * mon-fri")
        expect(sentence).to_contain_text("seconds and years are not supported")
        cron.fill("61 9 * * *")
        expect(page.locator("#cron-cells li.is-wrong")).to_contain_text("61 is outside 0 to 59")

        # A proposal of the panel comes back as the mode that it was made in.
        cron.fill("30 7 * * *")
        expect(sentence).to_contain_text("At 07:30")
        mode(page, "Daily")
        expect(page.get_by_label("At", exact=True)).to_have_value("07:30")
        page.get_by_role("button", name="Use 07:31").click()
        expect(page.get_by_label("At", exact=True)).to_have_value("07:31")
        expect(page.get_by_label("Daily", exact=True)).to_be_checked()
        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(job.name)
        assert Job.objects.get(pk=job.pk).schedule.cron == "31 7 * * *"
        assert len(crowd) == 2

    def test_shows_only_what_the_mode_needs(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        page = visit(cast.ana).open(reverse("admin:jobs_job_change", args=[job_of().pk]))
        names = ("cron", "every", "at", "at_minutes", "weekdays", "month_days", "time_of_day", "timezone")
        for name, shown in (
            ("Every …", {"every", "timezone"}),
            ("Hourly", {"at_minutes", "timezone"}),
            ("Daily", {"time_of_day", "timezone"}),
            ("Weekly", {"weekdays", "time_of_day", "timezone"}),
            ("Monthly", {"month_days", "time_of_day", "timezone"}),
            ("Once", {"at", "timezone"}),
            ("Expression", {"cron", "timezone"}),
            ("Manual only", set[str]()),
        ):
            mode(page, name)
            assert {one for one in names if page.locator(f"[name={one}]").first.is_visible()} == shown, name
        expect(page.locator("#schedule-sentence")).to_have_text("Only by hand")

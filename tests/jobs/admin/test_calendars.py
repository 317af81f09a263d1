"""Calendars in the admin: the list, the form that says what is wrong at the field, the removal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from jobs import calendars
from jobs.models import Calendar, Job
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, edit_url, job_url
from tests.jobs.api.conftest import MakeJob, untouched

LIST, ADD = "/admin/jobs/calendar/", "/admin/jobs/calendar/add/"


def entered(*blackouts: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": "Berlin office",
        "timezone": "Europe/Berlin",
        "weekdays": ["0", "1"],
        "holidays": "2026-12-25 Christmas Day\n\n2026-12-26 Boxing Day",
        "blackouts-TOTAL_FORMS": str(len(blackouts)),
        "blackouts-INITIAL_FORMS": "0",
        "_save": "",
    }
    for position, (name, starts_at, ends_at) in enumerate(blackouts):
        row = f"blackouts-{position}"
        data |= {f"{row}-name": name, f"{row}-starts_at": starts_at, f"{row}-ends_at": ends_at}
    return {**data, **more}


@pytest.fixture
def office(cast: Cast) -> Calendar:
    blackout = {"name": "Freeze", "starts_at": "2026-12-23T16:00:00Z", "ends_at": "2026-12-27T23:00:00Z"}
    data = {"name": "Office", "timezone": "Europe/Berlin", "weekdays": [0, 1, 2, 3, 4], "blackouts": [blackout]}
    return calendars.create(data, tenant=cast.acme, actor="user:ana")


def change_url(calendar: Calendar) -> str:
    return reverse("admin:jobs_calendar_change", args=[calendar.pk])


def errors(response: Any) -> dict[str, str]:
    return {str(label): message for _, label, message in response.context["errors"]}


class TestForm:
    def test_makes_a_calendar(self, as_ana: Browser, cast: Cast) -> None:
        freeze = ("Freeze", "2026-12-23T17:00", "2026-12-28T00:00")
        response = as_ana.post(ADD, entered(freeze, ("", "", "")))
        made = Calendar.objects.get()
        assert response.headers["Location"] == change_url(made)
        assert (made.slug, made.tenant, made.weekdays, made.updated_by) == (
            "berlin-office",
            cast.acme,
            [0, 1],
            "user:ana",
        )
        assert made.holidays == {"2026-12-25": "Christmas Day", "2026-12-26": "Boxing Day"}
        assert made.blackouts.get().starts_at == datetime(2026, 12, 23, 16, tzinfo=UTC)

    def test_shows_what_is_stored_and_saves_it_unchanged(self, as_ana: Browser, office: Calendar) -> None:
        context = as_ana.get(change_url(office)).context
        data: dict[str, Any] = {"_save": ""}
        for form in (context["form"], context["rows"].management_form, *context["rows"]):
            for bound in form:
                value = bound.value()
                if value not in (None, False):
                    data[bound.html_name] = value.isoformat() if isinstance(value, datetime) else value
        with_blackout = data | {"blackouts-1-name": ""}
        assert as_ana.post(change_url(office), with_blackout).status_code == 302
        after = Calendar.objects.get()
        assert (after.weekdays, after.timezone) == ([0, 1, 2, 3, 4], "Europe/Berlin")
        assert after.blackouts.get().ends_at == datetime(2026, 12, 27, 23, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("change", "label", "says"),
        [
            ({"name": ""}, "Name", "Write a name"),
            ({"timezone": "Mars"}, "Time zone", "IANA"),
            ({"holidays": "2026-12-25 Fine\n\n2026-02-30 Never"}, "Holidays", "Line 3: Write a date"),
            ({"holidays": "2026-12-25"}, "Holidays", "Line 1: Write a name"),
            ({"slug": "Not Good"}, "Short name", "lower-case"),
            ({"weekdays": ["9"]}, "Working days", "Select a valid choice"),
        ],
    )
    def test_says_what_is_wrong_at_the_field(
        self, as_ana: Browser, change: dict[str, Any], label: str, says: str
    ) -> None:
        with untouched():
            response = as_ana.post(ADD, entered(**change))
        assert says in errors(response)[label]

    @pytest.mark.parametrize(
        ("blackout", "label", "says"),
        [
            (("", "2026-12-23T17:00", "2026-12-28T00:00"), "Name", "Fill this in"),
            (("Freeze", "", "2026-12-28T00:00"), "From", "Fill this in"),
            (("Freeze", "2026-12-28T00:00", "2026-12-28T00:00"), "Until", "later than its start"),
            (("Freeze", "soon", "2026-12-28T00:00"), "From", "Write a date and a time"),
            (("Freeze", "2026-03-29T02:30", "2026-12-28T00:00"), "From", "clocks of Europe/Berlin leave this time out"),
        ],
    )
    def test_says_what_is_wrong_with_a_blackout(
        self, as_ana: Browser, blackout: tuple[str, str, str], label: str, says: str
    ) -> None:
        with untouched():
            response = as_ana.post(ADD, entered(("Fine", "2026-01-01T00:00", "2026-01-02T00:00"), blackout))
        assert says in errors(response)[label]
        assert response.context["rows"][1].errors

    def test_gets_more_rows_and_keeps_what_was_entered(self, as_ana: Browser) -> None:
        data = entered(("Freeze", "2026-12-23T17:00", ""), _more="", name="")
        response = as_ana.post(ADD, data)
        assert len(response.context["rows"].forms) == 3
        assert response.context["errors"] == []
        assert 'value="Freeze"' in response.content.decode()

    def test_removes_a_blackout(self, as_ana: Browser, office: Calendar) -> None:
        freeze = ("Freeze", "2026-12-23T17:00", "2026-12-28T00:00")
        as_ana.post(change_url(office), entered(freeze, **{"blackouts-0-remove": "on"}))
        assert not Calendar.objects.get().blackouts.exists()

    def test_refuses_a_lost_update(self, as_ana: Browser, office: Calendar) -> None:
        seen = office.updated_at.isoformat()
        calendars.change(office.pk, {"weekdays": [0]}, actor="user:bob")
        response = as_ana.post(change_url(office), entered(expected_updated_at=seen))
        assert "user:bob has changed Office" in errors(response)[""]

    @pytest.mark.parametrize("total", ["", "x", "99999999999", "-1"])
    @pytest.mark.parametrize("button", ["_save", "_more"])
    def test_bears_a_tampered_count_of_rows(self, as_ana: Browser, total: str, button: str) -> None:
        with untouched():
            response = as_ana.post(ADD, {**entered(name=""), "blackouts-TOTAL_FORMS": total, button: ""})
        assert response.status_code == 200


class TestAccess:
    def test_follows_role_and_tenant(
        self, office: Calendar, as_vera: Browser, as_olaf: Browser, as_gita: Browser
    ) -> None:
        assert "Saturday, Sunday; 1 blackout" in as_vera.text(LIST)
        assert "Office" not in as_gita.text(LIST)
        for browser in (as_vera, as_olaf):
            assert "_save" not in browser.text(change_url(office))
            assert browser.post(change_url(office), entered()).status_code == 403
            assert browser.get(ADD).status_code == 403
            assert browser.post(f"{LIST}{office.pk}/remove/").status_code == 403
        assert as_gita.get(change_url(office)).status_code == 403
        assert as_gita.post(f"{LIST}{office.pk}/remove/").status_code == 403


class TestRemove:
    def test_names_the_jobs_that_keep_it(self, office: Calendar, job_of: MakeJob, as_ana: Browser) -> None:
        job_of(name="Invoices", calendars=["office"])
        assert "Invoices" in as_ana.text(f"{LIST}{office.pk}/remove/")
        response: Any = as_ana.post(f"{LIST}{office.pk}/remove/")
        assert "Invoices" in as_ana.told(response)[0]
        assert Calendar.objects.exists()

    def test_asks_and_then_does_it(self, office: Calendar, as_ana: Browser) -> None:
        assert "No job names it" in as_ana.text(f"{LIST}{office.pk}/remove/")
        response: Any = as_ana.post(f"{LIST}{office.pk}/remove/")
        assert as_ana.told(response) == ["Removed Office."]
        assert not Calendar.objects.exists()


class TestJob:
    def test_is_given_calendars_and_a_limit_of_failures(
        self, office: Calendar, job_of: MakeJob, as_ana: Browser
    ) -> None:
        from tests.jobs.admin.test_job_form import edited

        job = job_of()
        as_ana.post(edit_url(job), edited(job, calendars=["office"], pause_after_failures="5"))
        job.refresh_from_db()
        assert (job.calendars, job.policies.pause_after_failures) == (["office"], 5)
        Job.objects.filter(pk=job.pk).update(failures_in_row=2)
        page = as_ana.text(job_url(job))
        assert f'<a href="{change_url(office)}">Office</a>' in page
        assert "5 failed in a row" in page
        assert '<dd class="text-bad">2</dd>' in page
        as_ana.post(edit_url(job), edited(Job.objects.get(), calendars=[], pause_after_failures=""))
        job.refresh_from_db()
        assert (job.calendars, job.policies.pause_after_failures) == ([], None)

    def test_sees_what_they_skip_before_it_is_saved(self, office: Calendar, as_ana: Browser) -> None:
        query = {"kind": "cron", "cron": "0 9 * * sat", "timezone": "Europe/Berlin", "calendars": "office"}
        page = as_ana.text("/admin/jobs/job/form/schedule/", **query)
        assert "skipped: Saturday is no working day (Office)" in page
        assert "skipped:" not in as_ana.text("/admin/jobs/job/form/schedule/", **{**query, "calendars": []})

    def test_is_not_offered_those_of_other_tenants(
        self, office: Calendar, job_of: MakeJob, cast: Cast, as_gita: Browser
    ) -> None:
        assert "Calendars</legend>" not in as_gita.text(edit_url(job_of(cast.globex)))

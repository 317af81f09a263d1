"""A person's settings: what the form shows, keeps and refuses."""

from __future__ import annotations

import re
from datetime import time

from notifications.models import Preference
from notifications.rulebook import preferences
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob

SETTINGS = "/admin/notifications/settings/"
ENTERED = {
    "toasts_from": "error",
    "on_desktop": "on",
    "quiet_from": "22:00",
    "quiet_until": "07:30",
    "zone": "Asia/Tokyo",
}


def as_shown(browser: Browser) -> dict[str, list[str]]:
    """What the page sends along of how things stood when it was shown."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(
        r'type="hidden" name="(initial-[a-z_]+)"(?: value="([^"]*)")?', browser.text(SETTINGS)
    ):
        found.setdefault(name, []).append(value)
    return found


class TestSettings:
    def test_show_the_defaults_until_somebody_says_otherwise(self, cast: Cast, as_ana: Browser) -> None:
        page = as_ana.text(SETTINGS)
        assert '<option value="warning" selected>Warning and graver</option>' in page
        assert "You have muted no job." in page
        assert not Preference.objects.exists()

    def test_are_kept(self, cast: Cast, job_of: MakeJob, as_ana: Browser, as_vera: Browser) -> None:
        one, two = job_of(name="One"), job_of(name="Two")
        preferences.mute(cast.ana, one.pk, actor="user:ana", is_muted=True)
        as_ana.post(SETTINGS, {**as_shown(as_ana), **ENTERED, "muted_jobs": [one.pk], "mute": two.slug})
        answer = as_ana.post(SETTINGS, {**as_shown(as_ana), **ENTERED, "muted_jobs": [one.pk, two.pk]})
        assert as_ana.told(answer) == ["Your settings are saved."]
        row = Preference.objects.get(user=cast.ana)
        assert (row.toasts_from, row.on_desktop, row.zone) == ("error", True, "Asia/Tokyo")
        assert (row.quiet_from, row.quiet_until) == (time(22), time(7, 30))
        assert row.muted_jobs == [one.pk, two.pk]
        as_ana.post(SETTINGS, {**as_shown(as_ana), "toasts_from": "info", "muted_jobs": [two.pk]})
        row.refresh_from_db()
        assert (row.toasts_from, row.on_desktop, row.quiet_from, row.muted_jobs) == ("info", False, None, [two.pk])
        assert 'value="warning" selected' in as_vera.text(SETTINGS)  # everybody has their own

    def test_undo_nothing_that_happened_since_the_page_was_shown(
        self, cast: Cast, job_of: MakeJob, as_ana: Browser
    ) -> None:
        jobs = {name: job_of(name=name).pk for name in ("Kept", "Freed", "Freed elsewhere", "New")}
        for name in ("Kept", "Freed", "Freed elsewhere"):
            preferences.mute(cast.ana, jobs[name], actor="user:ana", is_muted=True)
        shown = as_shown(as_ana)
        preferences.mute(cast.ana, jobs["New"], actor="user:ana", is_muted=True)
        preferences.mute(cast.ana, jobs["Freed elsewhere"], actor="user:ana", is_muted=False)
        quiet = {"from": "20:00", "until": "06:00"}
        preferences.change(cast.ana, {"quiet_hours": quiet, "zone": "Asia/Tokyo"}, actor="user:ana")
        left = {"toasts_from": "warning", "zone": "UTC", "muted_jobs": [jobs["Kept"], jobs["Freed elsewhere"]]}
        answer = as_ana.post(SETTINGS, {**shown, **left, "on_desktop": "on"})
        assert as_ana.told(answer) == ["Your settings are saved."]
        found = preferences.of_user(cast.ana.pk)
        assert (found.muted_jobs, found.on_desktop, found.zone) == ((jobs["Kept"], jobs["New"]), True, "Asia/Tokyo")
        assert found.to_json()["quiet_hours"] == {"from": "20:00", "until": "06:00"}

    def test_say_at_each_field_what_is_wrong_and_keep_nothing(
        self, cast: Cast, job_of: MakeJob, as_ana: Browser
    ) -> None:
        theirs = job_of(cast.globex, name="Theirs")
        entered = {**ENTERED, "quiet_until": "", "zone": "Mars/Olympus", "mute": theirs.slug, "toasts_from": "odd"}
        page = as_ana.post(SETTINGS, entered).content.decode()
        assert "Not saved" in page
        assert '<a href="#id_mute">Mute another job: There is no such job that you can see.</a>' in page
        assert "Select a valid choice" in page
        page = as_ana.post(SETTINGS, {**entered, "mute": "", "toasts_from": "info"}).content.decode()
        assert '<a href="#id_quiet_until">Quiet until: Write a time of day, such as 22:00.</a>' in page
        assert '<a href="#id_zone">Time zone: There is no time zone Mars/Olympus' in page
        assert not Preference.objects.filter(toasts_from="info").exists()
        assert 'value="22:00"' in page  # what was entered stays

    def test_name_jobs_by_their_numbers_once_they_are_out_of_sight(
        self, cast: Cast, job_of: MakeJob, as_ana: Browser
    ) -> None:
        job = job_of(cast.globex, name="Theirs")
        Preference.objects.create(user=cast.ana, muted_jobs=[job.pk])
        page = as_ana.text(SETTINGS)
        assert f"Job {job.pk}" in page
        assert "Theirs" not in page

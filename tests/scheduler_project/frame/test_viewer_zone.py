"""The zone that a viewer chooses for all times of the console."""

from __future__ import annotations

from scheduler_project.lib.viewer_zone import COOKIE
from tests.jobs.admin.conftest import JOBS, Browser, job_url
from tests.jobs.api.conftest import MakeJob

CHOOSE = "/admin/choose/zone/"


class TestZone:
    def test_shows_every_time_in_it_and_says_so(self, job_of: MakeJob, as_vera: Browser) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "0 2 1 1 *", "timezone": "UTC"})
        assert "Times are in UTC" in as_vera.text(JOBS)
        as_vera.post(CHOOSE, {"zone": "Asia/Tokyo", "next": JOBS})
        page = as_vera.text(job_url(job))
        assert "Times are in Asia/Tokyo (JST)" in page
        assert "11:00 JST" in page or "11:00:00 JST" in page
        assert "T02:00:00+00:00" in page  # the attribute stays exact

    def test_refuses_what_is_no_zone(self, as_vera: Browser) -> None:
        for zone in ("Mars/Olympus", "../../etc/passwd", "x" * 10_000, ""):
            response = as_vera.post(CHOOSE, {"zone": zone, "next": JOBS})
            assert COOKIE not in as_vera.cookies
            assert "is no time zone" in as_vera.told(response)[0]

    def test_ignores_a_cookie_that_means_nothing(self, as_vera: Browser) -> None:
        as_vera.cookies[COOKIE] = "Mars/Olympus"
        assert "Times are in UTC" in as_vera.text(JOBS)

    def test_leads_back_within_the_site(self, as_vera: Browser) -> None:
        for wanted, led in ((JOBS, JOBS), ("https://evil.example/", "/admin/"), ("//evil.example", "/admin/")):
            assert as_vera.post(CHOOSE, {"zone": "UTC", "next": wanted}).headers["Location"] == led

    def test_names_all_there_are(self, as_vera: Browser) -> None:
        assert '<option value="Europe/Berlin">' in as_vera.text("/admin/choose/zones/")

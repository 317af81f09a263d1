"""Maintenance and pauses with an end in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jobs import maintenance
from jobs.models import Maintenance
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import JOBS, Browser, job_url
from tests.jobs.api.conftest import MakeJob, untouched

LIST = "/admin/jobs/maintenance/"


def start(browser: Browser, **data: Any) -> Any:
    return browser.post(f"{LIST}start/", {"note": "New disks", "until": "", **data})


def end(browser: Browser) -> Any:
    return browser.post(f"{LIST}end/")


class TestMaintenance:
    def test_is_told_on_every_page_while_it_is_open(self, job_of: MakeJob, as_root: Browser, as_vera: Browser) -> None:
        assert as_root.told(start(as_root, until="2099-01-01T00:00")) == ["All jobs are held back."]
        for path in ("/admin/", JOBS, job_url(job_of()), LIST):
            page = as_vera.text(path)
            assert "New disks" in page, path
            assert "user:root holds all jobs back" in page, path
            assert "2099, 00:00:00" in page, path
        assert "skipped: maintenance by user:root, New disks" in as_vera.text(job_url(job_of()))
        assert as_root.told(end(as_root)) == ["Maintenance is over; jobs run again."]
        assert "holds all jobs back" not in as_vera.text("/admin/")

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            ({"note": ""}, "Say why"),
            ({"until": "2020-01-01T00:00"}, "Lies in the past"),
            ({"until": "soon"}, "Write a date"),
        ],
    )
    def test_says_what_is_wrong_at_the_field(self, as_root: Browser, data: dict[str, str], says: str) -> None:
        with untouched():
            response = start(as_root, **data)
        assert response.status_code == 200
        assert says in response.content.decode()

    def test_is_started_and_ended_once(self, as_root: Browser) -> None:
        as_root.told(start(as_root))
        assert "under maintenance already" in as_root.told(start(as_root, note="More"))[0]
        as_root.told(end(as_root))
        assert "nothing to end" in as_root.told(end(as_root))[0]
        assert Maintenance.objects.count() == 1

    def test_is_switched_by_superusers_only(self, cast: Cast, as_ana: Browser) -> None:
        maintenance.start(actor="user:root", note="x")
        page = as_ana.text(LIST)
        assert "End maintenance" not in page
        with untouched():
            assert start(as_ana).status_code == 403
            assert as_ana.post(f"{LIST}end/").status_code == 403
            assert as_ana.get(f"{LIST}end/").status_code == 405


class TestPauseUntil:
    def test_is_shown_at_the_job(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        until = (sql.now() + timedelta(days=2)).replace(second=0, microsecond=0)
        as_ana.do(job, "pause", note="upgrade", until=f"{until:%Y-%m-%dT%H:%M}")
        job.refresh_from_db()
        assert (job.paused_until, job.pause_note) == (until, "upgrade")
        assert f"{until:%H:%M:%S} UTC" in as_ana.text(job_url(job))

    @pytest.mark.parametrize(("until", "says"), [("2020-01-01T00:00", "Lies in the past"), ("soon", "Write a date")])
    def test_in_the_past_is_refused(self, job_of: MakeJob, as_ana: Browser, until: str, says: str) -> None:
        job = job_of()
        with untouched():
            response = as_ana.do(job, "pause", until=until)
        assert says in as_ana.told(response)[0]

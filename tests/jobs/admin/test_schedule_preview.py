"""The panel that says when a job would run, while its schedule is being written."""

from __future__ import annotations

import re

import pytest

from templates_registry.models import TemplateVersion
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob

PREVIEW = "/admin/jobs/job/form/schedule/"


def times(page: str) -> list[str]:
    return re.findall(r'<time datetime="([^"]+)"', page)


class TestPreview:
    def test_says_the_schedule_and_the_next_five_runs(self, as_ana: Browser) -> None:
        page = as_ana.text(PREVIEW, kind="cron", cron="0 9 * * mon-fri", timezone="Europe/Berlin")
        assert "At 09:00, on Monday to Friday (Europe/Berlin)" in page
        assert len(times(page)) == 5
        assert "CE" in page  # CET or CEST, by season
        assert re.search(r"in \d+ (h|d|min)", page)

    def test_is_only_the_fragment(self, as_ana: Browser) -> None:
        assert "<html" not in as_ana.text(PREVIEW, kind="manual")

    @pytest.mark.parametrize(
        ("schedule", "expected"),
        [
            ({"kind": "interval", "every": "15", "every_unit": "min"}, "96 runs in the next 24 hours"),
            ({"kind": "manual"}, "Only by hand"),
            ({"kind": "once", "at": "2040-01-01T10:00"}, "Once on 1 January 2040 at 10:00"),
            ({"kind": "once", "at": "2020-01-01T10:00"}, "Nothing is due any more"),
            ({"kind": "cron", "cron": "0 0 30 2 *"}, "never run"),
            ({"kind": "cron", "cron": "0 9 13 * fri"}, "More about the schedule"),
            ({"kind": "cron", "cron": "0 9 13 * fri", "day_match": "all"}, "if that is Friday"),
            ({"kind": "cron", "cron": "* * * *"}, "preview-problem"),
            ({"kind": "cron", "cron": ""}, "preview-problem"),
            ({"kind": "cron", "cron": "0 9 * * *", "timezone": "Berlin"}, "Did you mean Europe/Berlin?"),
            ({"kind": "once", "at": "2027-03-28T02:30", "timezone": "Europe/Berlin"}, "leave this time out"),
            ({"kind": "once", "at": "tomorrow"}, "Write a date and a time"),
            ({"kind": "interval", "every": "-3"}, "preview-problem"),
            ({"kind": "interval", "every": "1e300"}, "preview-problem"),
            ({"kind": "cron", "cron": "0 0-99999999 * * *"}, "preview-problem"),
            ({"kind": "<b>"}, "preview-problem"),
            ({}, "preview-problem"),
        ],
    )
    def test_tells_what_is_right_and_what_is_wrong(
        self, schedule: dict[str, str], expected: str, as_ana: Browser
    ) -> None:
        assert expected in as_ana.text(PREVIEW, **schedule)

    def test_tells_what_happens_when_the_clocks_change(self, as_ana: Browser) -> None:
        page = as_ana.text(PREVIEW, kind="cron", cron="30 2 * * *", timezone="America/New_York")
        assert "The clocks of America/New_York leave out" in page

    def test_knows_the_shortest_interval_of_the_template(self, echo: TemplateVersion, as_ana: Browser) -> None:
        slow = TemplateVersion.objects.get(name="failing")
        every = {"kind": "interval", "every": "5", "every_unit": "s"}
        assert "preview-problem" not in as_ana.text(PREVIEW, template=echo.pk, **every)
        assert "preview-problem" in as_ana.text(PREVIEW, template=slow.pk, **every)

    def test_counts_an_interval_from_the_anchor_of_the_job(self, job_of: MakeJob, as_ana: Browser) -> None:
        anchor = "2026-01-01T00:07:00Z"
        job = job_of(schedule={"kind": "interval", "every_seconds": 3600, "anchor": anchor})
        page = as_ana.text(PREVIEW, job=job.pk, kind="interval", every="1", every_unit="h")
        assert all(":07:00+00:00" in time for time in times(page))

    def test_is_for_authors(self, as_olaf: Browser) -> None:
        assert as_olaf.get(PREVIEW, {"kind": "manual"}).status_code == 403


class TestCrowd:
    def test_names_a_free_minute_beside_other_jobs(self, as_ana: Browser, job_of: MakeJob) -> None:
        nightly = {"kind": "cron", "cron": "0 2 * * *", "timezone": "Europe/Berlin"}
        job = job_of(schedule=nightly)
        assert "02:01 is free" in as_ana.text(PREVIEW, **nightly)
        assert "is free" not in as_ana.text(PREVIEW, **nightly, job=str(job.pk))

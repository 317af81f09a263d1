"""The schedule's page: what happened, what comes, crowded minutes, the calendar, a day, the load and its error."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from jobs import calendars, registry
from jobs.models import ExecutionTotal, ForecastHour, Job
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.agendas import tick_of
from tests.jobs.api.conftest import MakeJob
from tests.jobs.backfills import HOURLY, hours_ago

pytestmark = pytest.mark.django_db

PAGE = "admin:jobs_forecasthour_changelist"
VIEWS: tuple[dict[str, str], ...] = (
    {},
    {"as": "table"},
    {"range": "7d"},
    {"view": "calendar"},
    {"view": "list"},
    {"view": "load"},
)


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_is_reached_from_the_navigation(as_vera: Browser) -> None:
    assert reverse(PAGE) in as_vera.text(reverse("admin:index"))


class TestNothing:
    def test_has_something_to_say_of_it(self, as_vera: Browser) -> None:
        for query in VIEWS:
            assert "Nothing is scheduled" in as_vera.text(reverse(PAGE), **query)

    def test_is_said_of_filters_that_fit_nothing(self, as_vera: Browser, job_of: MakeJob) -> None:
        job_of(schedule=HOURLY)
        for query in VIEWS:
            text = as_vera.text(reverse(PAGE), **query, queue="<nothing>")
            assert "Nothing is scheduled" not in text
            assert "&lt;nothing&gt;" in text

    @pytest.mark.parametrize("day", ["", "yesterday", "0001-01-01", "9999-12-31", "2026-02-30", "2199-12-31"])
    def test_comes_of_days_that_are_none(self, day: str, as_vera: Browser, job_of: MakeJob) -> None:
        job_of(schedule=HOURLY)
        for view in ("calendar", "list"):
            assert "Schedule" in as_vera.text(reverse(PAGE), view=view, day=day, page="0", range="x")


class TestForecast:
    def test_shows_the_past_and_the_future_of_each_job(self, as_ana: Browser, job_of: MakeJob) -> None:
        job = job_of(name="Hourly", schedule=HOURLY)
        tick_of(job, hours_ago(1), status="succeeded")
        tick_of(job, hours_ago(2), status="failed")
        tick_of(job, hours_ago(3), "missed", reason="misfire_window")
        registry.pause(job_of(name="Resting", schedule=HOURLY).pk, actor="user:ana", note="new disks")
        dense = job_of(
            name="Dense", schedule={"kind": "interval", "every_seconds": 60, "anchor": "2026-01-01T00:00:00Z"}
        )
        page = as_ana.text(reverse(PAGE))
        assert re.search(r'aria-label="1 ran, 1 failed, 1 missed, 2[45] to come"', page)
        assert re.search(r'aria-label="2[45] will be held back"', page)
        assert "more than 500 to come" in page
        for shape in ("mark-ran", "mark-failed", "mark-missed", "mark-due", "mark-held", "band part-due", "now"):
            assert f'class="{shape}"' in page
        assert reverse("admin:jobs_job_page", args=[dense.pk]) in page
        table = words(as_ana.text(reverse(PAGE), **{"as": "table"}))
        assert "1 ran, 1 failed, 1 missed" in table
        assert "over 500" in table
        assert 'data-live="tenants"' in page

    def test_answers_a_fragment_alone(self, as_ana: Browser, job_of: MakeJob) -> None:
        job_of(schedule=HOURLY)
        page = as_ana.get(reverse(PAGE), headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in page
        assert page.lstrip().startswith('<div id="schedule-live"')

    def test_marks_changes_and_blackouts(self, as_ana: Browser, job_of: MakeJob) -> None:
        now = sql.now()
        window = {"name": "Freeze", "starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=5)).isoformat()}
        calendars.create({"name": "Office", "blackouts": [window]}, tenant=job_of().tenant, actor="user:ana")
        job = job_of(name="Careful", schedule=HOURLY, calendars=["office"])
        registry.change(job.pk, {"description": "new"}, actor="user:ana")
        page = as_ana.text(reverse(PAGE), q="Careful")
        assert 'class="mark-change"' in page
        assert "<title>Freeze</title>" in page
        assert re.search(r'aria-label="\d+ to come, 5 will be held back"', page)
        assert "Freeze" in as_ana.text(reverse(PAGE), view="calendar")

    def test_narrows_and_says_so_in_the_address(self, as_vera: Browser, job_of: MakeJob) -> None:
        job_of(name="Mail job", schedule=HOURLY, queue="mail", tags=["post"])
        job_of(name="Other job", schedule=HOURLY)
        for query in ({"queue": "mail"}, {"tag": "post"}, {"q": "Mail"}):
            page = as_vera.text(reverse(PAGE), **query)
            assert "Mail job" in page
            assert "Other job" not in page
            assert re.search("2[45] runs to come", page)
        assert "queue=mail" in as_vera.text(reverse(PAGE), queue="mail", range="7d")

    def test_pages_through_many_jobs(self, as_vera: Browser, job_of: MakeJob) -> None:
        first = Job.objects.get(pk=job_of(schedule=HOURLY).pk)
        copies = [
            Job(**{**_copied(first), "slug": f"copy-{number}", "name": f"Copy {number:03}"}) for number in range(90)
        ]
        Job.objects.bulk_create(copies)
        page = as_vera.text(reverse(PAGE))
        assert page.count('class="agenda-row"') == 25
        assert "Page 1 of 4, 91 jobs" in page
        assert as_vera.text(reverse(PAGE), page="4").count('class="agenda-row"') == 16

    def test_shows_jobs_of_the_own_tenant(self, as_gita: Browser, cast: Cast, job_of: MakeJob) -> None:
        tick_of(job_of(name="Ours", schedule=HOURLY), hours_ago(1), status="succeeded")
        job_of(cast.globex, name="Theirs", schedule=HOURLY)
        for query in VIEWS:
            page = as_gita.text(reverse(PAGE), **query)
            assert "Ours" not in page
            assert "1 ran" not in page
        assert "Theirs" in as_gita.text(reverse(PAGE))


class TestCrowds:
    def test_name_free_minutes_and_a_way_out_for_each_job(
        self, as_ana: Browser, as_olaf: Browser, job_of: MakeJob
    ) -> None:
        nightly = {"kind": "cron", "cron": "0 2 * * *", "timezone": "UTC"}
        jobs = [job_of(name=name, schedule=nightly) for name in ("A", "B", "C")]
        every = {"kind": "interval", "every_seconds": 86400, "anchor": "2026-01-01T02:00:00Z"}
        late = job_of(name="D", schedule=every)
        job_of(name="Each minute", schedule={"kind": "cron", "cron": "* * * * *"})
        page = as_ana.text(reverse(PAGE))
        assert "4 jobs start" in page
        assert f"{reverse('admin:jobs_job_change', args=[jobs[1].pk])}?cron=1%202%20%2A%20%2A%20%2A" in page
        assert f"{reverse('admin:jobs_job_change', args=[jobs[2].pk])}?cron=2%202%20%2A%20%2A%20%2A" in page
        assert f"{reverse('admin:jobs_job_change', args=[late.pk])}?spread=300" in page
        assert "?cron=" not in as_olaf.text(reverse(PAGE))

    def test_lead_to_the_form_with_the_proposal_filled_in(self, as_ana: Browser, job_of: MakeJob) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "0 2 * * *"})
        page = as_ana.text(reverse("admin:jobs_job_change", args=[job.pk]), cron="7 2 * * *")
        assert "Proposed, not saved yet" in page
        assert 'value="02:07"' in page
        assert Job.objects.get(pk=job.pk).schedule.cron == "0 2 * * *"
        assert "Proposed" not in as_ana.text(reverse("admin:jobs_job_change", args=[job.pk]))

    def test_are_none_where_nobody_meets(self, as_ana: Browser, job_of: MakeJob) -> None:
        job_of(schedule=HOURLY)
        registry.pause(job_of(schedule=HOURLY).pk, actor="user:ana", note="")
        assert "No two jobs start in the same minute." in as_ana.text(reverse(PAGE))


class TestCalendar:
    def test_counts_each_day_in_the_zone_of_the_viewer(self, as_ana: Browser, job_of: MakeJob) -> None:
        job = job_of(schedule={"kind": "cron", "cron": "30 23 * * *", "timezone": "UTC"})
        tick_of(job, datetime(2026, 2, 3, 23, 30, tzinfo=UTC), "missed", reason="misfire_window")
        ago = as_ana.text(reverse(PAGE), view="calendar", day="2026-02-10")
        assert "February 2026" in ago
        assert "1 missed" in words(_day_of(ago, "2026-02-03"))
        as_ana.cookies["daybook_zone"] = "Asia/Tokyo"
        assert "1 missed" in words(_day_of(as_ana.text(reverse(PAGE), view="calendar", day="2026-02-10"), "2026-02-04"))
        del as_ana.cookies["daybook_zone"]
        following = (sql.now().replace(day=28) + timedelta(days=40)).strftime("%Y-%m-15")
        assert "1 to come" in words(_day_of(as_ana.text(reverse(PAGE), view="calendar", day=following), following))

    def test_leads_to_the_day_with_what_happened_and_what_comes(self, as_ana: Browser, job_of: MakeJob) -> None:
        job = job_of(name="Hourly", schedule=HOURLY)
        tick = tick_of(job, sql.now().replace(minute=0, second=0, microsecond=0), status="failed")
        page = as_ana.text(reverse(PAGE), view="list")
        assert reverse("admin:jobs_execution_change", args=[tick.execution_id]) in page
        assert "Failed" in page
        far = as_ana.text(reverse(PAGE), view="list", day="2027-03-01")
        assert far.count('class="to-come"') == 24


class TestLoad:
    def test_counts_work_where_durations_are_known(self, as_vera: Browser, job_of: MakeJob) -> None:
        job_of(schedule=HOURLY)
        assert "nobody knows how long" in as_vera.text(reverse(PAGE), view="load")
        ExecutionTotal.objects.create(template="echo", kind="succeeded", count=1, seconds=90)
        text = as_vera.text(reverse(PAGE), view="load")
        assert text.count('class="bar-load"') == 25
        assert "of work" in text
        assert "At most 1 run at the same time" in text

    def test_shows_the_error_with_counts_only_to_who_sees_all(
        self, as_root: Browser, as_vera: Browser, job_of: MakeJob
    ) -> None:
        job_of()
        for queue in ("default", "secret"):
            ForecastHour.objects.create(hour=hours_ago(1), queue=queue, ticks=7, seconds=9, made_at=hours_ago(2))
        everything, own = as_root.text(reverse(PAGE), view="load"), as_vera.text(reverse(PAGE), view="load")
        assert "7 forecast, 0 ran" in everything
        assert "secret" in everything
        assert "7 forecast" not in own
        assert "secret" not in own
        assert "all too much" in own


def _copied(job: Job) -> dict[str, object]:
    names = ("tenant_id", "template_id", "spec", "policy", "queue", "next_tick_at")
    return {name: getattr(job, name) for name in names}


def _day_of(page: str, day: str) -> str:
    start = page.index(f'id="day-{day}"')
    return page[start : page.index("</td>", start)]

"""The dashboard: its figures, what it says needs a person, its parts, and what it says when there is nothing yet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from jobs import registry, runtime_flags, scheduler_events
from jobs.admin.dashboard import panels
from jobs.models import CircuitEvent, DeadLetter, ExecutionLease, Job, RunHour, SchedulerLease, Worker
from jobs.recovery import projections
from jobs.scheduler_events import Event
from jobs.tick.leader import NAME
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn
from tests.jobs.api.conftest import MakeJob, RunJob

DASHBOARD = "/admin/"


def tiles(browser: Browser) -> dict[str, str]:
    return {tile.name: tile.value for tile in first(browser)["tiles"]}


def first(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = browser.get(DASHBOARD).context["first"]
    return found


def lines(browser: Browser) -> dict[str, Any]:
    return {line.what: line for line in first(browser)["lines"]}


def part(browser: Browser, name: str, **query: Any) -> str:
    return browser.text(reverse("admin:dashboard_part", args=[name]), **query)


@pytest.fixture
def leads(db: None) -> SchedulerLease:
    now = sql.now()
    return SchedulerLease.objects.update_or_create(
        name=NAME,
        defaults={
            "holder": "host:1:abc", "epoch": 3, "acquired_at": now, "ticked_at": now,
            "expires_at": now + timedelta(seconds=60),
        },
    )[0]  # fmt: skip


@pytest.fixture
def works(db: None) -> Worker:
    now = sql.now()
    return Worker.objects.create(
        name="worker@host", hostname="host", pid=1, queues=["default"], started_at=now, heartbeat_at=now
    )


class TestTop:
    @pytest.mark.django_db(transaction=True)
    def test_counts_what_the_viewer_may_see(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, leads: SchedulerLease, as_vera: Browser, as_root: Browser
    ) -> None:
        job = job_of()
        run_of(job, "failed"), run_of(job, "succeeded"), run_of(job, "running"), run_of(job)
        run_of(job_of(cast.globex), "failed")
        missed = Event("tick_missed", "2 ticks missed.", count=2, tenant_id=cast.acme.pk, job_id=job.pk)
        scheduler_events.record([missed])
        projections.sweep()
        assert tiles(as_vera) == {
            "succeeded": "1", "failed": "1", "running": "1", "deviations": "2", "letters": "1", "scheduler": "Leads",
        }  # fmt: skip
        theirs = tiles(as_root)
        assert (theirs["failed"], theirs["letters"]) == ("2", "2")
        page = as_vera.text(DASHBOARD)
        assert "1 queued" in page
        assert "2 missed" in page

    def test_compares_with_the_same_stretch_of_the_day_before(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        run_of(job_of(), "succeeded")
        hour = sql.now().replace(minute=0, second=0, microsecond=0)
        for back, count in ((1, 5), (30, 3), (60, 100)):
            RunHour.objects.create(
                tenant_id=cast.acme.pk, hour=hour - timedelta(hours=back), status="failed", count=count
            )
        found = {tile.name: tile for tile in first(as_vera)["tiles"]}
        assert (found["failed"].value, found["failed"].hint) == ("5", "+2 on the day before")

    def test_of_what_runs_shows_progress_and_what_takes_longer_than_usual(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of(name="Import")
        for _ in range(3):
            run_of(job, "succeeded")
        now = timezone.now()
        slow, steady = run_of(job, "running"), run_of(job_of(name="Reader"), "running")
        ExecutionLease.objects.filter(pk=slow.pk).update(acquired_at=now - timedelta(minutes=12))
        told = {"done": 42, "total": 100, "text": "Page 42", "first_done": 0}
        told |= {"at": now.timestamp(), "first_at": (now - timedelta(seconds=60)).timestamp()}
        ExecutionLease.objects.filter(pk=steady.pk).update(progress=told, acquired_at=now - timedelta(minutes=1))
        page = as_vera.text(DASHBOARD)
        assert "Slower than usual" in page
        assert "42 %, Page 42" in page
        assert "ends in 1 min" in page
        assert "Import is slower than usual" in lines(as_vera)

    def test_says_so_when_all_is_well(
        self, job_of: MakeJob, run_of: RunJob, leads: SchedulerLease, works: Worker, as_vera: Browser
    ) -> None:
        run_of(job_of(), "succeeded")
        page = as_vera.text(DASHBOARD)
        assert "Everything runs as it should." in page
        assert "Nothing needs you." in page


class TestAttention:
    def test_tells_each_trouble_with_the_place_to_act(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser, as_root: Browser
    ) -> None:
        failing, broken, late = job_of(name="Failing"), job_of(name="Broken"), job_of(name="Late")
        run_of(failing, "failed"), run_of(failing, "failed")
        Job.objects.filter(pk=broken.pk).update(problem="The schedule cannot be evaluated.", next_tick_at=None)
        forgotten, fresh = job_of(name="Forgotten"), job_of(name="Fresh")
        for job in (forgotten, fresh):
            registry.pause(job.pk, actor="user:ana", note="Until Tuesday")
        now = sql.now()
        Job.objects.filter(pk=forgotten.pk).update(paused_at=now - timedelta(days=8))
        told = Event("tick_late", "Late.", count=3, tenant_id=cast.acme.pk, job_id=late.pk)
        scheduler_events.record([told])
        silent = now - timedelta(hours=1)
        Worker.objects.create(name="gone@host", hostname="host", pid=1, started_at=silent, heartbeat_at=silent)
        CircuitEvent.objects.create(circuit="smtp.example.com", before="closed", after="open", why="5 failures")
        found = lines(as_vera)
        assert found["No scheduler leads"].url.endswith("/settings/#health")
        newest = DeadLetter.objects.latest("pk")
        assert found["Failing failed 2 times"].url == reverse("admin:jobs_deadletter_group", args=[newest.pk])
        assert (found["Failing failed 2 times"].detail, found["Failing failed 2 times"].mark) == ("It broke.", "New")
        assert found["Broken cannot run"].detail == "The schedule cannot be evaluated."
        assert "By ana since" in found["Forgotten is still paused"].detail
        assert found["Late was late 3 times"].url == f"/admin/jobs/tick/?job={late.pk}&outcome=late"
        assert "Worker gone@host is silent" in found
        assert not [what for what in found if "Fresh" in what or "smtp" in what]
        assert [line.tone for line in found.values()] == sorted([line.tone for line in found.values()])
        assert "Nobody calls smtp.example.com" in lines(as_root)

    def test_leaves_out_other_tenants(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_gita: Browser, as_vera: Browser
    ) -> None:
        run_of(job_of(cast.globex, name="Theirs"), "failed")
        run_of(job_of(name="Ours"), "failed")
        assert "Theirs failed" in lines(as_gita)
        assert "Theirs failed" not in lines(as_vera)

    def test_shows_the_first_of_many_and_counts_the_rest(
        self, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        run_of(job_of(), "succeeded")
        for number in range(6):
            job = job_of(name=f"Broken {number}")
            Job.objects.filter(pk=job.pk).update(problem="No.", next_tick_at=None)
        found = lines(as_vera)
        assert sum("cannot run" in what for what in found) == 5
        assert found["2 more jobs that cannot run"].url == "/admin/jobs/job/?state=problem"
        Job.objects.filter(name="Broken 5").update(problem="")
        assert "1 more job that cannot run" in lines(as_vera)


class TestParts:
    @pytest.mark.django_db(transaction=True)
    def test_come_with_and_without_rows(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        shown = {
            "now": "Greet all failed", "runs": "1 failed", "days": "1 day with failures", "next-day": "Greet all",
            "log": "It broke.", "system": "No scheduler has ever led", "events": "</b> <span class=\"event-words",
            "tree": "1 failed last",
        }  # fmt: skip
        assert {*shown, "start"} == set(panels.PANELS)
        empty = {name: part(as_vera, name) for name in shown}
        run_of(job_of(name="Greet all", tags=["red"]), "failed")
        projections.sweep()
        for name, words in shown.items():
            page = part(as_vera, name)
            assert f'id="part-{name}"' in empty[name]
            assert words in page, name
            assert words not in empty[name] or name == "system"

    def test_are_all_on_the_page_without_scripts(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run_of(job_of(), "succeeded")
        waiting = as_vera.text(DASHBOARD)
        assert waiting.count('aria-busy="true"') == 7
        assert "?all=1" in waiting
        page = as_vera.text(DASHBOARD, all="1")
        assert 'aria-busy="true"' not in page
        assert page.count('class="card part ') == 7

    def test_that_a_switch_turned_off_are_left_out(self, job_of: MakeJob, run_of: RunJob, as_vera: Browser) -> None:
        run_of(job_of(), "succeeded")
        assert "part-next-day" in as_vera.text(DASHBOARD)
        runtime_flags.switch("scheduler.enabled", False, actor="user:root", note="Move")
        assert "part-next-day" not in as_vera.text(DASHBOARD)

    def test_that_do_not_exist_are_not_found(self, as_vera: Browser) -> None:
        assert as_vera.get("/admin/dashboard/nothing/").status_code == 404

    def test_are_closed_to_staff_without_a_membership(self, sign_in: SignIn) -> None:
        stranger = sign_in(User.objects.create_user("nobody"))
        for path in ("now/", "events/new/", "tree/leaves/"):
            assert stranger.get(f"/admin/dashboard/{path}").status_code == 403

    def test_write_what_they_were_asked_into_the_address_beside_what_was_there(self, as_vera: Browser) -> None:
        here = {"HX-Request": "true", "HX-Current-URL": "http://testserver/admin/?status=running&window=24h"}
        answer = as_vera.get("/admin/dashboard/runs/?window=7d", headers=here)
        assert answer.headers["HX-Replace-Url"] == "/admin/?status=running&window=7d"
        elsewhere = {"HX-Request": "true", "HX-Current-URL": "http://testserver/admin/jobs/job/"}
        assert "HX-Replace-Url" not in as_vera.get("/admin/dashboard/runs/?window=7d", headers=elsewhere).headers


class TestEvents:
    def test_are_narrowed_by_type_level_job_and_time(self, cast: Cast, job_of: MakeJob, as_vera: Browser) -> None:
        job, other = job_of(), job_of()
        ours: Any = {"tenant_id": cast.acme.pk}
        scheduler_events.record([
            Event("job_failed", "First failed.", job_id=job.pk, **ours), Event("tick_late", "Late.", **ours),
            Event("check_cycle", "Cycle.", **ours), Event("job_failed", "Second failed.", job_id=other.pk, **ours),
            Event("job_failed", "Foreign.", tenant_id=cast.globex.pk), Event("leader_expired", "host-7 lost it."),
        ])  # fmt: skip

        def shown(**query: Any) -> set[str]:
            page = part(as_vera, "events", **query)
            words = ("First failed", "Late.", "Cycle.", "Second failed", "Foreign.", "host-7", "Leader expired</b>")
            return {word for word in words if word in page}

        assert shown() == {"First failed", "Late.", "Second failed", "Leader expired</b>"}
        assert shown(level="all") == {"First failed", "Late.", "Second failed", "Cycle.", "Leader expired</b>"}
        assert shown(level="warning") == {"Late.", "Leader expired</b>"}
        assert shown(type="check_cycle") == {"Cycle."}
        assert shown(job=job.pk) == {"First failed"}
        assert shown(level="nonsense", type="nonsense", time="1h", job="x") == shown()

    def test_go_on_where_the_last_stretch_ended_and_count_what_is_new(self, cast: Cast, as_vera: Browser) -> None:
        def tell(*numbers: int) -> None:
            scheduler_events.record(
                [Event("job_failed", f"Number {number}.", tenant_id=cast.acme.pk) for number in numbers]
            )

        tell(*range(20))
        found = as_vera.get("/admin/dashboard/events/").context["part"]
        assert [event.message for event in found["events"]] == [f"Number {number}." for number in range(19, 4, -1)]
        older = as_vera.get("/admin/dashboard/events/", {"before": found["older"]}, headers={"HX-Request": "true"})
        assert [event.message for event in older.context["part"]["events"]] == [
            f"Number {n}." for n in range(4, -1, -1)
        ]
        assert "<section" not in older.content.decode()
        news = {"newest": found["newest"], "level": "matters"}
        assert "new</button>" not in as_vera.text("/admin/dashboard/events/new/", **news)
        tell(20, 21)
        assert "2 new</button>" in as_vera.text("/admin/dashboard/events/new/", **news)
        assert "new</button>" not in as_vera.text("/admin/dashboard/events/new/", **news, type="tick_late")


class TestTree:
    def test_unfolds_a_group_a_stretch_at_a_time(
        self, job_of: MakeJob, cast: Cast, as_vera: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.admin.dashboard.tree.LEAVES", 2)
        for name in ("A", "B", "C"):
            job_of(name=f"Job {name}", tags=["red"] if name == "C" else [])
        job_of(cast.globex, name="Job D")
        assert "3 jobs" in part(as_vera, "tree")
        assert "Without a tag" in part(as_vera, "tree", group="tag")
        group = {"group": "template", "tenant": "acme", "name": "echo"}
        found = as_vera.get("/admin/dashboard/tree/leaves/", group).context["part"]
        assert [leaf["name"] for leaf in found["leaves"]] == ["Job A", "Job B"]
        rest = as_vera.text(f"/admin/dashboard/tree/leaves/?{found['more']}")
        assert "Job C" in rest
        assert "<ul" not in rest
        assert "Job D" not in as_vera.text("/admin/dashboard/tree/leaves/", **{**group, "tenant": "globex"})


class TestStart:
    def test_tells_the_next_steps_until_a_run_has_ended(
        self, job_of: MakeJob, run_of: RunJob, leads: SchedulerLease, as_ana: Browser, as_vera: Browser
    ) -> None:
        assert "Three steps to the first run" in as_ana.text(DASHBOARD)
        assert "Create the first job" in as_ana.text(DASHBOARD)
        assert "Create the first job" not in as_vera.text(DASHBOARD)
        assert "celery -A scheduler_project worker" in as_vera.text(DASHBOARD)
        assert "A scheduler leads." in as_vera.text(DASHBOARD)
        job = job_of(name="Greet all")
        run_of(job)
        assert "Greet all" in as_ana.text(DASHBOARD)
        assert "HX-Refresh" not in as_ana.get("/admin/dashboard/start/").headers
        run_of(job, "succeeded")
        assert as_ana.get("/admin/dashboard/start/").headers["HX-Refresh"] == "true"
        assert "Three steps" not in as_ana.text(DASHBOARD)

    def test_tells_a_stranger_how_to_get_in(self, sign_in: SignIn) -> None:
        assert "You belong to no tenant yet" in sign_in(User.objects.create_user("nobody")).text(DASHBOARD)


class TestLinks:
    def test_lead_to_lists_that_know_their_filters(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        failed = run_of(job_of(name="Failing"), "failed")
        run_of(job_of(name="Working"), "succeeded")
        hour = failed.created_at.replace(minute=0, second=0, microsecond=0)
        RunHour.objects.create(tenant_id=cast.acme.pk, hour=hour, status="failed", count=1)
        found = {tile.name: tile.url for tile in first(as_vera)["tiles"]}
        assert "Failing" in as_vera.text(found["failed"])
        assert "Working" not in as_vera.text(found["failed"]).partition("result_list")[2]
        (bar,) = as_vera.get("/admin/dashboard/runs/").context["part"]["bars"]
        assert "Failing" in as_vera.text(bar.url)
        (cell,) = as_vera.get("/admin/dashboard/days/").context["part"]["cells"]
        assert "Failing" in as_vera.text(cell.url)
        before = bar.url.replace(f"{hour.year}", f"{hour.year - 1}")
        assert "Failing" not in as_vera.text(before).partition("result_list")[2]

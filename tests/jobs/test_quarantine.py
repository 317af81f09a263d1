"""One bad job never stops the others: whatever is stored, the rest of the same turn fires."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from jobs import ledger, registry
from jobs.models import Calendar, Job, Tick
from scheduler_project.lib import telemetry, transactions
from templates_registry.models import TemplateVersion
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.conftest import database_now

MakeJob = Callable[..., Job]
Events = list[tuple[str, dict[str, Any]]]

pytestmark = pytest.mark.django_db

SOUND_CRON = {"kind": "cron", "cron": "* * * * *", "timezone": "UTC"}
BAD_ROWS: dict[str, dict[str, Any]] = {
    "an expression that is none": {"spec": {**SOUND_CRON, "cron": "what"}},
    "an unknown zone": {"spec": {**SOUND_CRON, "timezone": "Mars/Olympus"}},
    "a kind that nobody knows": {"spec": {"kind": "tides"}},
    "a schedule that is no object": {"spec": ["* * * * *"]},
    "a policy that is no object": {"policy": ["skip"]},
    "a policy with text for a number": {"policy": {"late_after_seconds": "soon"}},
    "a policy that fails only when it is written": {"policy": {"max_retries": "many"}},
    "a deadline beyond all times": {"policy": {"start_deadline_seconds": 10**15}},
    "a number that no column holds": {"policy": {"max_instances": 10**12}},
    "a calendar with a day that is none": {"calendars": ["broken"]},
    "a calendar in an unknown zone": {"calendars": ["lost"]},
}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    """What the engine tells of jobs."""
    told: Events = []
    monkeypatch.setattr(telemetry, "_listeners", [lambda event, fields: told.append((event, fields))])
    return told


@pytest.fixture
def bad_calendars(cast: Cast) -> None:
    Calendar.objects.create(tenant=cast.acme, slug="broken", name="Broken", holidays={"31 April": "?"})
    Calendar.objects.create(tenant=cast.acme, slug="lost", name="Lost", timezone="Mars/Olympus")


@pytest.fixture
def job_of(cast: Cast) -> MakeJob:
    numbers = iter(range(1, 1_000_000))

    def make(**changes: Any) -> Job:
        data = {"name": f"Job {next(numbers)}", "template": "echo", "schedule": SOUND_CRON, **changes}
        return registry.create(data, tenant=cast.acme, actor="user:test")

    return make


def decide_due(**shift: float) -> ledger.Decided:
    with transactions.engine():
        return ledger.decide_due(now=database_now() + timedelta(**shift), epoch=7)


# What no release ever wrote is only kept from stopping the others.
SHOWN = {name: changes for name, changes in BAD_ROWS.items() if not name.endswith("no object")}


@pytest.mark.usefixtures("bad_calendars")
class TestBadRow:
    @pytest.mark.parametrize("bad", BAD_ROWS.values(), ids=BAD_ROWS)
    def test_is_quarantined_with_a_reason_while_the_others_fire(
        self, bad: dict[str, Any], job_of: MakeJob, events: Events
    ) -> None:
        broken, others = job_of(), [job_of(), job_of()]
        due_at = broken.next_tick_at
        Job.objects.filter(pk=broken.pk).update(**bad)
        decided = decide_due(minutes=1)
        assert (decided.jobs, decided.fired) == (2, 2)
        assert all(Tick.objects.get(job=job).outcome == "fired" for job in others)
        broken.refresh_from_db()
        assert broken.problem.startswith("The schedule cannot be evaluated: ")
        assert (broken.next_tick_at, broken.undecided_since) == (None, due_at)
        assert not Tick.objects.filter(job=broken).exists()
        assert [fields["job"] for event, fields in events if event == "job.quarantined"] == [broken.name]
        assert decide_due(minutes=2).fired == 0  # the runs of the others have not ended

    @pytest.mark.parametrize("bad", SHOWN.values(), ids=SHOWN)
    def test_is_shown_by_the_api_and_the_admin(
        self, bad: dict[str, Any], job_of: MakeJob, cast: Cast, make_key: MakeKey, client_of: ClientOf
    ) -> None:
        broken, sound = job_of(), job_of()
        Job.objects.filter(pk=broken.pk).update(**bad)
        decide_due(minutes=1)
        api: ApiClient = client_of(make_key()[1])
        shown = api.get(f"/api/v1/jobs/{broken.pk}")
        assert shown.status_code == 200
        assert shown.json()["problem"].startswith("The schedule cannot be evaluated: ")
        listed = api.get("/api/v1/jobs")
        assert {entry["id"] for entry in listed.json()["results"]} >= {broken.pk, sound.pk}
        assert api.get("/api/v1/scheduler/status").json()["quarantined_jobs"] == 1
        admin = Client()
        admin.force_login(cast.root)
        for path in ("/admin/jobs/job/", f"/admin/jobs/job/{sound.pk}/"):
            assert admin.get(path).status_code == 200, path
        assert "cannot be evaluated" in admin.get(f"/admin/jobs/job/{broken.pk}/").content.decode()


class TestTemplateThatIsGone:
    def test_misses_its_ticks_while_the_others_fire_and_is_released_when_it_is_back(
        self, job_of: MakeJob, events: Events
    ) -> None:
        orphan, other = job_of(template="failing"), job_of()
        versions = TemplateVersion.objects.filter(name="failing")
        versions.update(is_available=False)
        decide_due(minutes=1)
        tick = Tick.objects.get(job=orphan)
        assert (tick.outcome, tick.reason) == ("missed", "template_missing")
        assert Tick.objects.get(job=other).outcome == "fired"
        orphan.refresh_from_db()
        assert "template" in orphan.problem
        assert orphan.next_tick_at is not None
        versions.update(is_available=True)
        decide_due(minutes=2)
        assert Tick.objects.filter(job=orphan).latest("due_at").outcome == "fired"
        orphan.refresh_from_db()
        assert orphan.problem == ""
        told = [event for event, fields in events if event in ("job.quarantined", "job.released")]
        assert told == ["job.quarantined", "job.released"]


class TestOtherErrors:
    def test_are_no_job_s_fault(self, job_of: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
        """A statement that does not fit the tables would otherwise put every job away."""
        job = job_of()
        monkeypatch.setattr(ledger, "RECORD", "SELECT nonsense")
        with pytest.raises(Exception, match="nonsense"):
            decide_due(minutes=1)
        job.refresh_from_db()
        assert job.problem == ""

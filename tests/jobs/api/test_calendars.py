"""Calendars through the API, and what a job's preview says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import calendars, maintenance, registry
from jobs.models import Calendar, Job
from scheduler_project.lib import sql
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, untouched

pytestmark = pytest.mark.django_db

PATH = "/api/v1/calendars"
WHOLE: dict[str, Any] = {
    "name": "Berlin office",
    "timezone": "Europe/Berlin",
    "weekdays": [0, 1, 2, 3, 4],
    "holidays": {"2026-12-25": "Christmas Day"},
    "blackouts": [{"name": "Freeze", "starts_at": "2026-12-23T17:00:00+01:00", "ends_at": "2026-12-27T00:00:00Z"}],
}


@pytest.fixture
def office(cast: Cast) -> Calendar:
    return calendars.create(WHOLE, tenant=cast.acme, actor="user:ana")


class TestCreate:
    def test_answers_with_what_was_stored(self, by_key: ApiClient) -> None:
        made = by_key.send("POST", PATH, WHOLE)
        assert made.status_code == 201, made.content
        body = made.json()
        assert (body["slug"], body["tenant"], body["weekdays"]) == ("berlin-office", "acme", [0, 1, 2, 3, 4])
        assert body["blackouts"][0]["starts_at"] == "2026-12-23T16:00:00Z"
        assert body["updated_by"].startswith("key:")
        assert by_key.get(made.headers["Location"]).json() == body

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"name": ""}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"timezone": "Mars"}, "timezone"),
            ({"weekdays": [9]}, "weekdays[0]"),
            ({"weekdays": {"a": 1}}, "weekdays"),
            ({"holidays": {"tomorrow": "x"}}, "holidays.tomorrow"),
            ({"holidays": 7}, "holidays"),
            ({"blackouts": [{"name": "x"}]}, "blackouts[0].starts_at"),
            ({"blackouts": [{"name": "x", "starts_at": "9999-12-31T23:59:59-14:00", "ends_at": None}]},
             "blackouts[0].starts_at"),
            ({"blackouts": [[]]}, "blackouts[0]"),
            ({"slug": "No"}, "slug"),
            ({"what": 1}, "what"),
        ],
    )  # fmt: skip
    def test_names_what_is_wrong(self, by_key: ApiClient, change: dict[str, Any], path: str) -> None:
        with untouched():
            answer = by_key.send("POST", PATH, {**WHOLE, **change})
        assert answer.status_code == 400, answer.content
        assert path in answer.json()["error"]["fields"]

    def test_refuses_a_body_that_is_no_object(self, by_key: ApiClient) -> None:
        assert by_key.send("POST", PATH, [WHOLE]).status_code == 400

    def test_takes_the_other_shapes_of_days(self, by_key: ApiClient) -> None:
        body = {"name": "x", "weekdays": ["mon", "Friday"], "holidays": ["2026-12-25"]}
        made = by_key.send("POST", PATH, body).json()
        assert (made["weekdays"], made["holidays"]) == ([0, 4], {"2026-12-25": "Holiday"})


class TestChange:
    def test_patch_changes_what_is_named_and_put_the_rest_as_well(self, by_key: ApiClient, office: Calendar) -> None:
        path = f"{PATH}/{office.pk}"
        patched = by_key.send("PATCH", path, {"weekdays": []}).json()
        assert (patched["weekdays"], patched["timezone"]) == ([], "Europe/Berlin")
        replaced = by_key.send("PUT", path, {"name": "Office"}).json()
        assert (replaced["slug"], replaced["timezone"], replaced["blackouts"]) == ("berlin-office", "UTC", [])

    def test_refuses_a_lost_update(self, by_key: ApiClient, office: Calendar) -> None:
        path = f"{PATH}/{office.pk}"
        seen = by_key.get(path).json()["updated_at"]
        assert by_key.send("PATCH", path, {"weekdays": [0], "expected_updated_at": seen}).status_code == 200
        again = by_key.send("PATCH", path, {"weekdays": [1], "expected_updated_at": seen})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "calendar_changed")


class TestDelete:
    def test_needs_that_no_job_names_it(self, by_key: ApiClient, office: Calendar, job_of: MakeJob) -> None:
        job = job_of(name="Invoices", calendars=["berlin-office"])
        refused = by_key.delete(f"{PATH}/{office.pk}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "calendar_in_use")
        assert "Invoices" in refused.json()["error"]["message"]
        by_key.send("PATCH", f"/api/v1/jobs/{job.pk}", {"calendars": []})
        assert by_key.delete(f"{PATH}/{office.pk}").status_code == 204
        assert by_key.get(f"{PATH}/{office.pk}").status_code == 404


class TestPreview:
    def test_tells_which_ticks_of_a_job_it_leaves_out(
        self, by_key: ApiClient, office: Calendar, job_of: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.api.calendars.sql.now", lambda: datetime(2026, 12, 18, 12, tzinfo=UTC))
        ticks = by_key.get(f"{PATH}/{office.pk}/preview?job={job_of().pk}&count=10").json()["ticks"]
        reasons = [tick["left_out"] and tick["left_out"]["reason"] for tick in ticks]
        assert reasons == [
            *["calendar_day_off"] * 2, None, None, None, *["calendar_blackout"] * 3, "calendar_day_off", None,
        ]  # fmt: skip
        assert ticks[5]["left_out"]["text"] == "Freeze (Berlin office)"

    def test_needs_a_job_of_its_tenant(
        self, office: Calendar, job_of: MakeJob, cast: Cast, client_of: ClientOf
    ) -> None:
        theirs = job_of(cast.globex)
        for caller in (cast.ana, cast.root):
            answer = client_of(caller).get(f"{PATH}/{office.pk}/preview?job={theirs.pk}")
            assert answer.status_code == 400
            assert "no job" in answer.json()["error"]["fields"]["job"][0]

    def test_says_that_a_schedule_cannot_be_read(self, by_key: ApiClient, office: Calendar, job_of: MakeJob) -> None:
        job = job_of()
        Job.objects.filter(pk=job.pk).update(spec={"kind": "cron", "cron": "what", "timezone": "UTC"})
        assert by_key.get(f"{PATH}/{office.pk}/preview?job={job.pk}").status_code == 409


class TestJob:
    def test_shows_its_calendars_and_refuses_those_of_others(
        self, by_key: ApiClient, office: Calendar, job_of: MakeJob, cast: Cast
    ) -> None:
        calendars.create({"name": "Theirs"}, tenant=cast.globex, actor="user:gita")
        path = f"/api/v1/jobs/{job_of().pk}"
        changed = by_key.send("PATCH", path, {"calendars": ["berlin-office"]})
        assert changed.json()["calendars"] == ["berlin-office"]
        refused = by_key.send("PATCH", path, {"calendars": ["theirs"]})
        assert refused.json()["error"]["fields"] == {"calendars": ["Acme has no calendar theirs."]}

    def test_is_paused_until_an_instant(self, by_key: ApiClient, job_of: MakeJob) -> None:
        path = f"/api/v1/jobs/{job_of().pk}"
        until = (sql.now() + timedelta(hours=1)).replace(microsecond=0)
        paused = by_key.send("POST", f"{path}/pause", {"note": "upgrade", "until": until.isoformat()}).json()
        written = until.isoformat().replace("+00:00", "Z")
        assert (paused["paused"], paused["paused_until"], paused["pause_note"]) == (True, written, "upgrade")
        resumed = by_key.send("POST", f"{path}/resume", {}).json()
        assert (resumed["paused_until"], resumed["failures_in_row"]) == (None, 0)

    @pytest.mark.parametrize(
        "until", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00", "tomorrow", 7, True, [], {}, "",
                  "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
    )  # fmt: skip
    def test_is_not_paused_until_what_is_no_later_instant(self, by_key: ApiClient, job_of: MakeJob, until: Any) -> None:
        job = job_of()
        with untouched():
            answer = by_key.send("POST", f"/api/v1/jobs/{job.pk}/pause", {"until": until})
        assert answer.status_code == 400, answer.content
        assert list(answer.json()["error"]["fields"]) == ["until"]


class TestJobPreview:
    def ticks(self, client: ApiClient, job: Job, count: int = 3) -> list[Any]:
        found: list[Any] = client.get(f"/api/v1/jobs/{job.pk}/preview?count={count}").json()["ticks"]
        return found

    def test_marks_what_a_calendar_leaves_out(
        self, by_key: ApiClient, office: Calendar, job_of: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.api.job_history.sql.now", lambda: datetime(2026, 12, 18, 12, tzinfo=UTC))
        saturday, _, monday = self.ticks(by_key, job_of(calendars=["berlin-office"]))
        assert saturday["skipped"] == {
            "reason": "calendar_day_off",
            "by": "user:ana",
            "text": "Saturday is no working day (Berlin office)",
            "until": "2026-12-20T23:00:00Z",
        }
        assert monday["skipped"] is None

    def test_marks_what_a_pause_skips_up_to_its_end(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        second = self.ticks(by_key, job)[1]["due_at"]
        registry.pause(job.pk, actor="user:ana", note="upgrade", until=datetime.fromisoformat(second))
        first, second, _ = self.ticks(by_key, job)
        assert (first["skipped"]["reason"], first["skipped"]["by"], first["skipped"]["text"]) == (
            "paused",
            "user:ana",
            "upgrade",
        )
        assert second["skipped"] is None

    def test_marks_what_maintenance_skips(self, by_key: ApiClient, job_of: MakeJob) -> None:
        maintenance.start(actor="user:root", note="New disks")
        skipped = self.ticks(by_key, job_of(), 1)[0]["skipped"]
        assert (skipped["reason"], skipped["by"], skipped["text"]) == ("maintenance", "user:root", "New disks")

    def test_counts_no_skipped_tick_as_one_of_its_last_runs(
        self, by_key: ApiClient, office: Calendar, job_of: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.api.job_history.sql.now", lambda: datetime(2026, 12, 18, 12, tzinfo=UTC))
        job = job_of(calendars=["berlin-office"], policies={"max_runs": 2})
        ticks = self.ticks(by_key, job, 10)
        assert [tick["skipped"] is None for tick in ticks] == [False, False, True, True]


class TestMaintenance:
    PATH = "/api/v1/scheduler/maintenance"

    def test_is_started_seen_and_ended(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        root, program = client_of(cast.root), client_of(make_key()[1])
        assert program.get(self.PATH).json() == {
            "is_open": False, "started_at": None, "started_by": None, "note": None, "until": None,
        }  # fmt: skip
        made = root.send("POST", self.PATH, {"note": "New disks", "until": "2099-01-01T00:00:00Z"})
        assert made.status_code == 201, made.content
        seen = program.get(self.PATH).json()
        assert seen == made.json()
        assert (seen["is_open"], seen["started_by"], seen["until"]) == (True, "user:root", "2099-01-01T00:00:00Z")
        again = root.send("POST", self.PATH, {"note": "More"})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "maintenance_is_open")
        assert root.delete(self.PATH).status_code == 204
        nothing = root.delete(self.PATH)
        assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "no_maintenance")

    @pytest.mark.parametrize(
        ("body", "field"),
        [({}, "note"), ({"note": ""}, "note"), ({"note": 7}, "note"), ({"note": "x" * 501}, "note"),
         ({"note": "x", "until": "2020-01-01T00:00:00Z"}, "until"), ({"note": "x", "until": "soon"}, "until"),
         ({"note": "x", "until": "9999-12-31T23:59:59-14:00"}, "until"), ({"note": "x", "who": "me"}, "who"), ([], "")],
    )  # fmt: skip
    def test_names_what_is_wrong(self, cast: Cast, client_of: ClientOf, body: Any, field: str) -> None:
        with untouched():
            answer = client_of(cast.root).send("POST", self.PATH, body)
        assert answer.status_code == 400, answer.content
        assert list(answer.json()["error"]["fields"]) == [field]


class TestSubMinute:
    EVERY_10_S = {"name": "Fast", "template": "failing", "schedule": {"kind": "interval", "every_seconds": 10}}

    def test_needs_a_permission_that_no_key_has(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        for caller, status in ((make_key()[1], 400), (cast.ana, 400), (cast.root, 201)):
            answer = client_of(caller).send("POST", "/api/v1/jobs", {**self.EVERY_10_S, "tenant": "acme"})
            assert answer.status_code == status, answer.content
            if status == 400:
                assert "schedule.every_seconds" in answer.json()["error"]["fields"]

"""What comes over all jobs: the list, the load, the herds, the error; and collisions in the preview."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import registry
from jobs.models import ForecastHour
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import MakeJob
from tests.jobs.backfills import hours_ago

pytestmark = pytest.mark.django_db

HOURLY = {"kind": "cron", "cron": "0 * * * *"}


def get(client: ApiClient, path: str) -> Any:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


class TestUpcoming:
    def test_lists_ticks_of_all_jobs_in_the_order_of_time(self, by_key: ApiClient, job_of: MakeJob) -> None:
        for minute in (30, 10, 20):
            job_of(name=f"At {minute}", schedule={"kind": "cron", "cron": f"{minute} * * * *"})
        found = get(by_key, "upcoming?hours=2")
        due = [tick["due_at"] for tick in found["results"]]
        assert (len(due), due, found["is_complete"]) == (6, sorted(due), True)

    def test_says_why_a_tick_will_not_fire(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of(name="Resting", schedule=HOURLY, queue="night")
        registry.pause(job.pk, actor="user:ana", note="until the disks are there")
        (tick,) = get(by_key, "upcoming?hours=1")["results"]
        assert tick.pop("due_at")
        assert tick == {
            "job_id": job.pk,
            "job_name": "Resting",
            "tenant": "acme",
            "queue": "night",
            "fires": False,
            "reason": "paused",
            "text": "until the disks are there",
            "by": "user:ana",
            "clears_at": None,
        }

    def test_says_how_far_it_reaches(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job_of(schedule=HOURLY)
        found = get(by_key, "upcoming?hours=24&limit=3")
        assert (len(found["results"]), found["is_complete"]) == (3, False)
        assert found["until"] > found["results"][-1]["due_at"]

    @pytest.mark.parametrize("query", ["hours=0", "hours=745", "limit=0", "limit=1001", "hours=x", "offset=1"])
    @pytest.mark.parametrize("path", ["upcoming", "forecast"])
    def test_names_the_parameter_that_is_wrong(self, by_key: ApiClient, path: str, query: str) -> None:
        answer = by_key.get(f"/api/v1/{path}?{query}")
        assert answer.status_code == 400
        assert set(answer.json()["error"]["fields"]) == {query.partition("=")[0]}


class TestForecast:
    def test_adds_up_hours_and_herds(self, by_key: ApiClient, job_of: MakeJob) -> None:
        jobs = [job_of(schedule=HOURLY, queue=queue) for queue in ("default", "default", "mail")]
        found = get(by_key, "forecast?hours=2")
        assert (found["ticks"], found["held_back"], found["unknown"]) == (6, 0, 6)
        assert [(entry["queue"], entry["ticks"]) for entry in found["hours"]] == [("default", 2), ("mail", 1)] * 2
        assert len(found["herds"]) == 2
        assert (found["herds"][0]["starts"], found["herds"][0]["free_starts"]) == (3, 0)
        assert [job["id"] for job in found["herds"][0]["jobs"]] == [job.pk for job in jobs]
        only = get(by_key, "forecast?hours=2&queue=mail&limit=1")
        assert (only["ticks"], only["herds"]) == (2, [])

    def test_shows_the_error_of_the_last_forecast(self, by_key: ApiClient, cast: Cast, client_of: ClientOf) -> None:
        assert get(by_key, "forecast")["last_forecast"] is None
        ForecastHour.objects.create(hour=hours_ago(1), queue="default", ticks=0, seconds=0, made_at=hours_ago(2))
        error = get(client_of(cast.root), "forecast")["last_forecast"]
        assert error["queues"] == [
            {
                "queue": "default",
                "ticks_percent": 0.0,
                "seconds_percent": 0.0,
                "expected_ticks": 0,
                "ticks": 0,
                "expected_seconds": 0.0,
                "seconds": 0.0,
            }
        ]

    def test_tells_nobody_of_other_tenants_queues_and_counts(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job_of(queue="ours")
        for queue in ("ours", "theirs"):
            ForecastHour.objects.create(hour=hours_ago(1), queue=queue, ticks=7, seconds=9, made_at=hours_ago(2))
        error = get(by_key, "forecast")["last_forecast"]
        assert [(entry["queue"], entry["expected_ticks"]) for entry in error["queues"]] == [("ours", None)]
        assert (error["total"]["expected_ticks"], error["total"]["ticks_percent"]) == (None, None)
        assert get(by_key, "forecast?queue=theirs")["last_forecast"]["queues"] == []


class TestTenants:
    def test_see_their_own_jobs(self, cast: Cast, job_of: MakeJob, client_of: ClientOf) -> None:
        job_of(schedule=HOURLY)
        job_of(cast.globex, schedule=HOURLY)
        for who, count in ((cast.vera, 1), (cast.gita, 1), (cast.root, 2)):
            assert len(get(client_of(who), "upcoming?hours=1")["results"]) == count
            assert get(client_of(who), "forecast?hours=1")["ticks"] == count


class TestPreview:
    def preview(self, client: ApiClient, schedule: dict[str, Any]) -> Any:
        answer = client.send("POST", "/api/v1/schedules/preview", {"schedule": schedule})
        assert answer.status_code == 200, answer.content
        return answer.json()["collisions"]

    def test_names_a_free_minute(self, by_key: ApiClient, job_of: MakeJob, cast: Cast) -> None:
        nightly = {"kind": "cron", "cron": "0 2 * * *"}
        for tenant in (cast.acme, cast.acme, cast.globex):
            job_of(tenant, schedule=nightly)
        found = self.preview(by_key, nightly)
        assert (found["jobs"], found["free_cron"], found["free_local"]) == (2, "1 2 * * *", "02:01")
        assert found["text"] == "2 other jobs start in the same minute; 02:01 is free."

    def test_is_quiet_where_nothing_collides(self, by_key: ApiClient) -> None:
        found = self.preview(by_key, {"kind": "cron", "cron": "0 2 * * *"})
        assert (found["jobs"], found["free_cron"], found["text"]) == (0, "", "")
        assert self.preview(by_key, {"kind": "manual"}) is None

    def test_says_what_is_worth_knowing(self, by_key: ApiClient) -> None:
        schedule = {"kind": "cron", "cron": "30 2 31 * *", "timezone": "Europe/Berlin"}
        told = by_key.send("POST", "/api/v1/schedules/preview", {"schedule": schedule}).json()
        months = next(one for one in told["advice"] if one["code"] == "short_months")
        assert months["text"] == "Months without this day are left out."
        assert months["fix"] == {"cron": "30 2 L * *"}
        often = by_key.send("POST", "/api/v1/schedules/preview", {"schedule": {"kind": "cron", "cron": "*/5 * * * *"}})
        assert often.json()["ticks_per_day"] == 288

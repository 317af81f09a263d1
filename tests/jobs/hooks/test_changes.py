"""Event hooks through the API: made, changed, rotated, deleted, and every wrong value named."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import hooks, registry
from jobs.hooks.changes import MOST_PER_JOB
from jobs.models import EventHook, Job
from tests.cast import ApiClient
from tests.jobs.api.conftest import MakeJob, by_key, job_of, untouched
from tests.jobs.hooks.test_receiving import Sender

__all__ = ["by_key", "job_of"]

pytestmark = pytest.mark.django_db


def path(job: Job) -> str:
    return f"/api/v1/jobs/{job.pk}/hooks"


class TestCreate:
    def test_shows_the_secret_once(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        made = by_key.send("POST", path(job), {"name": "CI", "mapping": {"text": "/a~1b/0"}})
        assert made.status_code == 201, made.content
        body = made.json()
        hook = EventHook.objects.get()
        assert body["secret"] == hook.newest_secret()
        assert body["path"] == f"/api/v1/hooks/{hook.public_id}"
        assert (body["enabled"], body["calls_per_minute"], body["updated_by"][:4]) == (True, 60, "key:")
        for answer in (by_key.get(made.headers["Location"]), by_key.get(path(job))):
            assert answer.status_code == 200
            assert body["secret"] not in answer.content.decode()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *[("name", value) for value in (7, None, "", " ", "x" * 201, "a\nb", [])],
            *[("enabled", value) for value in (1, "true", None)],
            *[("accepts_github", value) for value in (0, "no", None)],
            *[("mapping", value) for value in ([], "x", None, {"unknown": "/a"}, {f"p{n}": "/a" for n in range(51)})],
            *[("mapping", {"text": value}) for value in ("", "a", "/~2", "/" + "x" * 500, 7, None, ["/a"])],
            *[("body_parameter", value) for value in (7, None, "unknown", ["text"])],
            *[("calls_per_minute", value) for value in (0, -1, 6_001, "60", 1.5, None, True, 10**30)],
            ("secret", "mine"),
            ("job", 1),
            ("__class__", 1),
            ("🙂", 1),
        ],
        ids=repr,
    )
    def test_names_what_is_wrong(self, by_key: ApiClient, job_of: MakeJob, field: str, value: Any) -> None:
        job = job_of()
        sender = Sender(job)
        for method, where, body in (
            ("POST", path(job), {"name": "CI", field: value}),
            ("PATCH", f"/api/v1/event-hooks/{sender.hook.pk}", {field: value}),
        ):
            with untouched():
                answer = by_key.send(method, where, body)
            assert answer.status_code == 400, answer.content
            assert all(name == field or name.startswith(f"{field}.") for name in answer.json()["error"]["fields"])
        assert EventHook.objects.count() == 1

    def test_refuses_a_parameter_from_two_places(self, by_key: ApiClient, job_of: MakeJob) -> None:
        body = {"name": "CI", "mapping": {"text": "/a"}, "body_parameter": "text"}
        assert list(by_key.send("POST", path(job_of()), body).json()["error"]["fields"]) == ["body_parameter"]

    def test_refuses_archived_jobs_and_more_than_a_job_can_have(self, by_key: ApiClient, job_of: MakeJob) -> None:
        job = job_of()
        for _ in range(MOST_PER_JOB):
            Sender(job)
        answer = by_key.send("POST", path(job), {"name": "one more"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "too_many_hooks")
        registry.archive(job.pk, actor="user:ana")
        answer = by_key.send("POST", path(job), {"name": "one more"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_is_archived")


class TestChange:
    def test_changes_what_is_named(self, by_key: ApiClient, job_of: MakeJob) -> None:
        sender = Sender(job_of(), mapping={"text": "/a"}, calls_per_minute=5)
        answer = by_key.send("PATCH", f"/api/v1/event-hooks/{sender.hook.pk}", {"accepts_github": True})
        assert answer.status_code == 200, answer.content
        shown = answer.json()
        assert (shown["accepts_github"], shown["mapping"], shown["calls_per_minute"]) == (True, {"text": "/a"}, 5)
        assert sender.call({"a": "x"}).status_code == 202

    def test_rotates(self, by_key: ApiClient, job_of: MakeJob) -> None:
        sender = Sender(job_of())
        where = f"/api/v1/event-hooks/{sender.hook.pk}/rotate"
        new = by_key.send("POST", where, {"overlap_seconds": 60}).json()
        assert new["secret"] != sender.secret
        assert new["previous_until"]
        assert sender.call(b"").status_code == 202
        by_key.send("POST", where, {})
        assert sender.call(b"1").status_code == 401

    @pytest.mark.parametrize("seconds", [-1, 604_801, "60", True, None, 10**30])
    def test_refuses_an_overlap_out_of_bounds(self, by_key: ApiClient, job_of: MakeJob, seconds: Any) -> None:
        sender = Sender(job_of())
        answer = by_key.send("POST", f"/api/v1/event-hooks/{sender.hook.pk}/rotate", {"overlap_seconds": seconds})
        assert answer.status_code == 400

    def test_deletes(self, by_key: ApiClient, job_of: MakeJob) -> None:
        sender = Sender(job_of())
        sender.call(b"")
        assert by_key.delete(f"/api/v1/event-hooks/{sender.hook.pk}").status_code == 204
        assert sender.call(b"").status_code == 401

    def test_shows_the_calls(self, by_key: ApiClient, job_of: MakeJob) -> None:
        sender = Sender(job_of(policies={"overlap": "allow"}))
        started = sender.call(b"").json()["execution_id"]
        hooks.change(sender.hook.pk, {"enabled": False}, actor="x")
        sender.call(b"1")
        page = by_key.get(f"/api/v1/event-hooks/{sender.hook.pk}/calls").json()
        assert page["total_count"] == 2
        assert [(row["outcome"], row["execution_id"]) for row in page["results"]] == [
            ("refused", None),
            ("accepted", started),
        ]

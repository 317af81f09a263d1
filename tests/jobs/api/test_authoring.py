"""Ways to a job besides its creation: judged before it is there, cloned from another."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Membership
from accounts.scopes import Role
from jobs import dependencies, hooks, pools, registry
from jobs.models import Job
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import JOB, MakeJob, untouched

pytestmark = pytest.mark.django_db


class TestValidate:
    path = "/api/v1/jobs/validate"

    def test_tells_what_the_job_would_be_and_stores_nothing(self, by_key: ApiClient) -> None:
        with untouched():
            answer = by_key.send("POST", self.path, {**JOB, "enabled": False, "queue": "nobody"})
        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert (body["definition"]["slug"], body["definition"]["priority"]) == ("greet", "normal")
        assert len(body["ticks"]) == 5
        assert any("queue nobody" in warning for warning in body["warnings"])
        assert any("not be enabled" in warning for warning in body["warnings"])
        made = by_key.send("POST", reverse("job-list"), {**JOB, "queue": "nobody"}).json()
        for name in ("name", "slug", "template_version", "parameters", "policies", "queue", "tags", "schedule"):
            assert made[name] == body["definition"][name], name
        assert made["schedule_text"] == body["schedule_text"]

    def test_refuses_what_a_creation_refuses_in_the_same_words(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job_of(slug="taken")
        for change in (
            {"slug": "taken"},
            {"schedule": {"kind": "cron", "cron": "0 25 * * *"}},
            {"colour": "red"},
            {"pool": "none"},
            {"calendars": ["none"]},
            {"parameters": 7},
            {"template": "none"},
        ):
            body = {**JOB, **change}
            judged, made = by_key.send("POST", self.path, body), by_key.send("POST", reverse("job-list"), body)
            assert judged.status_code == made.status_code == 400, change
            assert judged.json()["error"]["fields"] == made.json()["error"]["fields"], change


class TestClone:
    def clone(self, client: ApiClient, job: Job, **wishes: Any) -> Any:
        return client.send("POST", reverse("job-clone", args=[job.pk]), wishes)

    def test_does_what_the_other_does_and_waits_to_be_enabled(
        self, job_of: MakeJob, cast: Cast, by_key: ApiClient
    ) -> None:
        pools.create({"name": "Vendor", "size": 1}, tenant=cast.acme, actor="user:ana")
        job = job_of(tags=["a"], pool="vendor", policies={"max_retries": 7}, parameters={"text": "x"})
        upstream = job_of()
        dependencies.add(upstream.pk, job.pk, {}, actor="user:ana")
        hooks.create(job.pk, {"name": "CI"}, actor="user:ana")
        answer = self.clone(by_key, job)
        assert answer.status_code == 201, answer.content
        made = answer.json()
        assert answer.headers["Location"] == reverse("job-detail", args=[made["id"]])
        other = by_key.get(reverse("job-detail", args=[job.pk])).json()
        for name in ("template", "parameters", "schedule", "policies", "queue", "tags", "pool", "description"):
            assert made[name] == other[name], name
        assert (made["name"], made["slug"], made["enabled"]) == (f"{job.name} (copy)", f"{job.slug}-copy", False)
        clone = Job.objects.get(pk=made["id"])
        assert (clone.edges_to_upstreams.count(), clone.event_hooks.count(), clone.executions.count()) == (0, 0, 0)
        assert clone.revisions.get().note == f"Cloned from {job.slug}, revision {job.revision + 1}."
        assert self.clone(by_key, job).json()["slug"] == f"{job.slug}-copy-2"

    def test_can_be_named_and_enabled(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job = job_of()
        registry.archive(job.pk, actor="user:ana")
        made = self.clone(by_key, job, name="Again", slug="again", enabled=True, note="Needed after all").json()
        assert (made["name"], made["slug"], made["enabled"]) == ("Again", "again", True)
        assert made["next_tick_at"] is not None
        with untouched():
            assert self.clone(by_key, job, slug="again").status_code == 400

    def test_takes_secrets_along_unseen_but_not_to_another_tenant(
        self, job_of: MakeJob, cast: Cast, by_key: ApiClient, client_of: ClientOf
    ) -> None:
        job = job_of(parameters={"text": "x", "token": "planted-secret"})
        answer = self.clone(by_key, job)
        assert answer.status_code == 201, answer.content
        assert b"planted-secret" not in answer.content
        job.refresh_from_db()
        assert Job.objects.get(pk=answer.json()["id"]).parameters == job.parameters
        assert set(job.parameters) == {"text", "token"}
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.AUTHOR)
        moved = self.clone(client_of(cast.ana), job, tenant="globex")
        assert moved.status_code == 201, moved.content
        there = Job.objects.get(pk=moved.json()["id"])
        assert there.tenant == cast.globex
        assert "planted-secret" not in str(there.parameters)
        assert there.parameters == {"text": "x"}

    def test_needs_the_right_to_write_on_both_sides(self, job_of: MakeJob, cast: Cast, client_of: ClientOf) -> None:
        job = job_of()
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
        with untouched():
            assert self.clone(client_of(cast.ana), job, tenant="globex").status_code == 403
            assert self.clone(client_of(cast.gita), job).status_code == 403
            assert self.clone(client_of(cast.vera), job).status_code == 403

"""Bringing back a revision of a job over the API, what that would do, and the picture of dependencies."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from django.urls import reverse

from jobs import dependencies, registry, sealed
from jobs.models import Job
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import MakeJob, untouched

pytestmark = pytest.mark.django_db


def restore_path(job: Job, number: int) -> str:
    return reverse("job-restore", args=[job.pk, number])


class TestRestore:
    def test_makes_a_new_revision_that_says_the_same(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job = job_of(name="Greet all", parameters={"text": "hi", "token": "one"})
        registry.change(job.pk, {"name": "Other", "parameters": {"text": "ho", "token": "two"}}, actor="user:ana")
        answer = by_key.send("POST", restore_path(job, 1), {"note": "Better", "expected_revision": 2})
        assert answer.status_code == 200, answer.content
        assert (answer.json()["name"], answer.json()["revision"]) == ("Greet all", 3)
        stored = Job.objects.select_related("template").get(pk=job.pk)
        assert sealed.parameters_of(stored)["token"] == "one"
        assert job.revisions.get(number=3).note == "Restored revision 1. Better"
        assert by_key.send("POST", restore_path(job, 3), {}).json()["revision"] == 3  # nothing changes

    def test_is_refused_where_it_cannot_be(
        self, job_of: MakeJob, cast: Cast, client_of: ClientOf, by_key: ApiClient
    ) -> None:
        job = job_of()
        registry.change(job.pk, {"name": "Other"}, actor="user:ana")
        with untouched():
            assert by_key.send("POST", restore_path(job, 7), {}).status_code == 404
            stale = by_key.send("POST", restore_path(job, 1), {"expected_revision": 1})
            assert (stale.status_code, stale.json()["error"]["code"]) == (409, "revision_conflict")
            assert client_of(cast.olaf).send("POST", restore_path(job, 1), {}).status_code == 403
        registry.archive(job.pk, actor="user:ana")
        assert by_key.send("POST", restore_path(job, 1), {}).status_code == 409

    def test_says_before_what_it_would_do(self, job_of: MakeJob, by_key: ApiClient) -> None:
        job = job_of()
        registry.change(job.pk, {"schedule": {"kind": "cron", "cron": "0 9,18 * * *"}}, actor="user:ana")
        path = reverse("job-impact", args=[job.pk])
        with untouched():
            assert by_key.send("POST", path, {"restore": 1}).json()["removed"]["count"] == 30
            assert by_key.send("POST", path, {"restore": 9}).status_code == 404
            assert by_key.send("POST", path, {"restore": 1, "action": "pause"}).status_code == 400


class TestImpact:
    def test_of_a_pause_names_the_jobs_that_stop_with_it(self, job_of: MakeJob, by_key: ApiClient) -> None:
        extract, load = job_of(name="Extract"), job_of(name="Load", schedule={"kind": "manual"})
        dependencies.add(extract.pk, load.pk, {}, actor="user:ana")
        notes = by_key.send("POST", reverse("job-impact", args=[extract.pk]), {"action": "pause"}).json()["notes"]
        assert "Pausing Extract also stops 1 job: Load." in notes


class TestPicture:
    def test_is_a_file_of_its_own(self, job_of: MakeJob, cast: Cast, by_key: ApiClient) -> None:
        extract, load, alone = (job_of(name=name) for name in ("Extract <&>", "Load", "Alone"))
        dependencies.add(extract.pk, load.pk, {"condition": "failure"}, actor="user:ana")
        path = reverse("dependency-drawn-graph")
        for query in ("", f"?job={load.pk}", "?tenant=acme"):
            answer = by_key.get(f"{path}{query}", headers={"Accept": "image/svg+xml"})
            assert answer.headers["Content-Type"] == "image/svg+xml"
            text = answer.content.decode()
            drawn = ElementTree.fromstring(text)
            assert "Extract <&>" in "".join(drawn.itertext())
            assert "on failure" in "".join(drawn.itertext())
            assert "class=" not in text
            assert "<a " not in text
        assert by_key.get(f"{path}?job={alone.pk}").status_code == 404
        assert by_key.get(f"{path}?job={job_of(cast.globex).pk}").status_code == 403
        assert "Extract" not in by_key.get(f"{path}?tenant=globex").content.decode()

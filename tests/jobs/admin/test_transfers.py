"""In the console: clone, export and import of jobs, by the same operations as over the API."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from jobs import transfer
from jobs.models import Job
from tests.cast import Cast
from tests.jobs.admin.conftest import SignIn
from tests.jobs.api.conftest import MakeJob, untouched

pytestmark = pytest.mark.django_db

LIST = "/admin/jobs/job/"


def document_of(job: Job) -> dict[str, object]:
    return transfer.export([Job.objects.select_related("template", "tenant", "pool").get(pk=job.pk)])


class TestClone:
    def test_leads_to_the_form_of_the_copy(self, job_of: MakeJob, cast: Cast, sign_in: SignIn) -> None:
        job = job_of(tags=["a"])
        answer = sign_in(cast.ana).post(reverse("admin:jobs_job_clone", args=[job.pk]))
        clone = Job.objects.exclude(pk=job.pk).get()
        assert answer.headers["Location"] == reverse("admin:jobs_job_change", args=[clone.pk])
        assert (clone.is_enabled, clone.tags, clone.owner) == (False, ["a"], cast.ana)
        assert b">Clone</button>" in sign_in(cast.ana).get(reverse("admin:jobs_job_page", args=[job.pk])).content

    def test_needs_the_right_to_write(self, job_of: MakeJob, cast: Cast, sign_in: SignIn) -> None:
        path = reverse("admin:jobs_job_clone", args=[job_of().pk])
        with untouched():
            assert sign_in(cast.vera).post(path).status_code == 403
            assert sign_in(cast.gita).post(path).status_code in (403, 404)
            assert sign_in(cast.ana).get(path).status_code == 405


class TestExport:
    def test_of_selected_jobs_is_a_file(self, job_of: MakeJob, cast: Cast, sign_in: SignIn) -> None:
        jobs = [job_of() for _ in range(2)]
        answer = sign_in(cast.vera).post(f"{LIST}many/export/", {"id": [job.pk for job in jobs]})
        assert answer.headers["Content-Disposition"] == 'attachment; filename="daybook-jobs-acme.json"'
        assert [one["slug"] for one in json.loads(answer.content)["jobs"]] == [job.slug for job in jobs]

    def test_of_two_tenants_is_refused(self, job_of: MakeJob, cast: Cast, sign_in: SignIn) -> None:
        ids = [job_of().pk, job_of(cast.globex).pk]
        answer = sign_in(cast.root).post(f"{LIST}many/export/", {"id": ids}, follow=True)
        assert "of one tenant" in answer.content.decode()


class TestImport:
    path = "/admin/jobs/job/import/"

    def test_shows_a_plan_and_carries_out_just_that(self, job_of: MakeJob, cast: Cast, sign_in: SignIn) -> None:
        job = job_of()
        document = document_of(job)
        document["jobs"][0]["queue"] = "night"  # type: ignore[index]
        file = SimpleUploadedFile("jobs.json", json.dumps(document).encode(), "application/json")
        client, values = sign_in(cast.ana), {"tenant": cast.acme.pk, "mode": "update", "note": ""}
        with untouched():
            shown = client.post(self.path, {**values, "file": file})
        assert "<code>queue</code>: default → night" in shown.content.decode()
        plan = shown.context["plan"]
        again = {**values, "text": json.dumps(document), "plan_hash": plan.plan_hash, "apply": "1"}
        assert client.post(self.path, again).headers["Location"] == LIST
        assert Job.objects.get().queue == "night"
        with untouched():
            stale = client.post(self.path, again)
        assert "Make a new plan" in stale.content.decode()

    def test_says_what_is_wrong_with_a_document(self, job_of: MakeJob, cast: Cast, sign_in: SignIn) -> None:
        document = {**document_of(job_of()), "version": 2}
        client, values = sign_in(cast.ana), {"tenant": cast.acme.pk, "mode": "update"}
        for text, told in (("{", "no JSON document"), (json.dumps(document), "reads version 1"), ("", "no JSON")):
            with untouched():
                answer = client.post(self.path, {**values, "text": text, "apply": "1"})
            assert told in answer.content.decode(), text
        values["tenant"] = cast.globex.pk
        with untouched():
            assert client.post(self.path, {**values, "text": json.dumps(document), "apply": "1"}).status_code == 200

    def test_is_for_those_who_write_jobs(self, cast: Cast, sign_in: SignIn) -> None:
        assert sign_in(cast.ana).get(self.path).status_code == 200
        assert sign_in(cast.vera).get(self.path).status_code == 403

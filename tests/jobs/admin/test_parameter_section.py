"""The parameters on the page of a job: JSON without scripts, secrets with their history, newer versions."""

from __future__ import annotations

import json
from typing import Any

from django.urls import reverse

from jobs import registry, sealed
from jobs.models import Job
from templates_registry.models import TemplateVersion
from tests.jobs.admin.conftest import Browser, edit_url
from tests.jobs.admin.test_job_form import edited, errors
from tests.jobs.api.conftest import MakeJob
from tests.templates_registry.test_admin import newer_echo

PARAMETERS = "/admin/jobs/job/form/parameters/"


def opened(job: Job) -> dict[str, Any]:
    return sealed.parameters_of(Job.objects.select_related("template").get(pk=job.pk))


def as_json(parameters: Any) -> dict[str, str]:
    return {"parameters_as": "json", "parameters-all-parameters": json.dumps(parameters, ensure_ascii=False)}


class TestJson:
    def test_is_offered_without_scripts(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"text": "one", "token": "hunter2"})
        sent = {**edited(job), "parameters-text": "two", "parameters_to": "json"}
        sent.pop("_save")
        page = as_ana.post(edit_url(job), sent).content.decode()
        assert "&quot;text&quot;: &quot;two&quot;" in page
        assert "&quot;token&quot;: &quot;••••••&quot;" in page
        assert "hunter2" not in page
        assert opened(job)["text"] == "one"

    def test_is_read_anew_by_htmx(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"text": "one", "token": "hunter2"})
        sent = {
            **as_json({"text": "x", "token": "canary"}),
            "parameters_of": job.template_id,
            "parameters_to": "fields",
        }
        part = as_ana.post(f"{PARAMETERS}?job={job.pk}", sent).content.decode()
        assert 'name="parameters-text"' in part
        assert "Enter token once more" in part.replace("Token", "token")
        assert "canary" not in part

    def test_is_saved_and_keeps_the_secret(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"text": "one", "token": "hunter2"})
        for parameters, expected in (
            ({"text": "two", "token": "••••••"}, {"text": "two", "token": "hunter2"}),
            ({"text": "two", "token": "new"}, {"text": "two", "token": "new"}),
            ({"text": "three"}, {"text": "three"}),
        ):
            response = as_ana.post(edit_url(job), edited(job, **as_json(parameters)))
            assert response.status_code == 302, errors(response)
            assert opened(job) == expected
            job.refresh_from_db()

    def test_says_the_line_of_an_error(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        text = '{\n"text": 5,\n"token": "canary"\n}'
        sent = edited(job, **{"parameters_as": "json", "parameters-all-parameters": text})
        response = as_ana.post(edit_url(job), sent)
        assert errors(response) == {"Parameters as JSON": ["Line 2: text must be text."]}
        assert "canary" not in response.content.decode()


class TestStoredSecret:
    def test_says_when_it_changed_and_by_whom(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"token": "one"})
        registry.change(job.pk, {"parameters": {"token": "two"}}, actor="user:olaf")
        registry.change(job.pk, {"parameters": {"text": "other"}}, actor="user:ana")
        page = as_ana.text(edit_url(job))
        assert "Stored, last changed" in page
        assert "by olaf" in page

    def test_says_nothing_where_there_is_none(self, job_of: MakeJob, as_ana: Browser) -> None:
        assert "last changed" not in as_ana.text(edit_url(job_of()))


class TestNewerVersion:
    def test_is_told_with_its_differences_and_changes_nothing(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"text": "long words", "token": "hunter2"})
        newer = newer_echo()
        page = as_ana.text(edit_url(job))
        for expected in ("v1 → v2 available", "whole number, required", f"?template={newer.pk}"):
            assert expected in page

    def test_keeps_what_fits_and_names_what_does_not(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"text": "long words", "token": "hunter2"})
        page = as_ana.text(edit_url(job), template=newer_echo().pk)
        assert "1 value no longer applies: text (must have at most 5 characters)" in page
        assert 'name="parameters-count"' in page
        assert "Stored, last changed" in page

    def test_becomes_the_jobs_when_it_is_saved(self, job_of: MakeJob, as_ana: Browser, monkeypatch: Any) -> None:
        from templates_registry import registry as templates

        job = job_of(parameters={"text": "hi", "token": "hunter2"})
        newer = newer_echo()
        code = templates.get("echo")
        later = type("EchoTwo", (code,), {"version": 2, "parameters": newer.schema})
        monkeypatch.setitem(templates.registry._templates, ("echo", 2), later)
        sent = {"template": newer.pk, "parameters_of": newer.pk, "parameters-text": "hi", "parameters-count": "3"}
        response = as_ana.post(edit_url(job), edited(job, **sent))
        assert response.status_code == 302, errors(response)
        job.refresh_from_db()
        assert job.template_id == newer.pk
        assert opened(job) == {"text": "hi", "count": 3, "token": "hunter2"}
        assert reverse("admin:jobs_job_page", args=[job.pk]) in response.headers["Location"]

    def test_says_nothing_on_the_newest(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        TemplateVersion.objects.filter(pk=job.template_id).update(version=3)
        assert "available</b>" not in as_ana.text(edit_url(job))

    def test_is_told_on_the_page_of_the_job(self, job_of: MakeJob, as_ana: Browser, as_vera: Browser) -> None:
        job = job_of()
        newer = newer_echo()
        tab = f"{reverse('admin:jobs_job_page', args=[job.pk])}?tab=parameters"
        assert f"?template={newer.pk}" in as_ana.text(tab)
        assert "v1 → v2 available" in as_vera.text(tab)
        assert f"?template={newer.pk}" not in as_vera.text(tab)

"""The gallery of templates, the page of one, and the table made of a schema."""

from __future__ import annotations

import copy

from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from templates_registry.models import TemplateVersion
from templates_registry.schema_table import rows
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn, as_ana, as_root, as_vera, job_of, sign_in
from tests.jobs.api.conftest import MakeJob

__all__ = ["as_ana", "as_root", "as_vera", "job_of", "sign_in"]

TEMPLATES = "/admin/templates_registry/templateversion/"


def page_of(row: TemplateVersion) -> str:
    return reverse("admin:templates_registry_templateversion_change", args=[row.pk])


def newer_echo() -> TemplateVersion:
    """Version 2 of echo: a field more, which is required, and a shorter text."""
    row = TemplateVersion.objects.get(name="echo")
    schema = copy.deepcopy(row.schema)
    schema["properties"]["count"] = {"type": "integer", "minimum": 1}
    schema["properties"]["text"]["maxLength"] = 5
    schema["required"] = ["count"]
    row.pk, row.version, row.schema = None, 2, schema
    row.save()
    return row


class TestGallery:
    def test_shows_what_the_code_has(self, as_vera: Browser) -> None:
        TemplateVersion.objects.filter(name="failing").update(is_available=False)
        page = as_vera.text(TEMPLATES)
        for expected in ("Echo", "Dry run", "Secrets", "No longer in the code"):
            assert expected in page
        assert "Failing" not in page
        gone = as_vera.text(TEMPLATES, versions="gone")
        assert "Failing" in gone
        assert "Echo" not in gone

    def test_finds_by_words_and_category(self, as_vera: Browser) -> None:
        found = as_vera.text(TEMPLATES, q="ROWS file")
        assert "Export rows to a file" in found
        assert "Clean up old rows" not in found
        assert "Clean up old rows" in as_vera.text(TEMPLATES, category="Maintenance")
        assert "No template fits" in as_vera.text(TEMPLATES, q="nothing like it")

    def test_answers_htmx_with_the_cards_alone(self, as_vera: Browser) -> None:
        page = as_vera.get(TEMPLATES, {"q": "echo"}, headers={"HX-Request": "true"}).content.decode()
        assert page.lstrip().startswith('<div id="gallery">')
        assert "Echo" in page

    def test_counts_the_jobs_that_the_viewer_sees(
        self, cast: Cast, job_of: MakeJob, as_vera: Browser, as_root: Browser
    ) -> None:
        job_of(), job_of(), job_of(cast.globex)
        newer_echo()
        assert "Used by 2 jobs" in as_vera.text(TEMPLATES, q="echo")
        assert "Used by 3 jobs" in as_root.text(TEMPLATES, q="echo")
        assert "2 on older versions" in as_vera.text(TEMPLATES, q="echo")

    def test_asks_the_database_as_often_for_many_as_for_one(
        self, job_of: MakeJob, as_ana: Browser, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        job_of()
        as_ana.get(TEMPLATES)
        with django_assert_max_num_queries(25):
            as_ana.get(TEMPLATES)

    def test_offers_jobs_and_the_playground_to_who_may_write_them(self, as_vera: Browser, as_ana: Browser) -> None:
        assert "New job" not in as_vera.text(TEMPLATES)
        assert "Playground" not in as_vera.text(TEMPLATES)
        assert "New job" in as_ana.text(TEMPLATES)
        assert "Playground" in as_ana.text(TEMPLATES)


class TestPageOfATemplate:
    def test_shows_the_parameters_as_a_table(self, as_vera: Browser) -> None:
        page = as_vera.text(page_of(TemplateVersion.objects.get(name="echo")))
        for expected in ("text", "string", "at most 100 characters", "hello", "token", "secret"):
            assert expected in page
        assert "New job" not in page

    def test_tells_versions_apart_and_leads_old_jobs_to_the_newest(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(name="Behind")
        newer = newer_echo()
        page = as_ana.text(page_of(newer))
        for expected in ("whole number, required", "at most 100 characters → at most 5 characters", "Behind"):
            assert expected in page
        assert f"{reverse('admin:jobs_job_change', args=[job.pk])}?template={newer.pk}" in page

    def test_names_what_the_form_shows_as_json(self, as_vera: Browser) -> None:
        row = TemplateVersion.objects.get(name="echo")
        row.schema["properties"]["steps"] = {"type": "array", "items": {"type": "object"}}
        row.save()
        assert "a list of something else" in as_vera.text(page_of(row))

    def test_is_read_only(self, as_vera: Browser) -> None:
        echo = TemplateVersion.objects.get(name="echo")
        assert as_vera.get(f"{TEMPLATES}add/").status_code == 403
        assert (
            as_vera.get(reverse("admin:templates_registry_templateversion_delete", args=[echo.pk])).status_code == 403
        )
        assert as_vera.get(f"{TEMPLATES}123456/change/").status_code == 404

    def test_is_closed_to_staff_without_a_membership(self, cast: Cast, sign_in: SignIn) -> None:
        stranger = sign_in(type(cast.vera).objects.create_user("nobody"))
        assert stranger.get(page_of(TemplateVersion.objects.get(name="echo"))).status_code == 403


class TestSchemaTable:
    def test_follows_references_and_nesting(self) -> None:
        found = rows(
            {
                "type": "object",
                "$defs": {"port": {"type": "integer", "minimum": 1, "maximum": 65535}},
                "properties": {
                    "server": {
                        "type": "object",
                        "properties": {"port": {"$ref": "#/$defs/port"}},
                        "required": ["port"],
                    },
                    "names": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
                    "mode": {"enum": ["a", "b"], "default": "a"},
                    "lost": {"$ref": "#/$defs/nowhere"},
                    "token": {"type": "string", "writeOnly": True, "default": "hidden"},
                },
            }
        )
        table = {row.name: (row.type, row.is_required, row.default, row.rules) for row in found}
        assert table == {
            "server": ("object", False, "", ""),
            "server.port": ("whole number", True, "", "at least 1, at most 65535"),
            "names": ("list of string", False, "", "at most 3 items"),
            "mode": ("choice", False, "a", "one of a, b"),
            "lost": ("any", False, "", ""),
            "token": ("string", False, "", ""),
        }

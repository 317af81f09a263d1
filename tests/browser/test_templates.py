"""Templates in the browser: the form beside its schema, rows and JSON, and a secret that survives the switch."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, SignIn
from tests.browser.test_accessibility import faults, violations
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob
from tests.templates_registry.schemas import EVERY_KIND

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PLAYGROUND = reverse("admin:templates_registry_playground")


class TestPlayground:
    def test_follows_the_schema_and_the_values(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.ana).open(PLAYGROUND)
        expect(page.get_by_label("Older than (days)")).to_have_value("30")
        page.get_by_role("textbox", name="Schema").fill(json.dumps(EVERY_KIND))
        expect(page.get_by_label("Endpoint")).to_be_visible()
        page.get_by_text("More options").click()

        page.get_by_label("Name 1").fill("x-one")
        page.get_by_label("Value 1").fill("1: a")
        page.get_by_role("button", name="Add a row").click()
        expect(page.get_by_label("Name 2")).to_be_focused()
        page.get_by_label("Name 2").fill("x-two")
        values = page.get_by_label("The values as JSON")
        expect(values).to_contain_text('"x-one": "1: a"')
        page.get_by_text("Write as text").click()
        expect(page.get_by_label("One name: value per line")).to_have_value("x-one: 1: a\nx-two: ")
        page.get_by_text("Write as text").click()
        expect(page.get_by_label("Value 1")).to_have_value("1: a")
        page.get_by_role("button", name="Remove row 2").click()
        expect(values).not_to_contain_text("x-two")

        page.get_by_role("button", name="JSON", exact=True).click()
        text = page.get_by_label("Parameters as JSON")
        expect(text).to_have_value(json.dumps({"limit": 30, "verbose": True, "headers": {"x-one": "1: a"}}, indent=2))
        text.fill('{"region": "eu", "limit": 7}')
        expect(values).to_contain_text('"limit": 7')
        page.get_by_role("button", name="Form", exact=True).click()
        expect(page.get_by_label("Limit")).to_have_value("7")
        expect(page.get_by_label("eu", exact=True)).to_be_checked()

        page.get_by_role("textbox", name="Schema").fill(
            '{"type": "object",\n"properties": {"p": {"$ref": "https://evil.example"}}}'
        )
        expect(page.get_by_text("is not local")).to_be_visible()
        expect(page.get_by_text("Line 2")).to_be_visible()

    def test_is_sound_on_a_phone_in_the_dark(self, cast: Cast, visit: SignIn) -> None:
        as_ana = visit(cast.ana, viewport=PHONE, scheme="dark")
        assert faults(as_ana, PLAYGROUND) == []
        as_ana.page.get_by_role("button", name="JSON", exact=True).click()
        expect(as_ana.page.get_by_label("Parameters as JSON")).to_be_visible()
        assert violations(as_ana.page) == []


class TestForm:
    def test_keeps_a_typed_secret_while_the_way_is_switched(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        job = job_of(parameters={"text": "one", "token": "hunter2"})
        page = visit(cast.ana).open(reverse("admin:jobs_job_change", args=[job.pk]))
        page.get_by_text("More options").click()
        page.get_by_text("Replace").click()
        page.get_by_label("Token", exact=True).fill("brand new")
        page.get_by_role("button", name="JSON", exact=True).click()
        expect(page.get_by_label("Parameters as JSON")).to_have_value('{\n  "text": "one",\n  "token": "••••••"\n}')
        expect(page.get_by_label("Token", exact=True)).to_have_value("brand new")
        page.get_by_label("Parameters as JSON").fill('{"text": "two", "token": "••••••"}')
        page.get_by_role("button", name="Save changes").click()
        expect(page.get_by_text("Changed Greet")).to_be_visible()
        job.refresh_from_db()
        assert job.parameters["text"] == "two"

        page.goto(reverse("admin:jobs_job_change", args=[job.pk]))
        page.get_by_text("More options").click()
        expect(page.get_by_text("Stored, last changed")).to_be_visible()
        expect(page.get_by_text("by ana")).to_be_visible()


class TestGallery:
    def test_searches_while_somebody_writes(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.ana).open("/admin/templates_registry/templateversion/")
        page.get_by_label("Search templates").fill("rows file")
        expect(page.get_by_role("link", name="Export rows to a file", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="Echo", exact=True)).to_have_count(0)
        page.wait_for_url("**q=rows*")

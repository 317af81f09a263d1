"""Templates in the admin, and the table made of a schema."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from templates_registry.models import TemplateVersion
from templates_registry.schema_table import rows
from tests.cast import Cast

TEMPLATES = "/admin/templates_registry/templateversion/"


@pytest.fixture
def as_vera(cast: Cast) -> Client:
    cast.vera.is_staff = True
    cast.vera.save()
    client = Client()
    client.force_login(cast.vera)
    return client


class TestPages:
    def test_list_what_the_code_has(self, as_vera: Client) -> None:
        TemplateVersion.objects.filter(name="failing").update(is_available=False)
        page = as_vera.get(TEMPLATES).content.decode()
        assert "Echo" in page
        assert "Dry run" in page
        assert "Failing" not in page
        assert "Failing" in as_vera.get(TEMPLATES, {"versions": "gone"}).content.decode()

    def test_show_the_parameters_as_a_table(self, as_vera: Client) -> None:
        echo = TemplateVersion.objects.get(name="echo")
        page = as_vera.get(reverse("admin:templates_registry_templateversion_change", args=[echo.pk])).content.decode()
        for expected in ("text", "string", "at most 100 characters", "hello", "token", "secret"):
            assert expected in page
        assert "Create a job" not in page

    def test_are_read_only(self, as_vera: Client) -> None:
        echo = TemplateVersion.objects.get(name="echo")
        assert as_vera.get(f"{TEMPLATES}add/").status_code == 403
        assert (
            as_vera.get(reverse("admin:templates_registry_templateversion_delete", args=[echo.pk])).status_code == 403
        )
        assert as_vera.get(f"{TEMPLATES}123456/change/").status_code == 404


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

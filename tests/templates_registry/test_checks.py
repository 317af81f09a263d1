from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from templates_registry import checks
from templates_registry.base import EffectReport, JobTemplate
from templates_registry.registry import Problem, Registry
from tests.templates_registry.schemas import having


class Sound(JobTemplate):
    name, title = "sound", "Sound"

    def run(self, context: Any, parameters: Any) -> Any:
        return None


def dry_run(self: Any, context: Any, parameters: Any) -> EffectReport:
    return EffectReport("nothing")


def ids(**attributes: Any) -> list[str | None]:
    return [message.id for message in checks.check_template(type("Changed", (Sound,), attributes))]


class TestCheckTemplate:
    def test_finds_nothing_wrong_with_a_sound_one(self) -> None:
        assert ids() == []
        assert ids(dry_run=dry_run, supports_dry_run=True) == []

    @pytest.mark.parametrize(
        ("attributes", "expected"),
        [
            ({"parameters": {}}, "daybook.E103"),
            ({"parameters": having(a={"pattern": "^(a+)+$"})}, "daybook.E103"),
            ({"parameters": having(a={"$ref": "http://example.org/"})}, "daybook.E103"),
            ({"supports_dry_run": True}, "daybook.E104"),
            ({"dry_run": dry_run}, "daybook.W102"),
            ({"run": JobTemplate.run}, "daybook.E105"),
            ({"parameters": {"type": "object"}}, "daybook.W103"),
            ({"title": None}, "daybook.E106"),
            ({"title": " "}, "daybook.E106"),
            ({"title": "x" * 201}, "daybook.E106"),
            ({"category": ""}, "daybook.E106"),
            ({"description": 1}, "daybook.E106"),
            ({"is_destructive": "no"}, "daybook.E106"),
            ({"timeout": 3600}, "daybook.E106"),
            ({"timeout": timedelta(0)}, "daybook.E106"),
            ({"soft_timeout": timedelta(hours=2)}, "daybook.E106"),
            ({"soft_timeout": 5}, "daybook.E106"),
            ({"min_interval": timedelta(-1)}, "daybook.E106"),
            ({"min_interval": None}, "daybook.E106"),
            ({"max_retries": -1}, "daybook.E106"),
            ({"max_retries": "3"}, "daybook.E106"),
            ({"on_lost": "panic"}, "daybook.E106"),
            ({"retry_on": [OSError]}, "daybook.E106"),
            ({"never_retry_on": ("OSError",)}, "daybook.E106"),
        ],
    )
    def test_finds(self, attributes: dict[str, Any], expected: str) -> None:
        assert ids(**attributes) == [expected]


class TestFindMessages:
    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("import", "daybook.E101"), ("duplicate", "daybook.E102"), ("unregistered", "daybook.W101")],
    )
    def test_reports_what_discovery_met(self, kind: str, expected: str) -> None:
        registry = Registry()
        registry.problems.append(Problem(kind, "a.module", "the reason"))
        (message,) = checks.find_messages(registry)
        assert message.id == expected
        assert "the reason" in message.msg
        assert message.hint

    def test_looks_at_each_template(self) -> None:
        registry = Registry()
        registry.register(type("Changed", (Sound,), {"title": None}))
        assert [message.id for message in checks.find_messages(registry)] == ["daybook.E106"]


class TestPartsAsJson:
    def test_are_named_for_their_author(self) -> None:
        parameters = having(steps={"type": "array", "items": {"type": "object"}}, name={"type": "string"})
        (message,) = checks.parts_as_json(type("Changed", (Sound,), {"parameters": parameters}))
        assert message.id == "daybook.I101"
        assert "steps (a list of something else than text, numbers or yes/no)" in str(message.msg)
        assert list(checks.parts_as_json(Sound)) == []


class TestThisProject:
    def test_has_sound_templates_and_settings(self) -> None:
        assert [message for message in checks.check_templates() if message.id != "daybook.W103"] == []
        assert checks.check_allow_lists() == []


class TestCheckAllowLists:
    @pytest.mark.parametrize(
        ("cleanup", "export", "expected"),
        [
            ({"no.Model": "x"}, {}, "daybook.E107"),
            ({"nonsense": "x"}, {}, "daybook.E107"),
            ({"sessions.Session": "wibble"}, {}, "daybook.E108"),
            ({"sessions.Session": "session_data"}, {}, "daybook.E108"),
            ({}, {"no.Model": ["x"]}, "daybook.E107"),
            ({}, {"sessions.Session": ["wibble"]}, "daybook.E108"),
            ({}, {"jobs.Tick": ["id", "job__name"]}, "daybook.E108"),
            ({}, {"jobs.Tick": ["id", "execution"]}, "daybook.E108"),
            ({}, {"jobs.Attempt": ["started_at"]}, "daybook.E109"),
        ],
    )
    def test_finds(self, settings: Any, cleanup: Any, export: Any, expected: str) -> None:
        settings.DAYBOOK_CLEANUP_MODELS, settings.DAYBOOK_EXPORT_MODELS = cleanup, export
        messages = checks.check_allow_lists()
        assert [message.id for message in messages] == [expected]
        assert messages[0].hint

    def test_allows_columns(self, settings: Any) -> None:
        settings.DAYBOOK_CLEANUP_MODELS = {"sessions.Session": "expire_date"}
        settings.DAYBOOK_EXPORT_MODELS = {"jobs.Tick": ["id", "job_id", "job", "due_at"]}
        assert checks.check_allow_lists() == []

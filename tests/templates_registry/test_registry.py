from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from templates_registry import registry as templates
from templates_registry.base import JobTemplate
from templates_registry.registry import Registry, UnknownTemplate
from tests.templates_registry.schemas import having

HEAD = "from templates_registry.base import JobTemplate\nfrom templates_registry.registry import register\n"
GOOD = HEAD + "@register\nclass One(JobTemplate):\n    name, title = 'found_one', 'One'\n"


def template(name: Any = "one", version: Any = 1, **attributes: Any) -> type[JobTemplate]:
    return type(f"T{name}{version}", (JobTemplate,), {"name": name, "version": version, **attributes})


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """An empty registry that modules under test register with."""
    fresh = Registry()
    monkeypatch.setattr(templates, "register", fresh.register)
    return fresh


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed app that lies in a temporary folder; only this app and the built-in templates are discovered."""
    folder = tmp_path / "found_app"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    configuration = types.SimpleNamespace(name="found_app", module=__import__("found_app"))
    monkeypatch.setattr(apps, "get_app_configs", lambda: [configuration, types.SimpleNamespace(name="x", module=None)])
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "found_app"]:
        del sys.modules[name]


class TestRegister:
    def test_returns_the_class(self) -> None:
        one = template()
        assert Registry().register(one) is one

    def test_evaluates_a_schema_function_once(self) -> None:
        calls = []

        def parameters() -> dict[str, Any]:
            calls.append(1)
            return having()

        one = template(parameters=parameters)
        Registry().register(one)
        assert one.schema() == one.parameters == having()
        assert calls == [1]

    @pytest.mark.parametrize("name", [None, "", "One", "1one", "a-b", "a b", "a.b", "é", "a\n", "a" * 64])
    def test_refuses_names(self, name: Any) -> None:
        with pytest.raises(TypeError, match="name"):
            Registry().register(template(name))

    @pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None, 32_768])
    def test_refuses_versions(self, version: Any) -> None:
        with pytest.raises(TypeError, match="version"):
            Registry().register(template(version=version))

    def test_keeps_the_first_of_two_with_one_name_and_version(self) -> None:
        registry, one, other = Registry(), template(), template()
        other.__qualname__ = "Other"
        registry.register(one)
        registry.register(other)
        assert registry.get("one") is one
        assert [problem.kind for problem in registry.problems] == ["duplicate"]

    def test_takes_the_same_class_again(self) -> None:
        registry = Registry()
        registry.register(template())
        again = registry.register(template())
        assert registry.get("one") is again
        assert registry.problems == []


class TestGet:
    @pytest.fixture
    def three(self) -> Registry:
        registry = Registry()
        for name, version in (("one", 1), ("one", 10), ("one", 2), ("two", 1)):
            registry.register(template(name, version))
        return registry

    def test_finds_the_newest_version(self, three: Registry) -> None:
        assert three.get("one").version == 10

    def test_finds_a_version(self, three: Registry) -> None:
        assert three.get("one", 2).version == 2

    def test_suggests_names_that_are_near(self, three: Registry) -> None:
        with pytest.raises(UnknownTemplate, match=r"^There is no template ones\. Did you mean one\?$"):
            three.get("ones")

    def test_suggests_nothing_that_is_far(self, three: Registry) -> None:
        with pytest.raises(UnknownTemplate, match=r"^There is no template wibble\.$"):
            three.get("wibble")

    def test_says_which_versions_there_are(self, three: Registry) -> None:
        with pytest.raises(UnknownTemplate, match="no version 3; there is 1, 2, 10"):
            three.get("one", 3)

    def test_lists_all_in_order(self, three: Registry) -> None:
        assert [(t.name, t.version) for t in three.all_templates()] == [("one", 1), ("one", 2), ("one", 10), ("two", 1)]


class TestDiscover:
    def test_has_found_the_built_in_templates(self) -> None:
        names = {found.name for found in templates.all_templates()}
        assert {"database_cleanup", "email_notification", "data_export"} <= names

    def test_finds_a_module(self, registry: Registry, app: Path) -> None:
        (app / "job_templates.py").write_text(GOOD)
        registry.discover()
        assert registry.get("found_one").title == "One"

    def test_finds_every_module_of_a_package(self, registry: Registry, app: Path) -> None:
        (app / "job_templates").mkdir()
        (app / "job_templates" / "__init__.py").write_text("")
        (app / "job_templates" / "broken.py").write_text("1 / 0")
        (app / "job_templates" / "one.py").write_text(GOOD)
        registry.discover()
        assert registry.get("found_one")
        broken = [problem for problem in registry.problems if problem.kind == "import"]
        assert [(problem.where, problem.text) for problem in broken] == [
            ("found_app.job_templates.broken", "ZeroDivisionError: division by zero")
        ]

    @pytest.mark.parametrize(
        "source", ["syntax error", "import no_such_module", GOOD.replace("found_one", "Bad Name"), "raise Exception"]
    )
    def test_survives_a_broken_module(self, registry: Registry, app: Path, source: str) -> None:
        (app / "job_templates.py").write_text(source)
        registry.discover()
        assert "found_app.job_templates" in {problem.where for problem in registry.problems}

    def test_survives_a_broken_package(self, registry: Registry, app: Path) -> None:
        (app / "job_templates").mkdir()
        (app / "job_templates" / "__init__.py").write_text("1 / 0")
        (app / "job_templates" / "one.py").write_text(GOOD)
        registry.discover()
        assert "found_app.job_templates" in {problem.where for problem in registry.problems}

    def test_notes_a_template_that_is_not_registered(self, registry: Registry, app: Path) -> None:
        (app / "job_templates.py").write_text(GOOD.replace("@register\n", "") + "class Base(JobTemplate):\n    pass\n")
        registry.discover()
        assert [p.text for p in registry.problems if p.where.startswith("found_app")] == [
            "found_app.job_templates.One is a template but is not registered."
        ]

    def test_does_not_note_a_duplicate_twice(self, registry: Registry, app: Path) -> None:
        (app / "job_templates.py").write_text(GOOD + GOOD.replace("One", "Two").replace(HEAD, ""))
        registry.discover()
        assert [p.kind for p in registry.problems if "found_app" in p.text] == ["duplicate"]

    def test_twice_changes_nothing(self, registry: Registry, app: Path) -> None:
        (app / "job_templates.py").write_text(GOOD)
        registry.discover()
        before = registry.all_templates()
        registry.discover()
        assert registry.all_templates() == before

    @pytest.mark.parametrize("value", ["found_app.plugin", "found_app.plugin:Unregistered"])
    def test_takes_entry_points(
        self, registry: Registry, app: Path, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        unregistered = GOOD.replace(HEAD, "").replace("@register\n", "").replace("One", "Unregistered")
        (app / "plugin.py").write_text(GOOD + unregistered.replace("found_one", "found_two"))
        enter(monkeypatch, value)
        registry.discover()
        assert registry.get("found_one")
        assert [problem.kind for problem in registry.problems if "found_app" in problem.where] == (
            [] if ":" in value else ["unregistered"]
        )

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ("found_app.plugin:number", "neither a module nor a template"),
            ("found_app.plugin:JobTemplate", "`name`"),
            ("found_app.plugin:nothing", "AttributeError"),
            ("found_app.nothing", "ModuleNotFoundError"),
        ],
    )
    def test_survives_a_broken_entry_point(
        self, registry: Registry, app: Path, monkeypatch: pytest.MonkeyPatch, value: str, words: str
    ) -> None:
        (app / "plugin.py").write_text(HEAD + "number = 1\n")
        enter(monkeypatch, value)
        registry.discover()
        assert [words in problem.text for problem in registry.problems if problem.where == value] == [True]


def enter(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    entry = EntryPoint("x", value, "daybook.templates")
    monkeypatch.setattr(templates, "entry_points", lambda group: [entry] if group == entry.group else [])

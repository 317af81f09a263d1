"""`manage.py new_template NAME --app APP`: begins a job template, with a test that it passes."""

from __future__ import annotations

import keyword
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.core.management.base import BaseCommand, CommandError

from templates_registry.registry import MODULE, NAME

OWN = {"scheduler_project", "accounts", "templates_registry", "jobs", "notifications"}

ASYNC = {"define": "async def", "opening": "asyncio.run(", "closing": ")"}
SYNC = {"define": "def", "opening": "", "closing": ""}

MAKE_APP = "run `manage.py startapp NAME` and add it to INSTALLED_APPS"

TEMPLATE = '''"""{title}."""

from __future__ import annotations

from templates_registry.base import JSON, EffectReport, JobTemplate, Parameters
from templates_registry.context import RunContext
from templates_registry.registry import register


@register
class {class_name}(JobTemplate):
    name = "{name}"
    title = "{title}"
    category = "General"
    description = "Say here what the job does, for those who pick it from the list."
    parameters = {{
        "type": "object",
        "additionalProperties": False,
        "required": ["count"],
        "properties": {{
            "count": {{"type": "integer", "minimum": 1, "maximum": 1000, "default": 10, "title": "Count"}},
        }},
    }}
    supports_dry_run = True

    {define} run(self, context: RunContext, parameters: Parameters) -> JSON:
        count = parameters["count"]
        # A retry goes on where the last attempt had come to.
        for done in range((context.last_checkpoint or 0) + 1, count + 1):
            context.progress(done, count)
            if done % 100 == 0:
                context.checkpoint(done)
        context.log(f"Counted to {{count}}.")
        return {{"counted": count}}

    def dry_run(self, context: RunContext, parameters: Parameters) -> EffectReport:
        return EffectReport(f"Would count to {{parameters['count']}}.", count=parameters["count"])
'''

TEST = '''"""Tests of the template {name}."""

from __future__ import annotations

{imports}


class Test{class_name}:
    def test_schema_may_be_used(self) -> None:
        assert check_schema({class_name}.schema()) == []

    def test_refuses_a_count_of_nothing(self) -> None:
        assert {class_name}.find_problems({{"count": 0}}) == {{"parameters.count": ["must be at least 1"]}}

    def test_counts(self) -> None:
        context = RecordingContext()
        assert {opening}{class_name}().run(context, {{"count": 3}}){closing} == {{"counted": 3}}
        assert context.steps[-1] == (3, 3, "")

    def test_goes_on_where_the_last_attempt_had_come_to(self) -> None:
        context = RecordingContext(attempt=2, last_checkpoint=100)
        {opening}{class_name}().run(context, {{"count": 102}}){closing}
        assert [done for done, _, _ in context.steps] == [101, 102]

    def test_dry_run_says_how_far_it_would_count(self) -> None:
        assert {class_name}().dry_run(RecordingContext(dry_run=True), {{"count": 3}}).count == 3
'''


class Command(BaseCommand):
    help = "Writes a job template and its test into an app."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Lower-case letters, digits and _, for example sync_customers.")
        parser.add_argument("--async", action="store_true", dest="is_async", help="Its run() is a coroutine.")
        parser.add_argument("--app", help="The app that gets it. May be left out when the project has only one.")

    def handle(self, *_: Any, **options: Any) -> None:
        name: str = options["name"]
        if not NAME.fullmatch(name) or keyword.iskeyword(name) or name.startswith("test_"):
            raise CommandError(
                f"{name[:80]!r} is not a name for a template: use lower-case letters, digits and _, a letter first."
            )
        app = _find_app(options["app"])
        folder = Path(app.path)
        words = {
            "name": name,
            "title": name.replace("_", " ").capitalize(),
            "class_name": "".join(part.capitalize() for part in name.split("_")),
            "module": f"{app.name}.{MODULE}.{name}",
        }
        words |= ASYNC if options["is_async"] else SYNC
        imports = _imports(app, f"from {words['module']} import {words['class_name']}")
        words["imports"] = f"import asyncio\n\n{imports}" if options["is_async"] else imports
        if (folder / f"{MODULE}.py").exists():
            raise CommandError(f"{folder / MODULE}.py is a module; make it a package {MODULE}/, a file per template.")
        if (folder / "tests.py").exists():
            raise CommandError(f"{folder / 'tests.py'} is a module; make it a package tests/ first.")
        files = {
            folder / MODULE / f"{name}.py": TEMPLATE.format(**words),
            folder / "tests" / f"test_{name}.py": TEST.format(**words),
        }
        for path in files:
            if path.exists():
                raise CommandError(f"{path} exists already.")
        for package, text in ((MODULE, f'"""Job templates of {app.label}, one per file."""\n'), ("tests", "")):
            (folder / package).mkdir(exist_ok=True)
            if not (folder / package / "__init__.py").exists():
                (folder / package / "__init__.py").write_text(text)
        for path, text in files.items():
            path.write_text(text)
            self.stdout.write(f"Wrote {path}")


def _imports(app: AppConfig, own: str) -> str:
    """In the order that import sorters want: Daybook is another project's code, unless both lie in one tree."""
    daybook = [
        "from templates_registry.schema import check_schema",
        "from templates_registry.testing import RecordingContext",
    ]
    root = Path(app.path).parents[app.name.count(".")]
    is_one_tree = root == Path(apps.get_app_config("templates_registry").path).parent
    return "\n".join(sorted([*daybook, own]) if is_one_tree else [*daybook, "", own])


def _find_app(label: str | None) -> AppConfig:
    own = [app for app in apps.get_app_configs() if app.name.partition(".")[0] not in OWN and _is_project_app(app)]
    if label is None:
        if len(own) != 1:
            names = ", ".join(sorted(app.label for app in own)) or f"there is none; {MAKE_APP}"
            raise CommandError(f"Say with --app which app gets the template ({names}).")
        return own[0]
    for app in own:
        if label in (app.label, app.name):
            return app
    raise CommandError(f"{label[:80]!r} is not an installed app of this project; to make one, {MAKE_APP}.")


def _is_project_app(app: AppConfig) -> bool:
    """Not one of the installed packages."""
    return not {"site-packages", "dist-packages"}.intersection(Path(app.path).parts)

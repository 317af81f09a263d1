"""Which templates there are: registers classes, finds them by name and version, imports the modules with them."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TypeVar

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from templates_registry.base import JobTemplate

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
MODULE = "job_templates"
ENTRY_POINTS = "daybook.templates"

Template = TypeVar("Template", bound=type[JobTemplate])


class UnknownTemplate(LookupError):
    """No template of that name, or not in that version."""


@dataclass(frozen=True)
class Problem:
    """Something that discovery could not take in; the system checks report it."""

    kind: str  # "import", "duplicate", "unregistered"
    where: str
    text: str


class Registry:
    """The templates of one process."""

    def __init__(self) -> None:
        self._templates: dict[tuple[str, int], type[JobTemplate]] = {}
        self.problems: list[Problem] = []

    def register(self, template: Template) -> Template:
        """Make a template known; usable as a decorator. Raises TypeError when its name or version cannot be used."""
        name, version = getattr(template, "name", None), template.version
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise TypeError(f"{_path(template)}: `name` must be lower-case letters, digits and _, a letter first.")
        if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= 32_767:
            raise TypeError(f"{_path(template)}: `version` must be a whole number from 1 to 32767.")
        known = self._templates.get((name, version))
        if known is not None and _path(known) != _path(template):
            text = f"{_path(template)} has the name and version of {_path(known)} ({name} {version})."
            self.problems.append(Problem("duplicate", f"{name} {version}", text))
            return template
        if callable(template.parameters):
            template.parameters = template.parameters()
        self._templates[name, version] = template
        return template

    def get(self, name: str, version: int | None = None) -> type[JobTemplate]:
        """The template, in its newest version unless one is named. Raises UnknownTemplate."""
        versions = sorted(known for other, known in self._templates if other == name)
        if not versions:
            near = difflib.get_close_matches(name, {other for other, _ in self._templates}, n=3)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise UnknownTemplate(f"There is no template {name}.{hint}")
        if version is not None and version not in versions:
            raise UnknownTemplate(
                f"Template {name} has no version {version}; there is {', '.join(map(str, versions))}."
            )
        return self._templates[name, versions[-1] if version is None else version]

    def all_templates(self) -> list[type[JobTemplate]]:
        """Every version of every template, by name and version."""
        return [self._templates[key] for key in sorted(self._templates)]

    def discover(self) -> None:
        """Import the built-in templates, `job_templates` of every installed app, and what entry points name."""
        for module in _modules():
            self._import(module)
        for entry_point in entry_points(group=ENTRY_POINTS):
            self._load(entry_point)

    def _import(self, name: str) -> None:
        try:
            module = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - one broken module must not hide the others; a check reports it
            self.problems.append(Problem("import", name, f"{type(error).__name__}: {error}"))
            return
        self._note_unregistered(module)

    def _load(self, entry_point: EntryPoint) -> None:
        try:
            found = entry_point.load()
            if inspect.isclass(found) and issubclass(found, JobTemplate):
                self.register(found)
            elif isinstance(found, ModuleType):
                self._note_unregistered(found)
            else:
                raise TypeError(f"{entry_point.value} is neither a module nor a template.")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 - as above
            self.problems.append(Problem("import", entry_point.value, f"{type(error).__name__}: {error}"))

    def _note_unregistered(self, module: ModuleType) -> None:
        known = {_path(template) for template in self._templates.values()}
        refused = " ".join(problem.text for problem in self.problems if problem.kind == "duplicate")
        for value in vars(module).values():
            if inspect.isclass(value) and issubclass(value, JobTemplate) and value.__module__ == module.__name__:
                path = _path(value)
                if "name" in vars(value) and path not in known and path not in refused:
                    text = f"{path} is a template but is not registered."
                    self.problems.append(Problem("unregistered", path, text))


def _path(template: type[JobTemplate]) -> str:
    return f"{template.__module__}.{template.__qualname__}"


def _modules() -> Iterator[str]:
    yield from _with_submodules("templates_registry.builtin")
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, MODULE):
            yield from _with_submodules(f"{app.name}.{MODULE}")


def _with_submodules(name: str) -> Iterator[str]:
    """The module itself and, when it is a package, one name per file in it."""
    yield name
    specification = importlib.util.find_spec(name)
    if specification is not None and specification.submodule_search_locations:
        for module in pkgutil.iter_modules(specification.submodule_search_locations):
            yield f"{name}.{module.name}"


registry = Registry()
register = registry.register
get = registry.get
all_templates = registry.all_templates
discover = registry.discover

"""What revisions of a job differ in, field by field and in words; what is secret is masked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs import sealed
from jobs.admin.editor.parameters import masked
from jobs.models import JobRevision
from jobs.rules.schedule import ScheduleSpec, describe
from scheduler_project.lib.leaves import leaves
from templates_registry.models import TemplateVersion

Templates = Mapping[tuple[str, int], TemplateVersion]

NOTHING = "nothing"
COMPUTED = {"spread_offset_seconds"}
# The switches of a job: that they were turned is what the revision is called after.
SWITCHES = ("enabled", "paused", "paused_until", "archived", "mode")
LABELS = {
    "slug": "Short name",
    "template_version": "Template version",
    "schedule": "Schedule",
    "policies.misfire": "Missed runs",
    "policies.on_lost": "Worker lost",
    "policies.fan_in": "Several upstreams",
}


@dataclass(frozen=True)
class Change:
    path: str
    label: str
    before: str
    after: str
    is_secret: bool = False


def find_templates(revisions: Iterable[JobRevision]) -> Templates:
    """Those that the revisions name, in one query."""
    wanted = {_template_of(row.definition) for row in revisions}
    found = TemplateVersion.objects.filter(name__in={name for name, _ in wanted})
    return {(row.name, row.version): row for row in found}


def shown(row: JobRevision, templates: Templates) -> dict[str, Any]:
    """The definition with its secrets masked; wholly without parameters when their template is unknown."""
    definition: dict[str, Any] = dict(row.definition)
    template = templates.get(_template_of(definition))
    definition["parameters"] = masked(template, definition.get("parameters") or {}) if template else {}
    return definition


def changes_of(old: JobRevision, new: JobRevision, templates: Templates) -> list[Change]:
    """What an author has changed from one revision to the other."""
    before, after = shown(old, templates), shown(new, templates)
    titles = _titles(templates.get(_template_of(new.definition)))
    schedule = _schedule_change(before.pop("schedule", {}), after.pop("schedule", {}))
    for name in SWITCHES:
        before.pop(name, None)
        after.pop(name, None)
    earlier, later = _flat(before), _flat(after)
    changes = [
        Change(path, _label(path, titles), earlier.get(path, NOTHING), later.get(path, NOTHING))
        for path in [*later, *(path for path in earlier if path not in later)]
        if earlier.get(path) != later.get(path)
    ]
    if schedule is not None:
        changes.insert(0, schedule)
    secrets = _secret_changes(old, new, templates)
    hidden = {one.path for one in secrets}
    return [*(one for one in changes if one.path not in hidden), *secrets]


def _template_of(definition: Mapping[str, Any]) -> tuple[str, int]:
    return str(definition.get("template", "")), int(definition.get("template_version") or 0)


def _titles(template: TemplateVersion | None) -> dict[str, str]:
    properties = template.schema.get("properties", {}) if template else {}
    return {name: str(one.get("title") or name) for name, one in properties.items() if isinstance(one, dict)}


def _schedule_change(before: dict[str, Any], after: dict[str, Any]) -> Change | None:
    old = {name: value for name, value in before.items() if name not in COMPUTED}
    new = {name: value for name, value in after.items() if name not in COMPUTED}
    if old == new:
        return None
    words = _schedule_words(before), _schedule_words(after)
    if words[0] == words[1]:  # the sentence does not say all of it
        different = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        words = tuple(
            ", ".join(f"{name.replace('_', ' ')} {one.get(name, NOTHING)}" for name in different) for one in (old, new)
        )  # type: ignore[assignment]
    return Change("schedule", LABELS["schedule"], *words)


def _schedule_words(spec: dict[str, Any]) -> str:
    try:
        return describe(ScheduleSpec.from_json(spec))
    except (ValueError, TypeError):
        return json.dumps(spec, ensure_ascii=False)


def _label(path: str, titles: Mapping[str, str]) -> str:
    if path in LABELS:
        return LABELS[path]
    root, _, rest = path.partition(".")
    if root == "parameters":
        name, dot, deeper = rest.partition(".")
        return f"{titles.get(name, name)}{dot}{deeper}"
    return (rest or root).replace("_", " ").capitalize()


def _secret_changes(old: JobRevision, new: JobRevision, templates: Templates) -> list[Change]:
    """By place. One that was left alone is stored as it was, though nobody can read it here."""
    before, after = (
        sealed.secrets_by_place(template.schema, row.definition.get("parameters") or {}) if template else {}
        for row in (old, new)
        for template in [templates.get(_template_of(row.definition))]
    )
    titles = _titles(templates.get(_template_of(new.definition)))
    return [
        Change(place, _label(place, titles), "", "", is_secret=True)
        for place in [*after, *(place for place in before if place not in after)]
        if before.get(place) != after.get(place)
    ]


def _flat(value: Mapping[str, Any]) -> dict[str, str]:
    return {path: _in_words(item) for path, item in leaves(value)}


def _in_words(item: Any) -> str:
    if isinstance(item, list) and all(isinstance(part, str | int | float) for part in item):
        return ", ".join(map(_plain, item)) or NOTHING
    return NOTHING if item in (None, "", {}) else _plain(item)


def _plain(value: Any) -> str:
    """A text as it is, all else as JSON; 300 and 300.0 alike, as only the field that wrote them differs."""
    if isinstance(value, str):
        return value
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value, ensure_ascii=False)

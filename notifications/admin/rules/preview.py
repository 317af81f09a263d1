"""What a rule says in words, whom it reaches, and what it would have told in the last days."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.db import OperationalError
from django.http import HttpRequest

from accounts import access
from notifications.admin.rules.finding import Found
from notifications.admin.rules.form import RuleForm
from notifications.admin.rules.names import Names
from notifications.fanout import rehearsal
from notifications.fanout.rehearsal import Rehearsal
from notifications.rulebook import words
from notifications.rulebook.reader import InvalidRule, Writer, read
from notifications.rulebook.shapes import rule_of_input
from notifications.rules.audience import Target
from notifications.rules.kinds import ABOUT, Kind
from notifications.rules.rule import RuleFacts
from scheduler_project.lib import sql

SHOWN = 12  # targets
EXAMPLES = 5


def of(request: HttpRequest, form: RuleForm, found: Found) -> dict[str, Any]:
    """Of what is entered. With what is wrong with it, nothing else is said."""
    is_valid = form.is_valid()
    data = form.to_data() if is_valid else {}
    data["name"] = data.get("name") or "New rule"
    try:
        rule = read(data, writer_of(request, found), current=found.shown) if is_valid else None
    except InvalidRule as error:
        return {"problems": [_in_words(path, texts) for path, texts in error.fields.items()]}
    if rule is None:
        return {"problems": [_in_words(path, list(map(str, texts))) for path, texts in form.errors.items()]}
    return _shown(rule_of_input(rule, found.tenant.pk, is_default=found.is_default))


def writer_of(request: HttpRequest, found: Found) -> Writer:
    return Writer(found.tenant.pk, access.is_superuser(request.user), is_default=found.is_default)


def of_stored(found: Found) -> dict[str, Any]:
    return _shown(rule_of_input(found.shown, found.tenant.pk, is_default=found.is_default))


def _shown(rule: RuleFacts) -> dict[str, Any]:
    names = Names.of([rule])
    said = {
        "about": words.about(rule, names.jobs),
        "what": words.what(rule),
        "who": words.who(rule, people=names.people, channels=names.channels),
        "is_off": not rule.is_enabled,
    }
    try:
        found = rehearsal.rehearse(replace(rule, is_enabled=True), now=sql.now())
    except OperationalError:
        return {**said, "is_too_much": True}
    return {**said, "lately": _lately(found)}


def _lately(found: Rehearsal) -> dict[str, Any]:
    told = [
        {"to": _target(one.target, found), "count": one.count, "messages": one.messages} for one in found.told[:SHOWN]
    ]
    return {
        "since": found.since,
        "is_cut": found.is_cut,
        "kinds": [_counted(kind, count) for kind, count in found.kinds.items()],
        "told": told,
        "others": len(found.told) - len(told),
        "kept": [{"to": _target(one.target, found), "why": one.why, "count": one.count} for one in found.kept[:SHOWN]],
        "newest": [
            (ABOUT[one.kind].title.format(job=one.happening.name, count=1), one.happening)
            for one in found.newest[:EXAMPLES]
        ],
    }


def _target(target: Target, found: Rehearsal) -> str:
    """`ana`, `ana by Ops mail`, `Ops chat`, `everyone`."""
    person = found.circle.people.get(target.user_id) if target.user_id is not None else None
    name = person.name if person else ("" if target.user_id is None else f"user {target.user_id}")
    if target.channel_id is None:
        return name or "everyone in the tenant"
    way = found.circle.ways.get(target.channel_id)
    channel = way.name if way else f"channel {target.channel_id}"
    return f"{name} by {channel}" if name else channel


def _counted(kind: Kind, count: int) -> tuple[str, int]:
    return ABOUT[kind].label, count


def _in_words(path: str, texts: list[str]) -> str:
    if path in ("", NON_FIELD_ERRORS):
        return " ".join(texts)
    return f"{path.partition('[')[0].replace('_', ' ').capitalize()}: {' '.join(texts)}"

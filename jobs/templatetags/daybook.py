"""Tags and filters of the console's pages: chips, moments, durations, JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin import chips, reasons, why
from jobs.admin.executions import approvals
from jobs.admin.executions import page as execution_page
from jobs.admin.jobs.columns import schedule_in_words
from scheduler_project.lib import markup, viewer_zone

register = template.Library()

register.simple_tag(markup.icon, name="icon")
register.filter("state", chips.state_chip)
register.filter("job_state", chips.job_chip)
register.filter("step_state", why.state_chip)
register.filter("job_origin", chips.origin_chip)
register.filter("duration", markup.duration)
register.filter("schedule_words", schedule_in_words)


@register.filter
def moment(at: datetime | None) -> str | SafeString:
    return markup.moment(at, now=timezone.now())


@register.filter
def is_due(at: datetime | None) -> bool:
    """What should have been decided by now, as when no scheduler leads; a moment's delay is none."""
    return at is not None and at < timezone.now() - timedelta(seconds=10)


@register.filter
def instant(at: datetime | None) -> str | SafeString:
    return markup.instant(at, now=timezone.now())


@register.filter
def thousands(count: int) -> str:
    return f"{count:,}"


@register.filter
def ago(at: datetime | None) -> str:
    return markup.NOTHING if at is None else markup.relative(at, timezone.now())


@register.filter
def actor(who: str) -> str:
    """`ana` of `user:ana`; keys, tokens and the system say what they are."""
    return who.removeprefix("user:")


@register.filter
def clock(at: datetime) -> str:
    return f"{viewer_zone.local(at):%H:%M:%S}"


@register.filter
def ran(execution: Any) -> str:
    """How long it ran, or has been running."""
    return markup.duration(execution_page.waited_and_ran(execution, now=timezone.now())[1])


@register.filter
def run_state(execution: Any) -> SafeString:
    return chips.state_chip(approvals.shown_state(execution))


@register.filter
def trigger(execution: Any) -> str:
    return execution_page.trigger_in_words(execution)[0]


@register.filter
def reason(word: str) -> str:
    return reasons.in_words(word) if word else ""


@register.filter
def first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:200]


@register.filter
def pretty_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


@register.filter
def parameter(value: Any) -> str | SafeString:
    """A parameter for people: text as it is, lists of plain values in a row, the rest as JSON."""
    if isinstance(value, str):
        return value or format_html("<span class='soft'>{}</span>", "empty")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value)) if value else format_html("<span class='soft'>{}</span>", "none")
    if isinstance(value, dict | list):
        return format_html("<code>{}</code>", json.dumps(value, ensure_ascii=False))
    return "none" if value is None else str(value)


@register.filter
def is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)

"""Filters of the schedule's page: times on its axis, and counts in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.charts.agenda import in_words
from jobs.admin.chips import state_chip
from jobs.admin.schedule.asked import Asked
from jobs.agenda import STATES
from scheduler_project.lib import markup, viewer_zone

register = template.Library()
SHAPES = {"missed": "hollow", "failed": "cross", "running": "run", "skipped": "skip", "ran": "check"}
CHIPS = {"ran": "succeeded"}


@register.filter
def axis_label(at: datetime, span: str) -> str:
    """Hours of a day, and the day where one begins; days of a week."""
    here = viewer_zone.local(at)
    return f"{here:%a} {here.day}" if span == "7d" else f"{here:%H:%M}"


@register.filter
def clock_minute(at: datetime) -> SafeString:
    return _time(at, f"{viewer_zone.local(at):%H:%M}")


@register.filter
def clock_time(at: datetime) -> SafeString:
    here = viewer_zone.local(at)
    return _time(at, f"{here:%H:%M:%S}" if here.second else f"{here:%H:%M}")


@register.filter
def counts_words(counts: Mapping[str, int]) -> str:
    return in_words(counts)


@register.filter
def past_words(counts: Mapping[str, int]) -> str:
    """Of what happened only."""
    return in_words({state: counts.get(state, 0) for state in STATES})


@register.filter
def worst_icon(state: str) -> SafeString:
    return format_html('<span class="worst worst-{}">{}</span>', state, markup.icon(SHAPES.get(state, "dots")))


@register.filter
def agenda_state(state: str) -> SafeString:
    return state_chip(CHIPS.get(state, state))


@register.filter
def day_address(day: date, asked: Asked) -> str:
    return asked.address(view="list", day=day.isoformat())


def _time(at: datetime, words: str) -> SafeString:
    stamp = at.astimezone(UTC).isoformat(timespec="seconds")
    return format_html('<time datetime="{}">{}</time>', stamp, words)

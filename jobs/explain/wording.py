"""The sentences of the planner's rules: what it says when one lets a tick pass, and when it blocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from jobs.planner import Moment, Verdict, room_for
from jobs.rules.states import PRIORITY_NAMES, Misfire, Overlap
from jobs.rules.zones import UnknownZone, load_zone

TITLES = {
    "closing": "Being disabled or archived",
    "observed": "Only observed",
    "template": "Template installed",
    "scheduler_disabled": "Scheduler switched on",
    "maintenance": "Maintenance",
    "paused": "Pause",
    "calendar": "Calendars",
    "misfire": "Lateness",
    "overlap": "Earlier runs",
    "queue_full": "Room in the queue",
}


def instant(at: datetime, timezone: str = "UTC") -> str:
    """`2026-11-01 01:20:00 -04:00`: the wall clock of the zone with its offset."""
    try:
        local = at.astimezone(load_zone(timezone))
    except UnknownZone:
        local = at.astimezone(UTC)
    text = local.isoformat(sep=" ", timespec="seconds")
    return f"{text[:19]} {'UTC' if text[19:] == '+00:00' else text[19:]}"


def seconds(number: float) -> str:
    return f"{number:,.0f} s" if number >= 10 else f"{number:.1f} s"


def title(rule: str) -> str:
    return TITLES.get(rule, rule.replace("_", " ").capitalize())


# --- what lets the tick pass ------------------------------------------------------------------------------------------


def passed(rule: str, moment: Moment) -> str:
    words = PASSED.get(rule)
    return words(moment) if words else "Lets it pass."


def _no_pause(moment: Moment) -> str:
    pause = moment.facts.pause
    if pause is None or pause.until is None:
        return "The job is not paused."
    return f"The pause that {pause.by} set ends before it, at {instant(pause.until, moment.facts.spec.timezone)}."


def _open_calendars(moment: Moment) -> str:
    names = ", ".join(calendar.name for calendar in moment.facts.calendars)
    return f"None of its calendars leaves that time out: {names}." if names else "The job names no calendar."


def _may_run(moment: Moment) -> str:
    policy = moment.facts.policy
    if not moment.is_late:
        return f"It is decided in time; it would count as late after {seconds(policy.late_after_seconds)}."
    return f"It is late, and the misfire policy `{policy.misfire}` lets it run."


WITHOUT_LOOKING = {
    Overlap.ALLOW: "The overlap policy `allow` lets runs go side by side.",
    Overlap.QUEUE_ALL: "The overlap policy `queue_all` lets it wait behind earlier runs.",
    Overlap.REPLACE: "The overlap policy `replace` cancels earlier runs in its favour.",
}


def _has_room(moment: Moment) -> str:
    facts = moment.facts
    if words := WITHOUT_LOOKING.get(facts.policy.overlap):
        return words
    in_the_way = len(facts.active) + len(moment.fired)
    if not in_the_way:
        return "No earlier run of the job is queued or running."
    return f"{in_the_way} earlier run(s) have not ended, and the overlap policy `{facts.policy.overlap}` has room."


def _may_wait(moment: Moment) -> str:
    rooms = moment.facts.rooms
    room = room_for(rooms, len(moment.fired))
    if room is None or room == rooms[0]:
        return "The queue has room for its run."
    return f"Its queue is full; by the policy `degrade` its run waits in the priority {PRIORITY_NAMES[room.priority]}."


PASSED: dict[str, Callable[[Moment], str]] = {
    "closing": lambda _: "The job is not being disabled or archived.",
    "observed": lambda _: "The job is live, not only observed.",
    "template": lambda _: "The code of its template is installed.",
    "scheduler_disabled": lambda _: "The scheduler is switched on.",
    "maintenance": lambda _: "No maintenance covers that time.",
    "paused": _no_pause,
    "calendar": _open_calendars,
    "misfire": _may_run,
    "overlap": _has_room,
    "queue_full": _may_wait,
}


# --- what blocks it ---------------------------------------------------------------------------------------------------


def blocked(verdict: Verdict, moment: Moment) -> str:
    words = BLOCKED.get(verdict.reason)
    if words is None:
        return f"{verdict.text or verdict.reason.replace('_', ' ').capitalize()}."
    return words(verdict, moment)


def _said(verdict: Verdict) -> str:
    return f" (“{verdict.text}”)" if verdict.text else ""


def _clears(verdict: Verdict, moment: Moment, otherwise: str) -> str:
    if verdict.clears_at is None:
        return otherwise
    return f"until {instant(verdict.clears_at, moment.facts.spec.timezone)}"


def _paused(verdict: Verdict, moment: Moment) -> str:
    since = f" at {instant(verdict.since, moment.facts.spec.timezone)}" if verdict.since else ""
    until = _clears(verdict, moment, "until somebody resumes it")
    return f"{verdict.by or 'Somebody'} paused the job{since}{_said(verdict)}: its ticks are skipped {until}."


def _switched_off(verdict: Verdict, moment: Moment) -> str:
    since = f" at {instant(verdict.since, moment.facts.spec.timezone)}" if verdict.since else ""
    who = verdict.by or "Somebody"
    return f"{who} switched the scheduler off{since}{_said(verdict)}: every tick is skipped until it is switched on."


def _maintenance(verdict: Verdict, moment: Moment) -> str:
    until = _clears(verdict, moment, "until somebody ends it")
    by = f", started by {verdict.by}," if verdict.by else ""
    return f"Maintenance{_said(verdict)}{by} holds every job back {until}."


def _calendar(verdict: Verdict, moment: Moment) -> str:
    until = _clears(verdict, moment, "and nobody can say until when")
    return f"A calendar of the job leaves that time out: {verdict.text or verdict.reason}, {until}."


def _overlap(verdict: Verdict, moment: Moment) -> str:
    policy = moment.facts.policy
    who = f"Execution {verdict.blocking_id}" if verdict.blocking_id else "An earlier run"
    room = "" if policy.overlap is Overlap.SKIP else ", and one more waits already,"
    return f"{who} had not ended{room}; the overlap policy is `{policy.overlap}` with {policy.slots or 1} at once."


def _window(_: Verdict, moment: Moment) -> str:
    window = seconds(moment.facts.policy.misfire_window_seconds)
    return f"It was decided too late to be made up for: the misfire window is {window}."


def _newer(verdict: Verdict, moment: Moment) -> str:
    newest = verdict.blocking_due_at
    which = f"the one of {instant(newest, moment.facts.spec.timezone)}" if newest else "a newer one"
    return f"Late, and {which} stands for it: the misfire policy `last` runs only the newest of those that are late."


BLOCKED: dict[str, Callable[[Verdict, Moment], str]] = {
    "disabled_at_tick": lambda *_: "The job was disabled before this tick had been decided.",
    "archived_at_tick": lambda *_: "The job was archived before this tick had been decided.",
    "schedule_error": lambda *_: "The stored schedule could not be evaluated when this tick was due.",
    "observe": lambda *_: "The job is only observed: its ticks are recorded as shadows and nothing of it runs.",
    "template_missing": lambda *_: "The code of its template is not installed, so no process could run it.",
    "scheduler_disabled": _switched_off,
    "maintenance": _maintenance,
    "paused": _paused,
    "calendar_blackout": _calendar,
    "calendar_holiday": _calendar,
    "calendar_day_off": _calendar,
    "misfire_window": _window,
    "misfire_none": lambda *_: f"Late, and the misfire policy `{Misfire.NONE}` makes up for nothing.",
    "misfire_last": _newer,
    "misfire_cap": lambda _, moment: (
        f"Late, and newer ones fill the misfire cap of {moment.facts.policy.misfire_cap} already."
    ),
    "overlap": _overlap,
    "queue_full": lambda *_: "So many runs of its priority waited already that no more of them were taken.",
}

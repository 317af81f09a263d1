"""Whether everything works that has to: each part with its state, how long it took to answer, and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import sealing
from accounts.sealing import providers
from notifications.live import register
from scheduler_project import health
from scheduler_project.lib import markup, sql
from scheduler_project.lib.quick_redis import RedisIsAway
from scheduler_project.observability.verdicts import DEGRADED, HEALTHY, UNHEALTHY, Part

MOST_APART = 2.0  # seconds between the clocks of this process and of the database
TITLES = {
    "database": "PostgreSQL",
    "redis": "Redis",
    "leader": "Scheduler lead",
    "tick": "Scheduler loop",
    "workers": "Workers",
}


@dataclass(frozen=True)
class Check:
    name: str
    title: str
    status: str
    says: str
    action: str = ""
    milliseconds: float | None = None
    since: datetime | None = None
    """When this process first saw it so."""

    @property
    def to_do(self) -> SafeString:
        """What to do, with commands and names set apart."""
        parts = enumerate(self.action.split("`"))
        return format_html_join(
            "", "{}", ((format_html("<code>{}</code>", text) if place % 2 else text,) for place, text in parts)
        )


def all_checks() -> list[Check]:
    return [*_parts(), _timed(_live), _timed(_keys), _timed(_clocks)]


def _parts() -> Iterator[Check]:
    for name, part in health.WATCH.parts().items():
        says = part.message or _well(name, part)
        since = health.WATCH.since(name, part.status)
        took = part.figures.get("milliseconds")
        yield Check(name, TITLES.get(name, name), part.status, says, part.action, took, since)


def _well(name: str, part: Part) -> str:
    figures = part.figures
    if name == "database":
        return "Answers; every migration is applied."
    if name == "redis":
        return f"Answers; {figures['memory_bytes'] / 2**20:.0f} MB in use."
    if name == "leader":
        return f"Held, epoch {figures['epoch']}; runs out in {markup.duration(figures['expires_in_seconds'])}."
    if name == "tick":
        return f"Turned {markup.duration(figures['age_seconds'])} ago."
    if not settings.SCHEDULER_USE_CELERY:
        return "Not used: the scheduler runs jobs itself."
    return f"{figures['count']} with {figures['processes']} processes; every queue is served."


def _live() -> Check:
    name = "live"
    try:
        topics = len(register.listened())
    except RedisIsAway:
        return Check(name, "Live channel", DEGRADED, "Redis does not answer, so pages are not told what happens.",
                     "Mend Redis. Until then pages read themselves again every ten seconds.")  # fmt: skip
    return Check(name, "Live channel", HEALTHY, f"{topics} topic{'' if topics == 1 else 's'} followed at the moment.")


def _keys() -> Check:
    name, title = "keys", "Key provider"
    if not providers.is_configured():
        needed = settings.DAYBOOK_NEEDS_KEYS
        return Check(name, title, DEGRADED if needed else HEALTHY, "None is set up; secrets cannot be stored.",
                     "Set DAYBOOK_KEY_PROVIDER; docs/secrets.md says how.")  # fmt: skip
    try:
        provider = providers.active()
        keys = provider.known_ids()
    except sealing.KeysUnavailable as error:
        return Check(name, title, UNHEALTHY, str(error), "Secrets stay unread until it answers; docs/secrets.md.")
    return Check(name, title, HEALTHY, f"{provider.name}, {len(keys)} key{'' if len(keys) == 1 else 's'}.")


def _clocks() -> Check:
    name = "clocks"
    before = datetime.now(UTC)
    theirs = sql.now()
    after = datetime.now(UTC)
    apart = max((before - theirs).total_seconds(), (theirs - after).total_seconds(), 0.0)
    if apart > MOST_APART:
        return Check(name, "Clocks", DEGRADED, f"This server and PostgreSQL are {apart:.1f} s apart.",
                     "Let both follow a time server. Only PostgreSQL's clock decides what is due.")  # fmt: skip
    return Check(name, "Clocks", HEALTHY, "This server and PostgreSQL agree.")


def _timed(check: Callable[[], Check]) -> Check:
    started = time.perf_counter()
    found = check()
    return replace(found, milliseconds=round((time.perf_counter() - started) * 1000, 1))

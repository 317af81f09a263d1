"""Time zones from the pinned tzdata package: their names, their offsets and the instants at which an offset changes.

The host's own zone files are not read: two hosts with different files would disagree about what is due, and the
version that a revision records would not be the one in use.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = datetime(1970, 1, 1, tzinfo=UTC).toordinal()

# Since 1900 no zone changes its offset twice within two days; a test reads every zone file to hold us to that.
_PROBE = timedelta(days=1)


class UnknownZone(ValueError):
    """No zone of this name in the tzdata package."""


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """At the instant `at` the offset from UTC goes from `before` to `after`; all three in seconds."""

    at: int
    before: int
    after: int

    @property
    def is_gap(self) -> bool:
        return self.after > self.before


def tzdata_version() -> str:
    """The release of the zone rules in use, such as 2026f."""
    return str(tzdata.IANA_VERSION)


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    return frozenset((files("tzdata") / "zones").read_text(encoding="ascii").split()) - {"Factory"}


@lru_cache(maxsize=2)
def zone_offsets(hour: int) -> list[tuple[str, str]]:
    """Each zone with what it is ahead of UTC in this hour since 1970, as `+05:30`; by name."""
    return [(name, _signed(offset_at(name, hour * 3600))) for name in sorted(zone_names())]


def _signed(seconds: int) -> str:
    hours, rest = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02}:{rest:02}"


@lru_cache(maxsize=1)
def _folded_names() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(zone_names())}


def suggest_zone(name: str) -> str | None:
    """The zone that was probably meant by `name`, if there is one."""
    wanted = name.strip().replace(" ", "_").casefold()
    if not 2 <= len(wanted) <= 40:
        return None
    names = _folded_names()
    if wanted in names:
        return names[wanted]
    city = wanted.rpartition("/")[2]
    # Few candidates: comparing with all names would take longer than all other checks together.
    alike = [folded for folded in names if folded.rpartition("/")[2][:1] == city[:1]]
    same = [folded for folded in alike if folded.rpartition("/")[2] == city]
    close = same or difflib.get_close_matches(wanted, alike, n=1, cutoff=0.75)
    return names[close[0]] if close else None


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo:
    """Raises UnknownZone."""
    if name not in zone_names():
        raise UnknownZone(name)
    with (files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as source:
        return ZoneInfo.from_file(source, key=name)


def offset_at(zone: str, instant: int) -> int:
    """Seconds east of UTC that the zone shows at an instant, given in seconds since 1970."""
    return _seconds(_offset(load_zone(zone), EPOCH + timedelta(seconds=instant)))


@lru_cache(maxsize=8192)
def changes_in_year(zone: str, year: int) -> tuple[OffsetChange, ...]:
    """Each change of offset within one UTC year, in order."""
    tz = load_zone(zone)
    before = datetime(year, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    last = datetime(year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    offset = _offset(tz, before)
    found = []
    while before < last:
        probe = min(before + _PROBE, last)
        probed = _offset(tz, probe)
        if probed != offset:
            at = _first_instant_of(tz, probed, before, probe)
            found.append(OffsetChange(int(at.timestamp()), before=_seconds(offset), after=_seconds(probed)))
            offset = probed
        before = probe
    return tuple(found)


def year_start(year: int) -> int:
    return (datetime(year, 1, 1, tzinfo=UTC).toordinal() - EPOCH_ORDINAL) * 86400


def _offset(tz: ZoneInfo, instant: datetime) -> timedelta:
    offset = instant.astimezone(tz).utcoffset()
    assert offset is not None
    return offset


def _first_instant_of(tz: ZoneInfo, offset: timedelta, before: datetime, known: datetime) -> datetime:
    second = timedelta(seconds=1)
    while known - before > second:
        middle = before + (known - before) // second // 2 * second
        if _offset(tz, middle) == offset:
            known = middle
        else:
            before = middle
    return known


def _seconds(offset: timedelta) -> int:
    return offset // timedelta(seconds=1)

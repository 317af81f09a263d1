"""The zones of the tzdata package, and the changes found in them against the zone files themselves."""

from __future__ import annotations

import importlib.resources
import struct
from itertools import pairwise

import pytest

from jobs.rules import zones
from tests.jobs.rules import oracle

YEARS = range(1970, 2041)


def test_no_change_is_missed_and_none_made_up() -> None:
    """The part of each zone file that lists its changes; rules for the time after it are regular."""
    compared = 0
    for name in oracle.distinct_zones()[::5]:
        listed = [change for change in _listed_changes(name) if 0 <= change[0] < zones.year_start(2041)]
        last = listed[-1][0] if listed else 0
        found = [(c.at, c.before, c.after) for year in YEARS for c in zones.changes_in_year(name, year) if c.at <= last]
        assert found == listed, name
        compared += len(found)
    assert compared > 1000


def test_changes_lie_far_enough_apart_to_be_found_by_looking_twice_a_day() -> None:
    closest = min(
        later[0] - earlier[0]
        for name in oracle.distinct_zones()
        for earlier, later in pairwise(
            change for change in _listed_changes(name) if change[0] >= zones.year_start(1900)
        )
    )
    assert closest > 2 * 86400


def test_a_zone_without_changes_has_none() -> None:
    assert zones.changes_in_year("Asia/Kolkata", 2026) == ()


def test_knows_all_names_but_the_placeholder() -> None:
    assert {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "US/Eastern"} <= zones.zone_names()
    assert "Factory" not in zones.zone_names()
    assert len(zones.zone_names()) > 550


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "europe/berlin", "Factory"])
def test_refuses_other_names(name: str) -> None:
    with pytest.raises(zones.UnknownZone):
        zones.load_zone(name)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("EU/Paris", "Europe/Paris"),
        ("Amerika/New_York", "America/New_York"),
        ("Asia/Kolkatta", "Asia/Kolkata"),
        ("Mars/Olympus", None),
        ("x", None),
        ("x" * 100, None),
    ],
)
def test_suggests_what_was_meant(typed: str, meant: str | None) -> None:
    assert zones.suggest_zone(typed) == meant


def test_names_the_release_in_use() -> None:
    assert zones.tzdata_version()[:2] == "20"


def _listed_changes(name: str) -> list[tuple[int, int, int]]:
    data = importlib.resources.files("tzdata").joinpath(f"zoneinfo/{name}").read_bytes()
    utc, standard, leaps, times, types, letters = struct.unpack(">6l", data[20:44])
    at = 44 + times * 5 + types * 6 + letters + leaps * 8 + standard + utc
    utc, standard, leaps, times, types, letters = struct.unpack(">6l", data[at + 20 : at + 44])
    at += 44
    instants = struct.unpack(f">{times}q", data[at : at + 8 * times])
    kinds = data[at + 8 * times : at + 9 * times]
    at += 9 * times
    offsets = [struct.unpack(">l", data[at + 6 * i : at + 6 * i + 4])[0] for i in range(types)]
    steps = pairwise([offsets[0], *(offsets[kind] for kind in kinds)])
    return [(instant, old, new) for instant, (old, new) in zip(instants, steps, strict=True) if old != new]

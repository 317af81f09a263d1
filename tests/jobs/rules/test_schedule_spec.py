"""A spec as stored: small, complete, and read back equal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jobs.rules.cron_spelling import cron_from_sets
from jobs.rules.schedule import ENGINE_VERSION, ScheduleSpec, next_occurrence


@pytest.mark.parametrize(
    ("spec", "stored"),
    [
        (ScheduleSpec("manual"), {"kind": "manual", "timezone": "UTC"}),
        (
            ScheduleSpec("cron", "Europe/Berlin", "0 0 * * *"),
            {"kind": "cron", "timezone": "Europe/Berlin", "cron": "0 0 * * *"},
        ),
        (
            ScheduleSpec("interval", every_seconds=60, anchor=datetime(2026, 1, 1, tzinfo=UTC)),
            {"kind": "interval", "timezone": "UTC", "every_seconds": 60, "anchor": "2026-01-01T00:00:00+00:00"},
        ),
        (
            ScheduleSpec("cron", cron="0 0 13 * 5", day_match="all", gap="skip", fold="both", spread_seconds=9),
            {
                "kind": "cron",
                "timezone": "UTC",
                "cron": "0 0 13 * 5",
                "day_match": "all",
                "gap": "skip",
                "fold": "both",
                "spread_seconds": 9,
            },
        ),
    ],
)
def test_only_what_says_something_is_stored(spec: ScheduleSpec, stored: dict[str, object]) -> None:
    assert spec.to_json() == stored
    assert ScheduleSpec.from_json(stored) == spec


def test_keys_of_another_kind_are_not_stored() -> None:
    assert ScheduleSpec("once", cron="* * * * *", every_seconds=5).to_json() == {"kind": "once", "timezone": "UTC"}


def test_instants_are_stored_in_utc() -> None:
    at = datetime.fromisoformat("2026-11-01T09:00:00+01:00")
    stored = ScheduleSpec("once", at=at).to_json()
    assert stored["at"] == "2026-11-01T08:00:00+00:00"
    assert ScheduleSpec.from_json(stored).at == at


def test_a_stored_expression_may_be_longer_than_a_typed_one() -> None:
    odd = [minute for minute in range(60) if minute % 7 in (1, 3, 4)]
    cron = cron_from_sets(odd, range(0, 24, 3), [1, 2, 4, 5, 7, 9, 11, 30], [1, 3, 4, 6], range(7))
    assert len(cron) > 100
    spec = ScheduleSpec.from_json({"kind": "cron", "timezone": "UTC", "cron": cron})
    assert next_occurrence(spec, datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def test_unknown_keys_are_not_dropped_in_silence() -> None:
    with pytest.raises(TypeError):
        ScheduleSpec.from_json({"kind": "manual", "moon_phase": "full"})


def test_the_engine_has_a_version() -> None:
    assert ENGINE_VERSION == "1"

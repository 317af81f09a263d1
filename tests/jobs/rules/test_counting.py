"""Counting by stretches agrees with the engine's own walk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.counting import due_in_stretches
from jobs.rules.schedule import ScheduleSpec, occurrences

START = datetime(2026, 10, 24, 22, tzinfo=UTC)  # the clocks of Berlin go back in the night
INSTANTS = st.datetimes(datetime(2026, 10, 24), datetime(2026, 10, 27), timezones=st.just(UTC))  # noqa: DTZ001
CRONS = st.sampled_from(["*/7 * * * *", "0 2 * * *", "30 1,2,3 * * *", "59 23 * * sun", "0 0 1 1 *"])
SPECS = st.one_of(
    st.builds(lambda cron: ScheduleSpec("cron", "Europe/Berlin", cron=cron), CRONS),
    st.builds(
        lambda every, anchor, end, late: ScheduleSpec(
            "interval", every_seconds=every, anchor=anchor, end_at=end, spread_offset_seconds=late
        ),
        st.integers(60, 200_000),
        INSTANTS,
        st.none() | INSTANTS,
        st.integers(0, 300),
    ),
    st.builds(lambda at: ScheduleSpec("once", at=at), INSTANTS),
    st.just(ScheduleSpec("manual")),
)


@given(SPECS, st.lists(st.integers(1, 50_000), min_size=1, max_size=8))
def test_finds_what_the_walk_finds(spec: ScheduleSpec, lengths: list[int]) -> None:
    edges = [START]
    for length in lengths:
        edges.append(edges[-1] + timedelta(seconds=length))
    expected: dict[int, list[datetime]] = {}
    tiny = timedelta(microseconds=1)
    for place in range(len(lengths)):
        if due := list(occurrences(spec, edges[place] - tiny, edges[place + 1] - tiny)):
            expected[place] = due
    found, _ = due_in_stretches(spec, edges, most=100_000)
    assert found == {place: (len(due), due[0]) for place, due in expected.items()}


def test_says_when_there_is_too_much() -> None:
    edges = [START, START + timedelta(days=1)]
    _, steps = due_in_stretches(ScheduleSpec("cron", cron="* * * * *"), edges, most=100)
    assert steps > 100
    found, steps = due_in_stretches(ScheduleSpec("interval", every_seconds=1, anchor=START), edges, most=100)
    assert found == {0: (86_400, START)}
    assert steps == 1

"""Who leads when, with schedulers that go down and come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jobs.simulation.leading import Lead, Outage, first_led, leads

START = datetime(2026, 6, 1, tzinfo=UTC)
END = START + timedelta(hours=1)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def led(*outages: Outage, schedulers: int = 2) -> list[tuple[int, float, float]]:
    found = leads(START, END, schedulers=schedulers, outages=outages)
    return [
        (lead.scheduler, (lead.since - START).total_seconds(), (lead.until - START).total_seconds()) for lead in found
    ]


class TestLeads:
    def test_one_leads_all_the_time(self) -> None:
        assert [(number, since) for number, since, _ in led()] == [(1, 0)]

    def test_another_takes_over_when_the_lease_has_run_out(self) -> None:
        found = led(Outage(at(100), at(200), scheduler=1))
        assert [(number, since) for number, since, _ in found] == [(1, 0), (2, 110)]

    def test_nobody_leads_while_all_are_down(self) -> None:
        found = led(Outage(at(100), at(200)))
        assert [(number, since) for number, since, _ in found] == [(1, 0), (1, 200)]

    def test_one_that_is_back_before_its_lease_ran_out_waits_for_that(self) -> None:
        found = led(Outage(at(100), at(103)), schedulers=1)
        assert [(number, since) for number, since, _ in found] == [(1, 0), (1, 110)]

    def test_overlapping_outages_are_one(self) -> None:
        found = led(Outage(at(100), at(200), 1), Outage(at(150), at(300), 1), schedulers=1)
        assert [since for _, since, _ in found] == [0, 300]

    def test_nobody_comes_back_before_the_end(self) -> None:
        assert led(Outage(at(100), at(10_000)), schedulers=3) == [(1, 0, 100)]


class TestFirstLed:
    def test_is_the_instant_itself_or_the_next_at_which_somebody_leads(self) -> None:
        two = [Lead(1, at(0), at(100)), Lead(2, at(110), at(200))]
        assert first_led(two, at(0)) == (at(0), 1)
        assert first_led(two, at(99.9)) == (at(99.9), 1)
        assert first_led(two, at(100)) == (at(110), 2)
        assert first_led(two, at(150)) == (at(150), 2)
        assert first_led(two, at(200)) is None

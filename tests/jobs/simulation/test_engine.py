"""Every due instant is in the simulated ledger once, whatever goes down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.planner import JUST_BEFORE
from jobs.rules.policy import JobPolicy
from jobs.rules.schedule import ScheduleSpec, occurrences
from jobs.rules.states import FIRING, Misfire, Overlap
from jobs.simulation import Outage, SimulatedJob, simulate

START = datetime(2026, 10, 31, 12, tzinfo=UTC)
END = START + timedelta(days=2)

specs = st.one_of(
    st.sampled_from(["*/20 * * * *", "30 1 * * *", "0 */3 * * *", "7,9 1-4 * * *"]).map(
        lambda cron: ScheduleSpec(kind="cron", cron=cron, timezone="America/New_York", fold="both")
    ),
    st.integers(60, 20_000).map(lambda every: ScheduleSpec(kind="interval", every_seconds=every, anchor=START)),
)
policies = st.builds(
    JobPolicy,
    misfire=st.sampled_from(list(Misfire)),
    misfire_cap=st.integers(1, 20),
    misfire_window_seconds=st.sampled_from([0, 600, 86_400]),
    overlap=st.sampled_from(list(Overlap)),
    max_instances=st.sampled_from([None, 1, 3]),
    start_deadline_seconds=st.sampled_from([None, 60, 3600]),
)
hours = st.floats(0, 48)
outages = st.lists(
    st.builds(
        lambda at, length, which: Outage(START + timedelta(hours=at), START + timedelta(hours=at + length), which),
        hours,
        hours,
        st.sampled_from([None, 1, 2]),
    ),
    max_size=6,
)


class TestConservation:
    @settings(max_examples=60, deadline=None)
    @given(specs, policies, outages, st.floats(0.1, 20_000))
    def test_each_due_instant_is_recorded_once_or_undecided(
        self, spec: ScheduleSpec, policy: JobPolicy, down: list[Outage], seconds: float
    ) -> None:
        job = SimulatedJob("job", spec, policy, timedelta(seconds=seconds))
        found = simulate([job], START, END, outages=down)
        due = list(occurrences(spec, START - JUST_BEFORE, END))
        recorded = [row.due_at for row in found.ledger]
        undecided = found.undecided.get("job", 0)
        assert recorded == due[: len(due) - undecided]
        for row in found.ledger:
            assert row.decided_at >= row.due_at
            assert (row.reason == "") == (row.outcome in FIRING)
            assert any(lead.since <= row.decided_at < lead.until for lead in found.leads)

    def test_a_job_that_nobody_decides_is_told_as_undecided(self) -> None:
        spec = ScheduleSpec(kind="interval", every_seconds=3600, anchor=START)
        found = simulate(
            [SimulatedJob("job", spec)],
            START,
            END,
            outages=[Outage(START + timedelta(hours=5.5), END + timedelta(days=1))],
        )
        assert (len(found.ledger), found.undecided) == (6, {"job": 43})

"""Policies from outside and from storage."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.rules.policy import InvalidPolicy, JobPolicy
from jobs.rules.states import Misfire, Overlap


class TestParse:
    def test_takes_what_to_json_wrote(self) -> None:
        policy = JobPolicy(misfire=Misfire.ALL, overlap=Overlap.QUEUE_ONE, max_instances=3, retry_base_seconds=0.5)
        assert JobPolicy.parse(policy.to_json()) == policy

    @pytest.mark.parametrize(
        ("given", "name", "says"),
        [
            ({"misfire": "some"}, "misfire", "none, last, all"),
            ({"misfire": None}, "misfire", "none, last, all"),
            ({"nonsense": 1}, "nonsense", "Unknown policy"),
            ({"max_retries": -1}, "max_retries", "from 0 to 100"),
            ({"max_retries": 1.5}, "max_retries", "whole number"),
            ({"max_retries": True}, "max_retries", "whole number"),
            ({"timeout_seconds": "60"}, "timeout_seconds", "whole number"),
            ({"timeout_seconds": None}, "timeout_seconds", "whole number"),
            ({"retry_base_seconds": float("nan")}, "retry_base_seconds", "number from"),
            ({"soft_timeout_seconds": 60, "timeout_seconds": 60}, "soft_timeout_seconds", "shorter"),
            ({"retry_base_seconds": 400}, "retry_cap_seconds", "not be shorter"),
            ({"overlap": ["skip"]}, "overlap", "allow"),
        ],
    )
    def test_says_what_would_be_right(self, given: dict[str, Any], name: str, says: str) -> None:
        with pytest.raises(InvalidPolicy) as caught:
            JobPolicy.parse(given)
        assert says in " ".join(caught.value.fields[name])

    def test_refuses_what_is_no_object(self) -> None:
        with pytest.raises(InvalidPolicy):
            JobPolicy.parse(["skip"])


def test_a_stored_policy_may_have_names_of_a_newer_release() -> None:
    assert JobPolicy.from_json({"misfire": "all", "from_the_future": 1}) == JobPolicy(misfire=Misfire.ALL)


def test_a_stored_policy_may_have_choices_of_a_newer_release() -> None:
    assert JobPolicy.from_json({"misfire": "all", "overlap": "from_the_future"}) == JobPolicy(misfire=Misfire.ALL)


@pytest.mark.parametrize(
    ("policy", "slots"),
    [
        (JobPolicy(), 1),
        (JobPolicy(max_instances=4), 4),
        (JobPolicy(overlap=Overlap.ALLOW), None),
        (JobPolicy(overlap=Overlap.ALLOW, max_instances=2), 2),
    ],
)
def test_slots_say_how_many_may_run_at_once(policy: JobPolicy, slots: int | None) -> None:
    assert policy.slots == slots

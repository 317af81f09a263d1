"""The builder and the expression say the same, whichever way one goes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.cron import expand
from jobs.rules.cron_builder import EVERY_HOURS, EVERY_MONTHS, WEEKS, Choice, choice_of, expression_of
from jobs.rules.cron_meaning import meanings
from jobs.rules.cron_syntax import FIELDS, BadCron

HOURS, MINUTES, WEEKDAYS = st.integers(0, 23), st.integers(0, 59), st.integers(0, 6)
CHOICES = st.one_of(
    st.builds(
        Choice,
        st.just("hourly"),
        minutes=st.frozensets(MINUTES, min_size=1),
        every_hours=st.sampled_from(EVERY_HOURS),
    ),
    st.builds(Choice, st.just("daily"), HOURS, MINUTES),
    st.builds(Choice, st.just("weekly"), HOURS, MINUTES, weekdays=st.frozensets(WEEKDAYS, min_size=1)),
    st.builds(
        Choice,
        st.just("monthly"),
        HOURS,
        MINUTES,
        month_day=st.sampled_from(("days", "last", "weekday")),
        month_days=st.frozensets(st.integers(1, 31), min_size=1),
        week=st.sampled_from(WEEKS),
        weekday=WEEKDAYS,
        every_months=st.sampled_from(EVERY_MONTHS),
    ),
)
VALUES = [st.sets(st.integers(rules.low, rules.high), min_size=1, max_size=3) for rules in FIELDS]
FIELD = [
    st.one_of(st.just("*"), st.just("*/2"), values.map(lambda found: ",".join(map(str, found)))) for values in VALUES
]


@given(CHOICES)
def test_every_choice_has_an_expression_that_leads_back_to_what_it_means(choice: Choice) -> None:
    expression = expression_of(choice)
    found = choice_of(expression)
    assert found is not None
    assert expand(expression_of(found)) == expand(expression)


@given(st.tuples(*FIELD).map(" ".join))
def test_an_expression_becomes_only_a_choice_that_means_the_same(expression: str) -> None:
    found = choice_of(expression)
    assert found is None or expand(expression_of(found)) == expand(expression)


@pytest.mark.parametrize(
    ("expression", "choice"),
    [
        ("5 * * * *", Choice("hourly", minutes=frozenset({5}))),
        ("*/15 * * * *", Choice("hourly", minutes=frozenset({0, 15, 30, 45}))),
        ("0,30 */6 * * *", Choice("hourly", minutes=frozenset({0, 30}), every_hours=6)),
        ("@daily", Choice("daily")),
        ("30 9 * * *", Choice("daily", 9, 30)),
        ("0 9 * * mon-fri", Choice("weekly", 9, weekdays=frozenset({1, 2, 3, 4, 5}))),
        ("0 9 * * 7", Choice("weekly", 9, weekdays=frozenset({0}))),
        ("0 9 1,15 * *", Choice("monthly", 9, month_days=frozenset({1, 15}))),
        ("0 9 L * *", Choice("monthly", 9, month_day="last")),
        ("0 9 * * 5#2", Choice("monthly", 9, month_day="weekday", week=2, weekday=5)),
        ("0 9 1 */3 *", Choice("monthly", 9, every_months=3)),
        ("0 0 1 1 *", Choice("monthly", every_months=12)),
    ],
)
def test_knows_the_usual_ones(expression: str, choice: Choice) -> None:
    assert choice_of(expression) == choice


@pytest.mark.parametrize(
    "expression",
    [
        "0 9,17 * * *", "*/5 9-17 * * *", "0 9 13 * 5", "0 9 * 3 *", "0 9 1 2,3 *", "0 9 15,L * *", "0 9 * * 1#1,1#3",
        "0 9 * * 1,5#2", "0 */5 * * *", "0 9 * * 1-5 2026", "@reboot", "", "nonsense", "* * * *", "0 0-99999999 * * *",
    ],
)  # fmt: skip
def test_leaves_alone_what_it_cannot_say(expression: str) -> None:
    assert choice_of(expression) is None


class TestMeanings:
    def test_explain_each_field(self) -> None:
        found = meanings("*/20 9-17 L jan,jul mon-fri")
        assert [field.meaning for field in found] == ["0, 20, 40", "9-17", "last day", "Jan, Jul", "Mon-Fri"]
        assert [field.text for field in meanings("@daily")] == ["0", "0", "*", "*", "*"]
        assert [field.meaning for field in meanings("* * * * 5#2")][-1] == "second Fri"
        assert meanings("*/2 * * * *")[0].meaning == "0, 2, 4, 6, …, 58"

    def test_name_the_field_that_is_wrong(self) -> None:
        found = meanings("61 9 * *")
        assert found[0].problem == "61 is outside 0 to 59."
        assert (found[1].meaning, found[1].problem) == ("9", "")
        assert found[4] == type(found[4])("day of week", "")

    @given(st.text(max_size=200))
    def test_are_always_five(self, text: str) -> None:
        assert len(meanings(text)) == 5


@pytest.mark.parametrize(
    "text",
    ["0 0 1-100000000 * *", "9" * 90 + " * * * *", "*/1" * 30, ",".join(["1-59"] * 19), "1-9" * 3000, "\x00 * * * *"],
)
def test_hostile_texts_cost_no_time(text: str) -> None:
    start = time.perf_counter()
    assert choice_of(text) is None
    assert len(meanings(text)) == 5
    with pytest.raises(BadCron):
        expand(text)
    assert time.perf_counter() - start < 0.1

"""What a cron expression may look like, and what the refusals say."""

from __future__ import annotations

import time

import pytest

from jobs.rules.cron_syntax import BadCron, normalise_cron, read_cron


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("@daily", "0 0 * * *"),
        ("@MIDNIGHT", "0 0 * * *"),
        (" @hourly ", "0 * * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("  5  4 \t * * MON-fri ", "5 4 * * MON-fri"),
    ],
)
def test_normalises_spaces_and_nicknames(text: str, normal: str) -> None:
    assert normalise_cron(text) == normal


REFUSED = [
    ("", "five fields"),
    ("* * * *", "this one has 4 fields"),
    ("*", "this one has 1 field."),
    ("0 * * * * *", "6 fields; seconds and years are not supported"),
    ("0 0 * * * * 2027", "7 fields; seconds and years are not supported"),
    ("* * * * * * * *", "this one has 8 fields"),
    ("@reboot", "no time of day"),
    ("@every5m", "Known names: @annually"),
    ("60 * * * *", "Minute: 60 is outside 0 to 59"),
    ("-1 * * * *", "Minute: "),
    ("* 24 * * *", "Hour: 24 is outside 0 to 23"),
    ("* * 0 * *", "Day of month: 0 is outside 1 to 31"),
    ("* * 32 * *", "Day of month: 32 is outside"),
    ("* * * 0 *", "Month: 0 is outside 1 to 12"),
    ("* * * 13 *", "Month: 13"),
    ("* * * * 8", "Day of week: 8 is outside 0 to 6"),
    ("1-60 * * * *", "60 is outside"),
    ("1-100000000 * * * *", "outside 0 to 59"),
    (f"1-{'9' * 90} * * * *", "outside 0 to 59"),
    (f"*/{'9' * 90} * * * *", "a step of"),
    ("*/0 * * * *", "a step is at least 1"),
    ("5-5/0 * * * *", "a step is at least 1"),
    ("*/60 * * * *", "leaves nothing but 0; write 0"),
    ("59/15 * * * *", "leaves nothing but 59"),
    ("* */24 * * *", "leaves nothing but 0"),
    ("* * * * */7", "leaves nothing but 0"),
    ("50-10/5 * * * *", "write the values as a list"),
    ("* * * * 7/2", "write 0 for Sunday"),
    ("1,,2 * * * *", "empty part"),
    (", * * * *", "empty part"),
    ("*,*/ * * * *", "not understood"),
    ("1--2 * * * *", "not understood"),
    ("1-2-3 * * * *", "not understood"),
    ("1/2/3 * * * *", "not understood"),
    ("** * * * *", "not understood"),
    ("1.5 * * * *", "not understood"),
    ("foo * * * *", '"foo" is not a number'),
    ("* * * foo *", '"foo" is not a name from jan on or a number'),
    ("* * * * foo", '"foo" is not a name from sun on or a number'),
    ("* * * mon *", '"mon" is not a name from jan on'),
    ("jan * * * *", '"jan" is not a number'),
    ("R * * * *", "random and hashed"),
    ("R(0-10)/2 * * * *", "random and hashed"),
    ("H * * * *", "random and hashed"),
    ("H(0-29)/10 * * * *", "random and hashed"),
    ("0 0 ? * *", "Quartz"),
    ("0 0 15W * *", "nearest working day"),
    ("0 0 LW * *", "nearest working day"),
    ("0 0 L-3 * *", "L alone in the day of month"),
    ("0 0 1-L * *", "L alone in the day of month"),
    ("L * * * *", "L alone in the day of month"),
    ("0 0 * * L", "L5 in the day of week"),
    ("0 0 * * 5L", "write L5"),
    ("0 0 * * 5#0", "1 to 5"),
    ("0 0 * * 5#6", "1 to 5"),
    ("0 0 * * 8#1", "8 is outside"),
    ("0 0 5#2 * *", "# belongs in the day of week"),
    ("\u0663 * * * *", "ASCII"),
    ("\uff11 * * * *", "ASCII"),
    ("0\u00a00 * * *", "ASCII"),
    ("0 0 * * *\n", "on one line"),
    ("0 0 * *\x00 *", "on one line"),
    ("0 0 * *\x7f *", "on one line"),
    ("99 99 99 99 99", "Minute: 99 is outside 0 to 59. Hour: 99 is outside 0 to 23. Day of month"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(BadCron) as refusal:
        read_cron(text)
    assert reason in str(refusal.value)


def test_a_huge_range_costs_nothing() -> None:
    began = time.perf_counter()
    for _ in range(1000):
        with pytest.raises(BadCron):
            read_cron("1-100000000 * * * *")
    assert time.perf_counter() - began < 0.5


def test_messages_do_not_repeat_long_input() -> None:
    with pytest.raises(BadCron) as refusal:
        read_cron("a" * 5000 + " * * * *")
    assert len(str(refusal.value)) < 200

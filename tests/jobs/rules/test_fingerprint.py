"""Errors of one cause have one fingerprint, and others another."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.fingerprint import PROJECT, fingerprint, innermost_place, normalised
from jobs.rules.states import AttemptOutcome

FAILED = AttemptOutcome.FAILED


def of(message: str, *, error_class: str = "ValueError", place: str = "shop/imports.py in run") -> str:
    return fingerprint(FAILED, error_class=error_class, message=message, place=place)


SAME = {
    "numbers": ("Order 123 not found", "Order 9,876 not found"),
    "signs and fractions": ("took 3.5 s", "took -3.5e-07 s"),
    "numbers with a unit": ("read 12MB of 90%", "read 4kB of 7.5%"),
    "lists of another length": ("rows 1, 2, 3 are wrong", "rows 17 are wrong"),
    "ids with letters": ("order-12ab of cust_7 is gone", "order-9 of cust_12x is gone"),
    "UUIDs": (
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301 is gone",
        "deadbeef-cafe-babe-aaaa-0305e82cabcd is gone",
    ),
    "keys in hex": ("commit deadbeefcafe is unknown", "commit 0123456789ab is unknown"),
    "addresses of objects": ("<Cart object at 0x7f8a1c> is closed", "<Cart object at 0x10> is closed"),
    "quoted values": ("Unknown colour 'red'.", "Unknown colour 'dark green'."),
    "quoted values with an apostrophe": ("Unknown name 'O'Brien'.", "Unknown name 'Smith'."),
    "other quotes": ('column "a" and `b` and “c” and «d»', 'column "eee" and `f f` and “gg” and «h»'),
    "lists of quoted values": ("Unknown: ['a', 'b']", "Unknown: ['c']"),
    "paths of a time": ("No such file: /tmp/abcdefg/data.csv", "No such file: /tmp/hijklmn/data.csv"),
    "paths of a person": ("/home/ana/in.csv is empty", "/home/olaf/in.csv is empty"),
    "paths with a date": ("/data/2026/11/21/in.csv is empty", "/data/2025/1/in.csv is empty"),
    "dates": ("nothing on 2026-11-21", "nothing on 2025-01-02"),
    "instants": ("late since 2026-11-21T10:00:00.123Z now", "late since 2026-11-21 09:00:00+01:00 now"),
    "dates in words": ("closed on 21 Nov 2026 at 10:00", "closed on Sat, March 1, 2025 at 9:30"),
    "e-mail addresses": ("ana@example.com refused it", "gita.k+x@mail.example.org refused it"),
    "workers": ("worker@host-a stopped answering", "celery@db.local stopped answering"),
    "addresses of hosts": ("connect to 10.0.0.1:5432: timed out", "connect to 192.168.7.20:6379: timed out"),
    "days of a month": ("stock of may 3 is gone", "stock of may 31 is gone"),
    "spaces": ("it   broke\n", "it broke"),
}
DIFFERENT = {
    "other words": ("Order 1 not found", "Order 1 not paid"),
    "an apostrophe is no quote": ("can't read it, won't stop", "can't write it, won't stop"),
    "a month alone": ("it may fail", "it will fail"),
}


@pytest.mark.parametrize("what", SAME)
def test_is_the_same_with_other(what: str) -> None:
    one, other = SAME[what]
    assert normalised(one) == normalised(other)
    assert of(one) == of(other)


@pytest.mark.parametrize("what", DIFFERENT)
def test_differs_by(what: str) -> None:
    one, other = DIFFERENT[what]
    assert of(one) != of(other)


def test_reads_messages_as_the_documentation_says() -> None:
    page = (Path(__file__).parents[3] / "docs" / "dead-letters.md").read_text()
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", page, re.MULTILINE)
    assert len(rows) == 4
    assert [normalised(message) for message, _ in rows] == [read_as for _, read_as in rows]


def test_differs_by_class_and_place() -> None:
    assert len({of("no"), of("no", error_class="KeyError"), of("no", place="shop/imports.py in load")}) == 3


@pytest.mark.parametrize("outcome", [AttemptOutcome.TIMED_OUT, AttemptOutcome.LOST])
def test_of_a_timeout_or_a_loss_is_that_alone(outcome: AttemptOutcome) -> None:
    found = {
        fingerprint(outcome, error_class=error_class, message=message, place=place)
        for error_class, message, place in (("", "Ran longer.", ""), ("WorkerLost", "Gone.", "a.py in run"))
    }
    assert len(found) == 1


NUMBERS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.uuids(), st.datetimes(), st.ip_addresses(v=4)
)
WORDS = st.text(st.characters(exclude_categories=["Nd", "No", "Nl", "Cs"]), max_size=20)


@given(st.lists(st.tuples(WORDS, st.integers(), st.integers()), max_size=8), WORDS)
def test_any_error_is_the_same_with_other_whole_numbers(parts: list[tuple[str, int, int]], end: str) -> None:
    one = "".join(f"{word} {first} " for word, first, _ in parts) + end
    other = "".join(f"{word} {second} " for word, _, second in parts) + end
    assert of(one) == of(other)


@given(st.sampled_from(["{}", "x={}", "({})", "id-{}", "{} of {}", "{}ms", "a/{}/b", "{}%", "k@{}"]), st.data())
def test_an_error_is_the_same_with_other_values_in_its_words(pattern: str, data: st.DataObject) -> None:
    one, other = (pattern.format(data.draw(NUMBERS), data.draw(NUMBERS)) for _ in range(2))
    message = "Cannot take it: {} was refused."
    assert of(message.format(one)) == of(message.format(other))


@given(st.text())
def test_any_text_has_one(message: str) -> None:
    assert len(of(message)) == 32
    assert len(normalised(message)) <= 300


@pytest.mark.parametrize(
    "part",
    ["a", "a-", "' ", "'a ", '"a ', "1.", "a@", "1 ", "mon ", "`a", "#, ", "/tmp/", "a.b+", "+", "1,,,,", " ", "1. "],
)
def test_no_text_keeps_it_busy(part: str) -> None:
    began = time.process_time()
    normalised(part * 10_000)
    assert time.process_time() - began < 0.5


TRACEBACK = f"""Traceback (most recent call last):
  File "{PROJECT}/jobs/execution/executor.py", line 141, in _let_work
    result = template().run(context, claim.parameters)
  File "/srv/shop/imports.py", line {{line}}, in run
    load(parameters)
  File "/srv/shop/imports.py", line 30, in load
    json.loads(text)
  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode
  File "/app/.venv/lib/python3.11/site-packages/x/y.py", line 3, in z
ValueError: no
"""


class TestInnermostPlace:
    def test_is_in_the_templates_own_code_whatever_the_line(self) -> None:
        assert innermost_place(TRACEBACK.format(line=9)) == "shop/imports.py in load"
        assert innermost_place(TRACEBACK.format(line=90)) == "shop/imports.py in load"

    def test_is_of_the_error_that_was_raised_last(self) -> None:
        first = TRACEBACK.format(line=9)
        cause = "\nThe above exception was the direct cause of the following exception:\n\n"
        last = 'Traceback (most recent call last):\n  File "/srv/shop/prices.py", line 3, in wrap\nKeyError: 1\n'
        assert innermost_place(first + cause + last) == "shop/prices.py in wrap"

    def test_is_nothing_when_no_code_of_the_template_ran(self) -> None:
        lines = TRACEBACK.splitlines()
        assert innermost_place("\n".join((*lines[:3], lines[-1]))) == ""
        assert innermost_place("") == ""

from __future__ import annotations

import pytest

from templates_registry.placeholders import BadPlaceholder, check, fill

NAMES = ("job", "tenant")
ATTACKS = [
    "{job.__class__}",
    "{job.__class__.__mro__}",
    "{job[0]}",
    "{job.__init__.__globals__[settings].SECRET_KEY}",
    "{job!r}",
    "{job!s}",
    "{job!a}",
    "{job:>1000000000}",
    "{job:{tenant}}",
    "{job:%Y}",
    "{}",
    "{0}",
    "{0.__class__}",
    "{ job}",
    "{job }",
    "{JOB}",
    "{self}",
    "{context}",
    "{settings.SECRET_KEY}",
    "{job",
    "job}",
    "{{job}",
    "{job}}",
    "{",
    "}",
    "{job{tenant}}",
    "{!r}",
    "{:x}",
    "{job.}",
    "{.job}",
    "{[job]}",
    "{job\n}",
]


class TestCheck:
    @pytest.mark.parametrize("text", ATTACKS)
    def test_refuses(self, text: str) -> None:
        assert check(f"before {text} after", NAMES)

    @pytest.mark.parametrize("text", ["", "a", "{job}", "{job}{tenant}{job}", "{{job}}", "{{}}", "{{{job}}}", "%s"])
    def test_allows(self, text: str) -> None:
        assert check(text, NAMES) == []

    def test_names_what_may_be_used(self) -> None:
        assert check("{jobs} {jobs}", NAMES) == ["must not use {jobs}; the placeholders are {job}, {tenant}"]

    def test_says_how_to_write_a_brace(self) -> None:
        assert check("{", NAMES) == ["must write a brace that is no placeholder twice: {{ or }}"]


class TestFill:
    def test_puts_the_values_in(self) -> None:
        assert fill("{job} of {tenant}, {{literally}}", {"job": "A", "tenant": "t"}) == "A of t, {literally}"

    def test_does_not_look_into_values(self) -> None:
        assert fill("{job}", {"job": "{tenant} {job.__class__}", "tenant": "t"}) == "{tenant} {job.__class__}"

    @pytest.mark.parametrize("text", ["{job!r}", "{job:x}", "{"])
    def test_refuses_what_check_refuses(self, text: str) -> None:
        with pytest.raises(BadPlaceholder):
            fill(text, {"job": "x"})

    def test_never_reaches_into_a_value(self) -> None:
        with pytest.raises(KeyError):
            fill("{job.__class__}", {"job": "x"})

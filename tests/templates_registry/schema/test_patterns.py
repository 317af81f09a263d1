from __future__ import annotations

import time

import pytest

from templates_registry.schema.patterns import compile_pattern, find_pattern_problem

HARMFUL = [
    r"^(a+)+$",
    r"^(a|a)*$",
    r"^(a*)*$",
    r"^(a|aa)+$",
    r"(x+x+)+y",
    r"^([a-zA-Z0-9]+)*$",
    r"^(.*)*$",
    r"^(a?){30}a{30}$",
    r"^(a|a?)+$",
    r"^(\w+\s?)*$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"^(a{1,30}){1,30}$",
    r"^(a|a){20}$",
    r"^(?=(a+)+$)",
    r"^(?:(?=.*x)a)*$",
    r"^(a?b?)*$",
    r"^(ab|a|b)*$",
    r"^([0-9a-f]+-?)+$",
    r"^(\d+|\d+\.\d*)+$",
    r"^([^,]|[^;])*$",
    r"^(?>a+)+$",
    r"^(a++)+$",
    r"^(a+?)+?$",
    r"^(.|\n|a)*$",
    r"^(?:(?:a+)b?)+$",
    r".*.*.*",
    r"^\s*a*\s*\s*$",
    r"^[a-z]*[a-z]*[a-z]*$",
    r"(a)\1",
    r"(?P<x>a)(?P=x)",
    r"^(a)?(?(1)b|c)$",
    r"(?i)abc",
    r"(?i:abc)",
    "[a-z]?" * 80,
    "^" + "(a|a)" * 30 + "$",
    "^" + "(a|b)*" * 60 + "$",
    "^(" + "|".join("abcdefghij"[i % 10] * 5 for i in range(60)) + ")*$",
    "a" * 501,
    "a{99999999999999}",
    "(",
    "[]$]",
]
QUADRATIC = [r"\s+$", r"^\S+@\S+$", r"[a-z]+", r"^a*a*$"]
HARMLESS = [
    r"^[a-z0-9-]{1,63}$",
    r"^(\d{1,3}\.){3}\d{1,3}$",
    r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$",
    r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}$",
    r"^[^\r\n]*$",
    r"^s3://[a-z0-9.-]+(/[A-Za-z0-9_.-]+)*$",
    r"^(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{8,40}$",
    r"^(a|b|c)+$",
    r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$",
    r"^(MON|TUE)(,(MON|TUE))*$",
    r"^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$",
    r"^(?:x|y)?z$",
    r"(^a|^b)c",
    r"^(\s|\t)*$",  # one class, once it is parsed
    r"^(\D|x)*$",
    r"\Aab*\Z",
    r"",
    r"^$",
    r"^[^\W\d]$",
]


class TestFindPatternProblem:
    @pytest.mark.parametrize("pattern", HARMFUL)
    def test_refuses_what_can_be_made_to_hang(self, pattern: str) -> None:
        began = time.process_time()
        assert find_pattern_problem(pattern, max_length=1_000)
        assert time.process_time() - began < 2

    @pytest.mark.parametrize("pattern", HARMLESS)
    def test_allows_what_is_linear(self, pattern: str) -> None:
        assert find_pattern_problem(pattern) is None

    @pytest.mark.parametrize("pattern", QUADRATIC)
    def test_wants_a_short_text_for_what_is_quadratic(self, pattern: str) -> None:
        assert "maxLength" in str(find_pattern_problem(pattern))
        assert "maxLength" in str(find_pattern_problem(pattern, max_length=1_001))
        assert find_pattern_problem(pattern, max_length=1_000) is None

    @pytest.mark.parametrize("pattern", [*HARMLESS, *QUADRATIC])
    @pytest.mark.parametrize("pump", ["a", "0", " ", "-", "a.", "MON,", "0.", "s3://a/", "@a", "\t \n"])
    def test_what_is_allowed_is_fast_on_evil_texts(self, pattern: str, pump: str) -> None:
        began = time.process_time()
        compile_pattern(pattern).search((pump * 1_000)[:1_000] + "\x00!")
        assert time.process_time() - began < 0.25


class TestCompilePattern:
    @pytest.mark.parametrize(
        ("pattern", "text", "matches"),
        [
            ("^a$", "a", True),
            ("^a$", "a\n", False),
            (r"^a\$$", "a$", True),
            (r"^[$]$", "$", True),
            (r"^\d$", "٣", False),
            (r"^\w$", "é", False),
        ],
    )
    def test_reads_a_pattern_as_json_schema_does(self, pattern: str, text: str, matches: bool) -> None:
        assert (compile_pattern(pattern).search(text) is not None) == matches

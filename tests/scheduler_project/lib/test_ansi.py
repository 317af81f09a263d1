"""Terminal colours in the lines of logs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler_project.lib import ansi

RED, OFF = "\x1b[31m", "\x1b[0m"


class TestPieces:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("plain", [("", "plain")]),
            (f"{RED}bad{OFF} rest", [("ansi-red", "bad"), ("", " rest")]),
            ("\x1b[1;32mgood\x1b[22m less", [("ansi-green ansi-bold", "good"), ("ansi-green", " less")]),
            ("\x1b[91;44mloud\x1b[39;49m off", [("ansi-red ansi-on-blue", "loud"), ("", " off")]),
            ("\x1b[38;5;3mnamed\x1b[38;5;200mfine", [("ansi-yellow", "named"), ("ansi-yellow", "fine")]),
            ("\x1b[38;2;1;2;3mtrue\x1b[4munder", [("", "true"), ("ansi-underlined", "under")]),
            ("a\x1b[2Kb\x1b[10;3Hc", [("", "a"), ("", "b"), ("", "c")]),
            ("\x1b]0;title\x07shown\x1b]8;;http://x\x1b\\link", [("", "shown"), ("", "link")]),
            ("alone\x1b", [("", "alone")]),
            ("\x1b[mreset", [("", "reset")]),
            ("\x1b[31", [("", "[31")]),
        ],
    )
    def test_have_the_classes_of_what_a_terminal_would_show(self, text: str, expected: list[tuple[str, str]]) -> None:
        assert ansi.pieces(text) == expected
        assert ansi.plain(text) == "".join(part for _, part in expected)

    @given(st.text(alphabet="\x1b[]0123456789;mKab<&>\x07\\", max_size=80))
    def test_say_the_same_as_the_plain_text_and_let_no_escape_through(self, text: str) -> None:
        pieces = ansi.pieces(text)
        assert "".join(part for _, part in pieces) == ansi.plain(text)
        assert all(ansi.ESCAPE not in part for _, part in pieces)


class TestHtml:
    def test_escapes_what_stands_between_the_colours(self) -> None:
        assert ansi.html(f"{RED}<b>{OFF}&") == '<span class="ansi-red">&lt;b&gt;</span>&amp;'

    def test_leaves_text_without_colours_to_the_page(self) -> None:
        assert ansi.html("<b>") == "<b>"
        assert not hasattr(ansi.html("<b>"), "__html__")

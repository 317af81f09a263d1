"""JSON pointers."""

from __future__ import annotations

import pytest

from jobs.rules.pointer import NothingThere, is_pointer, value_at

# The examples of RFC 6901, section 5.
DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


class TestValueAt:
    @pytest.mark.parametrize(
        ("pointer", "value"),
        [
            ("", DOCUMENT),
            ("/foo", ["bar", "baz"]),
            ("/foo/0", "bar"),
            ("/", 0),
            ("/a~1b", 1),
            ("/c%d", 2),
            ("/e^f", 3),
            ("/g|h", 4),
            ("/i\\j", 5),
            ('/k"l', 6),
            ("/ ", 7),
            ("/m~0n", 8),
        ],
    )
    def test_finds_the_examples_of_the_standard(self, pointer: str, value: object) -> None:
        assert is_pointer(pointer)
        assert value_at(DOCUMENT, pointer) == value

    @pytest.mark.parametrize("pointer", ["/nothing", "/foo/2", "/foo/-", "/foo/00", "/foo/-1", "/foo/bar", "/a~1b/c"])
    def test_says_when_there_is_nothing(self, pointer: str) -> None:
        with pytest.raises(NothingThere):
            value_at(DOCUMENT, pointer)


class TestIsPointer:
    @pytest.mark.parametrize("text", ["foo", "/~2", "/~", 3, None, ["/a"], "/" + 500 * "a"])
    def test_refuses_what_is_none(self, text: object) -> None:
        assert not is_pointer(text)

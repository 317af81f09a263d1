"""Which characters names may have."""

from __future__ import annotations

import pytest

from scheduler_project.lib import plain_text


@pytest.mark.parametrize(
    "text",
    [
        "Zürich",
        "日次レポート",
        "تقرير يومي",
        "דוח",
        "क्षेत्र",
        "👩‍👩‍👧 family",
        "naïve — “quoted”",
        "a\u200cb",
        "\u200fא",
        "€ 5 %",
    ],
)
def test_names_of_all_scripts_are_fine(text: str) -> None:
    assert plain_text.is_printable(text)


@pytest.mark.parametrize(
    "character", [*"\x00\x07\x08\x1b\x7f\x85\x9b\u2028\u2029", *sorted(plain_text.TURNING), "\ud800", "\uffff"]
)
def test_what_hides_or_turns_text_is_refused(character: str) -> None:
    assert not plain_text.is_printable(f"invoice{character}fdp.exe")
    assert not plain_text.is_printable(f"invoice{character}fdp.exe", lines=True)


def test_line_breaks_are_for_descriptions() -> None:
    assert not plain_text.is_printable("two\nlines")
    assert plain_text.is_printable("two\r\n\tlines", lines=True)

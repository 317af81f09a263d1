"""Text for CSV files that people open in a spreadsheet. Every export writes its cells through here: reports, the audit
trail, templates."""

from __future__ import annotations

from typing import TypeVar
from unicodedata import category

Value = TypeVar("Value")

FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are their full-width forms


def safe(value: Value) -> Value | str:
    """The value, and a text that a spreadsheet would run as a formula with a quotation mark before it, which keeps it
    from that and is not shown. Numbers stay what they are."""
    if not isinstance(value, str) or not value:
        return value
    return f"'{value}" if value[0] in "\t\r\n" or _visible(value).startswith(FORMULA) else value


def _visible(text: str) -> str:
    """Without what spreadsheets leave out at the beginning: space of all kinds, control and format characters."""
    for place, character in enumerate(text):
        if not character.isspace() and category(character) not in ("Cc", "Cf"):
            return text[place:]
    return ""

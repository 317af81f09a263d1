"""Which characters names and notes may have: those that a page, a log line and a message show as they are.

Refused are control characters (with escape sequences among them), halves of characters, unassigned ones, and those that
turn the direction of all that follows, so that a text looks like another one. Joiners, marks and the marks of direction
that end with their letter stay: names in many scripts need them.
"""

from __future__ import annotations

from unicodedata import category

REFUSED = ("Cc", "Cs", "Cn", "Zl", "Zp")
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINES = "\n\r\t"
REFUSAL = "Contains control characters, or ones that turn the direction of the text; write printable ones."


def is_printable(text: str, *, lines: bool = False) -> bool:
    """With `lines`, line breaks and tabs are fine."""
    return all(
        (category(character) not in REFUSED and character not in TURNING) or (lines and character in LINES)
        for character in text
    )

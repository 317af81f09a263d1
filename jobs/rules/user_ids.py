"""One text for an id of a user, however a client has written it over the years: 42, "42", 42.0, a UUID in any spelling.

The database's `daybook_user_id` says the same of what is stored.
"""

from __future__ import annotations

import re

MOST = 100
LARGEST = 10**19  # what a bigint holds, and a little more; longer digits are text
NUMBER = re.compile(r"(0|-?[1-9][0-9]{0,18})(\.0+)?")
UUID = re.compile(
    r"(?:urn:uuid:)?\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?", re.IGNORECASE
)
SPACE = " \t\n\r"
NOBODY = ("", "null", "none")


class InvalidUserId(ValueError):
    """What is written can be the id of nobody."""


def canonical(written: object) -> str | None:
    """The text that stands for this id; None for that of nobody. Raises `InvalidUserId`."""
    if written is None:
        return None
    if isinstance(written, bool):
        raise InvalidUserId("Write a number, a text or null; true and false are ids of nobody.")
    if isinstance(written, float):
        if not written.is_integer() or abs(written) >= 2**53:
            raise InvalidUserId("Write a whole number; fractions and numbers beyond 2^53 cannot be told apart safely.")
        written = int(written)
    if isinstance(written, int):
        if abs(written) >= LARGEST:
            raise InvalidUserId("Write a number of at most 19 digits; longer ids as text.")
        return str(written)
    if not isinstance(written, str):
        raise InvalidUserId("Write a number, a text or null.")
    text = written.strip(SPACE)
    if len(text) > MOST:
        raise InvalidUserId(f"Write at most {MOST} characters.")
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidUserId("Contains characters that cannot be stored; leave them out.")
    return of_text(text)


def of_text(written: str) -> str | None:
    """The same for what is stored, which is taken as it is."""
    text = written.strip(SPACE)
    if text.lower() in NOBODY:
        return None
    if found := NUMBER.fullmatch(text):
        return found[1]
    if found := UUID.fullmatch(text):
        return "-".join(found.groups()).lower()
    return text


def kind(stored: str | None) -> str:
    """Which of the historical types a stored text is of: `number`, `uuid`, `text` or `none`."""
    found = None if stored is None else of_text(stored)
    if found is None:
        return "none"
    if NUMBER.fullmatch(found):
        return "number"
    return "uuid" if UUID.fullmatch(found) else "text"

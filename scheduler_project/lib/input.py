"""What all readers of untrusted input share: the error with every problem by its path, and texts that can be shown."""

from __future__ import annotations

from scheduler_project.lib import plain_text


class InvalidInput(ValueError):
    """Base of all refusals; `fields` has the messages by path."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(messages)}" for path, messages in fields.items()))
        self.fields = fields


def number_of(text: str) -> int | None:
    """Of a row, as addresses and forms have it: in digits, and small enough for the database."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def printable_text(value: object, *, most: int, if_empty: str = "This field may not be empty.") -> tuple[str, str]:
    """The text without space around it, and what is wrong with it."""
    if not isinstance(value, str):
        return "", "Write a text."
    text = value.strip()
    if not text:
        return "", if_empty
    if len(text) > most:
        return text[:most], f"Write at most {most} characters."
    if not plain_text.is_printable(text):
        return "", plain_text.REFUSAL
    return text, ""

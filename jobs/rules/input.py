"""What all readers of untrusted input share: the error with every problem by its path, and texts that can be shown."""

from __future__ import annotations

from unicodedata import category

# Control characters, surrogates, unassigned ones. Joiners and marks stay: names in many scripts need them.
UNWRITABLE = ("Cc", "Cs", "Cn")


class InvalidInput(ValueError):
    """Base of all refusals; `fields` has the messages by path."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(messages)}" for path, messages in fields.items()))
        self.fields = fields


def printable_text(value: object, *, most: int) -> tuple[str, str]:
    """The text without space around it, and what is wrong with it."""
    if not isinstance(value, str):
        return "", "Write a text."
    text = value.strip()
    if not text:
        return "", "This field may not be empty."
    if len(text) > most:
        return text[:most], f"Write at most {most} characters."
    if any(category(character) in UNWRITABLE for character in text):
        return "", "Contains control characters; write printable ones."
    return text, ""

"""How input of accounts is refused: with every problem by its path."""

from __future__ import annotations

from unicodedata import category

# Control characters, surrogates, unassigned ones. Joiners and marks stay: names in many scripts need them.
UNWRITABLE = ("Cc", "Cs", "Cn")
LONGEST_NAME = 200


class InvalidInput(ValueError):
    """`fields` has the messages by path."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(messages)}" for path, messages in fields.items()))
        self.fields = fields


def name_of(value: object) -> str:
    """Raises `InvalidInput`."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > LONGEST_NAME or any(category(character) in UNWRITABLE for character in text):
        raise InvalidInput({"name": [f"A name has 1 to {LONGEST_NAME} printable characters."]})
    return text

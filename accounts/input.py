"""How input of accounts is refused: with every problem by its path."""

from __future__ import annotations

from scheduler_project.lib import plain_text

LONGEST_NAME = 200


class InvalidInput(ValueError):
    """`fields` has the messages by path."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(messages)}" for path, messages in fields.items()))
        self.fields = fields


def name_of(value: object) -> str:
    """Raises `InvalidInput`."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > LONGEST_NAME or not plain_text.is_printable(text):
        raise InvalidInput({"name": [f"A name has 1 to {LONGEST_NAME} printable characters."]})
    return text

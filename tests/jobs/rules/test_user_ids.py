"""Ids of users in every way that clients have written them; Python and PostgreSQL must say the same of each."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.rules import user_ids
from scheduler_project.lib import sql

UUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"

SPELLINGS: list[tuple[object, str | None, str]] = [
    (42, "42", "number"),
    ("42", "42", "number"),
    (" 42\n", "42", "number"),
    ("42.0", "42", "number"),
    (42.0, "42", "number"),
    (-1, "-1", "number"),
    (0, "0", "number"),
    ("0042", "0042", "text"),  # somebody's own code, not the number
    ("-0", "-0", "text"),
    ("4.2", "4.2", "text"),
    ("9999999999999999999", "9999999999999999999", "number"),
    ("10000000000000000000", "10000000000000000000", "text"),
    (UUID, UUID, "uuid"),
    (UUID.upper(), UUID, "uuid"),
    (UUID.replace("-", ""), UUID, "uuid"),
    ("6F9619FF8B86d011b42d00c04fc964ff", UUID, "uuid"),
    (f"{{{UUID}}}", UUID, "uuid"),
    (f"urn:uuid:{UUID}", UUID, "uuid"),
    (f"URN:UUID:{UUID.upper()}", UUID, "uuid"),
    ("11111111111111111111111111111111", "11111111-1111-1111-1111-111111111111", "uuid"),
    ("ana@example.com", "ana@example.com", "text"),
    ("Ana", "Ana", "text"),
    ("None of it", "None of it", "text"),
    (None, None, "none"),
    ("", None, "none"),
    ("null", None, "none"),
    ("NULL", None, "none"),
    ("None", None, "none"),
]


@pytest.mark.parametrize(("written", "canonical", "kind"), SPELLINGS)
def test_each_spelling_has_one_text(written: object, canonical: str | None, kind: str) -> None:
    assert user_ids.canonical(written) == canonical
    assert user_ids.kind(None if written is None else str(written)) == kind
    assert user_ids.canonical(canonical) == canonical


REFUSED = [True, False, 4.2, 1e300, float("nan"), 10**19, [42], {"id": 42}, "x" * 101, "a\x00"]


@pytest.mark.parametrize("written", REFUSED)
def test_what_is_nobodys_id_is_refused(written: Any) -> None:
    with pytest.raises(user_ids.InvalidUserId):
        user_ids.canonical(written)


@pytest.mark.django_db
def test_the_database_says_the_same() -> None:
    texts = [str(written) for written, _, _ in SPELLINGS if written is not None]
    rows = sql.rows(
        "SELECT t.text, daybook_user_id(t.text) AS found FROM unnest(%(texts)s::text[]) AS t(text)", {"texts": texts}
    )
    assert {row["text"]: row["found"] for row in rows} == {text: user_ids.of_text(text) for text in texts}

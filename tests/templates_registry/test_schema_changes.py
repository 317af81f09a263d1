"""What differs between the schemas of two versions, in words."""

from __future__ import annotations

from templates_registry.schema_changes import Change, changes
from tests.templates_registry.schemas import having


def test_names_what_was_added_removed_changed_and_is_required_now() -> None:
    before = having(
        kept={"type": "string"},
        gone={"type": "string"},
        limit={"type": "integer", "maximum": 10, "default": 5},
        must={"type": "string"},
        token={"type": "string"},
    )
    after = having(
        kept={"type": "string"},
        limit={"type": "number", "maximum": 20, "default": 5},
        must={"type": "string", "description": "Why."},
        token={"type": "string", "writeOnly": True},
        new={"type": "boolean", "default": False},
        asked={"type": "string"},
    ) | {"required": ["must", "asked"]}
    found = changes(before, after)
    assert found == [
        Change("new", "added", ("boolean", "default false")),
        Change("asked", "added", ("string", "required")),
        Change("limit", "changed", ("type whole number → number", "rules at most 10 → at most 20")),
        Change("must", "changed", ("now required", "explained anew")),
        Change("token", "changed", ("now secret",)),
        Change("gone", "removed"),
    ]
    assert [change.name for change in found if change.needs_attention] == ["asked", "must", "gone"]
    assert changes(after, after) == []

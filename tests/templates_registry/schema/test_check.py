from __future__ import annotations

from typing import Any

import pytest

from templates_registry.schema import check_schema
from tests.templates_registry.schemas import EVERY_KIND, having

DEEP: dict[str, Any] = {}
for _ in range(100):
    DEEP = {"properties": {"a": DEEP}}

BAD: list[tuple[Any, str]] = [
    ({}, '"type": "object"'),
    ({"type": "string"}, '"type": "object"'),
    ({"type": "object", "required": "a"}, "/required"),
    ({"type": "objet"}, "/type"),
    (having(a={"pattern": "("}), "/properties/a: the pattern is not a regular expression"),
    (having(a={"pattern": "^(a+)+$"}), "repeats a repetition"),
    ({"type": "object", "patternProperties": {"^(a+)+$": {}}}, "patternProperties"),
    (having(a={"$ref": "http://example.org/x"}), "not local"),
    (having(a={"$ref": "other.json#/a"}), "not local"),
    (having(a={"$ref": "#/$defs/none"}), "leads nowhere"),
    (having(a={"$ref": "#name"}), "leads to no schema"),
    (having(a={"$ref": "#/required"}) | {"required": ["a"]}, "leads to no schema"),
    (having(a={"$ref": "#/properties/a"}), "leads back to itself"),
    (having(a={"$ref": "#/$defs/x"}) | {"$defs": {"x": {"allOf": [{"$ref": "#/$defs/x"}]}}}, "leads back to itself"),
    (having(a={"$id": "x"}), "$id is not supported"),
    (having(a={"$dynamicRef": "#x"}), "$dynamicRef is not supported"),
    (having(a={"maxLenght": 3}), "did you mean maxLength?"),
    (having(a={"wibble": 3}), "the keyword wibble is not known"),
    (having(a={"format": "wibble"}), "not one that is checked"),
    ({**having(), "$schema": "http://json-schema.org/draft-07/schema#"}, "$schema must be"),
    (having(a={"type": "integer", "default": "x"}), "default does not satisfy"),
    (having(a={"type": "string", "format": "date", "default": "x"}), "default does not satisfy"),
    (having(a={"type": "integer", "writeOnly": True}), "a secret must have"),
    (having(a={"type": "string", "x-secret": True, "default": "x"}), "a secret cannot have a default"),
    (having(a={"x-order": "1"}), "x-order"),
    (having(a={"x-group": 1}), "x-group"),
    (having(a={"items": {"anyOf": [{"not": {"maxLenght": 1}}]}}), "/properties/a/items/anyOf/0/not"),
    ({"type": "object", **DEEP}, "nested deeper"),
    ({"type": "object", "description": "x" * 300_000}, "256 KB"),
    (having(a={"enum": ("x",)}), "JSON value"),
]  # fmt: skip


class TestCheckSchema:
    @pytest.mark.parametrize(("schema", "words"), BAD)
    def test_says_what_is_wrong_and_where(self, schema: Any, words: str) -> None:
        assert any(words in problem for problem in check_schema(schema)), check_schema(schema)

    @pytest.mark.parametrize(
        "schema",
        [
            EVERY_KIND,
            having(),
            {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
            having(a={"$ref": "#/properties/b"}, b={"prefixItems": [{"$ref": "#/$defs/x~1y"}]})
            | {"$defs": {"x/y": {}}},
            having(a={"$ref": "#/$defs/a/anyOf/0"}) | {"$defs": {"a": {"anyOf": [{"type": "string"}]}}},
            having(a={"$ref": "#/$defs/limit", "default": 3}) | {"$defs": {"limit": {"type": "integer"}}},
            having(a={"x-anything": object.__name__, "$comment": "free"}),
        ],
    )
    def test_allows(self, schema: Any) -> None:
        assert check_schema(schema) == []

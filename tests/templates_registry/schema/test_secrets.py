from __future__ import annotations

from typing import Any

from templates_registry.schema import drop_cleared, keep_secrets, map_secrets, secret_paths, without_secrets
from tests.templates_registry.schemas import having

SECRET = {"type": "string", "writeOnly": True}
SCHEMA: dict[str, Any] = {
    **having(
        token=SECRET,
        plain={"type": "string"},
        server={"type": "object", "properties": {"password": {"type": "string", "x-secret": True}}},
        hosts={"type": "array", "items": {"$ref": "#/$defs/host"}},
        pair={"prefixItems": [{}, SECRET]},
        keys={"type": "object", "additionalProperties": SECRET},
        either={"oneOf": [{"properties": {"key": SECRET}}, {"type": "null"}]},
        named={"type": "object", "patternProperties": {"^k": SECRET}},
    ),
    "$defs": {"host": {"type": "object", "properties": {"key": SECRET, "name": {}}}},
}
TREE = {"type": "object", "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}, "key": SECRET}}


def masked(value: Any) -> str:
    return f"<{value}>"


class TestSecretPaths:
    def test_lists_where_secrets_may_stand(self) -> None:
        assert secret_paths(SCHEMA) == [
            "parameters.either.key",
            "parameters.hosts[*].key",
            "parameters.keys.*",
            "parameters.named.*",
            "parameters.pair[1]",
            "parameters.server.password",
            "parameters.token",
        ]

    def test_ends_on_a_schema_that_contains_itself(self) -> None:
        assert "parameters.key" in secret_paths(TREE)


class TestMapSecrets:
    def test_replaces_each_secret_and_nothing_else(self) -> None:
        value = {
            "token": "a",
            "plain": "b",
            "server": {"password": "c", "x": 1},
            "hosts": [{"key": "d", "name": "e"}],
            "pair": [1, "f"],
            "keys": {"any": "g"},
            "either": {"key": "h"},
            "named": {"k1": "i", "x": "j"},
        }
        assert map_secrets(SCHEMA, value, masked) == {
            "token": "<a>",
            "plain": "b",
            "server": {"password": "<c>", "x": 1},
            "hosts": [{"key": "<d>", "name": "e"}],
            "pair": [1, "<f>"],
            "keys": {"any": "<g>"},
            "either": {"key": "<h>"},
            "named": {"k1": "<i>", "x": "j"},
        }

    def test_reaches_any_depth(self) -> None:
        assert map_secrets(TREE, {"l": {"r": {"l": {"key": "a"}}}}, masked) == {"l": {"r": {"l": {"key": "<a>"}}}}


class TestKeepSecrets:
    def test_takes_what_is_left_out_from_the_old_parameters(self) -> None:
        old = {"token": "a", "plain": "b", "server": {"password": "c"}, "keys": {"x": "d"}}
        assert keep_secrets(SCHEMA, {"server": {"x": 1}}, old) == {"token": "a", "server": {"x": 1, "password": "c"}}

    def test_prefers_what_is_new(self) -> None:
        assert keep_secrets(SCHEMA, {"token": "new"}, {"token": "old"}) == {"token": "new"}


class TestWithoutSecrets:
    def test_leaves_out_what_keep_secrets_puts_back(self) -> None:
        value = {"token": "a", "plain": "b", "server": {"password": "c", "x": 1}}
        shown = without_secrets(SCHEMA, value)
        assert shown == {"plain": "b", "server": {"x": 1}}
        assert keep_secrets(SCHEMA, shown, value) == value

    def test_empties_the_secrets_of_lists(self) -> None:
        value = {"hosts": [{"key": "d", "name": "e"}], "pair": [1, "f"]}
        assert without_secrets(SCHEMA, value) == {"hosts": [{"name": "e"}], "pair": [1, None]}


class TestDropCleared:
    def test_leaves_out_the_secrets_that_are_null(self) -> None:
        value = {"token": None, "plain": None, "server": {"password": None, "x": 1}, "keys": {"a": "b"}}
        assert drop_cleared(SCHEMA, value) == {"plain": None, "server": {"x": 1}, "keys": {"a": "b"}}

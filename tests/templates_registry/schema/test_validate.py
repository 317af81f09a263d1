from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from templates_registry.schema import validate, with_defaults
from templates_registry.schema.dialect import FORMATS
from tests.templates_registry.schemas import EVERY_KIND, FILLED, having

TWO_FORMS = {
    "oneOf": [
        {"type": "object", "required": ["n"], "properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}},
        {"type": "object", "required": ["m"], "properties": {"kind": {"const": "b"}, "m": {"type": "string"}}},
    ]
}
ANY = "must fit at least one of 2 possible forms"
NEAR = "is not known; did you mean days?"
NEITHER = "must fit one of 2 possible forms"

MESSAGES: list[tuple[Any, Any, str, str]] = [
    ({"type": "integer"}, "x", "", "must be a whole number"),
    ({"type": "integer"}, True, "", "must be a whole number"),
    ({"type": "number"}, "x", "", "must be a number"),
    ({"type": "string"}, 1, "", "must be text"),
    ({"type": "boolean"}, 1, "", "must be true or false"),
    ({"type": "null"}, 1, "", "must be null"),
    ({"type": "array"}, 1, "", "must be a list"),
    ({"type": "object"}, 1, "", "must be an object"),
    ({"type": ["string", "null"]}, 1, "", "must be text or null"),
    ({"enum": ["a", 1, None]}, "x", "", "must be one of a, 1, null"),
    ({"enum": ["a"]}, "x", "", "must be a"),
    ({"enum": []}, "x", "", "has no value that could be chosen"),
    ({"enum": list(range(30))}, "x", "", "must be one of " + ", ".join(map(str, range(20))) + ", …"),
    ({"const": ""}, "x", "", 'must be ""'),
    ({"minimum": 1}, 0, "", "must be at least 1"),
    ({"maximum": 365}, 366, "", "must be at most 365"),
    ({"exclusiveMinimum": 0}, 0, "", "must be more than 0"),
    ({"exclusiveMaximum": 9}, 9, "", "must be less than 9"),
    ({"multipleOf": 0.5}, 0.3, "", "must be a multiple of 0.5"),
    ({"minLength": 1}, "", "", "must not be empty"),
    ({"minLength": 3}, "x", "", "must have at least 3 characters"),
    ({"maxLength": 1}, "xx", "", "must have at most 1 character"),
    ({"type": "string"}, "x" * 10_001, "", "must have at most 10000 characters"),
    ({"pattern": "^[a-z]$"}, "A", "", "must match the pattern ^[a-z]$"),
    ({"pattern": "^[a-z]$", "x-pattern-hint": "a small letter"}, "A", "", "must be a small letter"),
    ({"format": "email"}, "@", "", "must be an e-mail address such as ana@example.org"),
    ({"format": "email"}, "a@b\nBcc: c@d", "", "must be an e-mail address such as ana@example.org"),
    ({"format": "uri"}, ":::", "", "must be an address such as https://example.org/path"),
    ({"format": "date"}, "2026-02-30", "", "must be a date such as 2026-01-31"),
    ({"format": "time"}, "14:30", "", "must be a time with its offset, such as 14:30:00Z"),
    ({"format": "date-time"}, "x", "", "must be a date and time with its offset, such as 2026-01-31T14:30:00Z"),
    ({"format": "uuid"}, "x", "", "must be a UUID such as 123e4567-e89b-12d3-a456-426614174000"),
    ({"format": "ipv4"}, "256.1.1.1", "", "must be an IPv4 address such as 192.0.2.1"),
    ({"format": "duration"}, "P1", "", "must be a duration such as PT1H30M"),
    ({"format": "regex"}, "a{99999999999}", "", "must be a regular expression"),
    ({"format": "iri"}, "::", "", "must be a valid iri"),
    ({"minItems": 1}, [], "", "must have at least 1 item"),
    ({"maxItems": 2}, [1, 2, 3], "", "must have at most 2 items"),
    ({"items": {"type": "string"}}, ["a", 2], "[1]", "must be text"),
    ({"prefixItems": [{}, {}], "items": False}, [1, 2, 3], "", "must have at most 2 items"),
    ({"uniqueItems": True}, [1, 1.0], "", "must not contain the same item twice"),
    ({"contains": {"const": 1}}, [2], "", "does not contain the items that are needed, in the right number"),
    ({"unevaluatedItems": False}, [2], "", "has items that are not known"),
    ({"minProperties": 1}, {}, "", "must have at least 1 name"),
    ({"maxProperties": 1}, {"a": 1, "b": 2}, "", "must have at most 1 name"),
    ({"required": ["a"]}, {}, ".a", "is required"),
    ({"properties": {"days": {}}, "additionalProperties": False}, {"dais": 1}, ".dais", NEAR),
    ({"additionalProperties": False}, {"x y": 1}, '["x y"]', "is not known"),
    ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, {"x-1": 1, "y": 1}, ".y", "is not known"),
    ({"unevaluatedProperties": False}, {"a": 1}, "", "has names that are not known"),
    ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "", "has the name ab, which must have at most 1 character"),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, ".b", "is required together with a"),
    ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}, ".b", "is required"),
    ({"not": {"const": 1}}, 1, "", "is not allowed with this value"),
    (False, 1, "", "is not allowed"),
    ({"if": {"required": ["a"]}, "then": {"properties": {"b": False}}}, {"a": 1, "b": 1}, ".b", "is not allowed"),
    ({"propertyNames": {"enum": ["a"]}}, {"propertyNames": 1}, "", "has the name propertyNames, which must be a"),
    ({"properties": {"propertyNames": {"type": "string"}}}, {"propertyNames": 1}, ".propertyNames", "must be text"),
    ({"if": {"const": 1}, "then": {"type": "string"}}, 1, "", "must be text"),
    (TWO_FORMS, {"kind": "a"}, ".n", "is required"),
    (TWO_FORMS, {"kind": "c"}, ".kind", "must be one of a, b"),
    (TWO_FORMS, {}, ".kind", "is required"),
    (TWO_FORMS, 1, "", "must be an object or an object"),
    ({"oneOf": [{"minimum": 1}, {"maximum": 9}]}, 5, "", "fits more than one of the forms that are possible here"),
    ({"oneOf": [{"minimum": 9}, {"minimum": 8}]}, 5, "", NEITHER),
    ({"anyOf": [{"minimum": 9}, {"minimum": 8}]}, 5, "", ANY),
    ({"anyOf": [{"type": "integer", "minimum": 9}, {"type": "null"}]}, 5, "", "must be at least 9"),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x", "", "must be a whole number or null"),
    ({"anyOf": [{"type": ["integer", "null"]}, {"type": "null"}]}, "x", "", ANY),
]  # fmt: skip


class TestValidate:
    @pytest.mark.parametrize(("part", "value", "place", "message"), MESSAGES)
    def test_says_what_would_be_right(self, part: Any, value: Any, place: str, message: str) -> None:
        found = validate(having(p=part), {"p": value})
        assert found == {f"parameters.p{place}": [message]}

    def test_accepts_every_kind(self) -> None:
        assert validate(EVERY_KIND, FILLED) == {}

    @pytest.mark.parametrize("value", [0.1, 0.3, 0.7, 1.1, 1e300, 3, 2**62])
    def test_counts_multiples_by_their_decimal_figures(self, value: float) -> None:
        assert validate(having(p={"multipleOf": 0.1}), {"p": value}) == {}

    @pytest.mark.parametrize("value", [[1, True], ["1", 1], [{"a": 1}, {"a": 2}], [[1], [2]], [0, False], [None, 0]])
    def test_tells_items_apart(self, value: list[Any]) -> None:
        assert validate(having(p={"uniqueItems": True}), {"p": value}) == {}

    @pytest.mark.parametrize("value", [[{"a": 1.0}, {"a": 1}], [[1], [1.0]], ["a", "a"]])
    def test_sees_that_items_are_the_same(self, value: list[Any]) -> None:
        assert validate(having(p={"uniqueItems": True}), {"p": value})

    def test_compares_many_mixed_items_quickly(self) -> None:
        began = time.perf_counter()
        validate(having(p={"uniqueItems": True}), {"p": ["x", *range(11_000)]})
        assert time.perf_counter() - began < 1

    def test_never_repeats_the_value(self) -> None:
        schema = having(
            token={"type": "string", "writeOnly": True, "pattern": "^[a-z]{3}$", "maxLength": 5, "enum": ["abc"]}
        )
        for secret in ("s3cret-canary", {"a": "s3cret-canary"}, ["s3cret-canary"], True):
            assert "canary" not in str(validate(schema, {"token": secret}))

    def test_stops_after_a_hundred_places(self) -> None:
        found = validate(having(p={"items": {"type": "string"}}), {"p": list(range(1_000))})
        assert len(found) == 100

    def test_never_fetches_a_schema(self) -> None:
        with pytest.raises(Exception, match="Unresolvable"):
            validate(having(p={"$ref": "http://127.0.0.1:9/x.json"}), {"p": 1})

    def test_does_not_hang_on_a_schema_that_refers_to_itself(self) -> None:
        endless = {**having(p={"$ref": "#/$defs/a"}), "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}
        assert "refers to itself" in validate(endless, {"p": 1})["parameters"][0]

    @given(st.text(max_size=40))
    @example("\u00b90")
    @settings(max_examples=150, deadline=None)
    def test_no_format_ever_raises(self, text: str) -> None:
        for name in FORMATS.checkers:
            validate(having(p={"format": name}), {"p": text})


class TestBounds:
    @pytest.mark.parametrize(
        ("value", "path", "words"),
        [
            ({1: 2}, "parameters", "plain text"),
            ({"x" * 201: 2}, "parameters", "at most 200 characters"),
            ({"a": float("nan")}, "parameters.a", "finite"),
            ({"a": float("inf")}, "parameters.a", "finite"),
            ({"a": "\0"}, "parameters.a", "NUL"),
            ({"\0": "a"}, "parameters", "plain text"),
            ({"a": "\ud800"}, "parameters.a", "UTF-8"),
            ({"a": 2**63}, "parameters.a", "64 bits"),
            ({"a": [object()]}, "parameters.a[0]", "JSON value"),
            ({"a": (1,)}, "parameters.a", "JSON value"),
            ({"a": "x" * 66_000}, "parameters", "64 KB"),
            ({"a": "x" * 200_000}, "parameters", "64 KB"),
            ({str(i): i for i in range(2_001)}, "parameters", "2000 names"),
        ],
    )
    def test_refuses(self, value: Any, path: str, words: str) -> None:
        found = validate({"type": "object"}, value)
        assert list(found) == [path]
        assert words in found[path][0]

    def test_refuses_deep_nesting_without_recursion(self) -> None:
        value: Any = "x"
        for _ in range(50_000):
            value = [value]
        assert "20 levels" in str(validate({"type": "object"}, {"a": value}))

    def test_allows_the_limits_themselves(self) -> None:
        value: Any = "x"
        for _ in range(19):
            value = [value]
        assert validate({"type": "object"}, {"a": value, "b": 2**63 - 1, "c": -(2**63)}) == {}


class TestWithDefaults:
    def test_fills_in_what_is_absent(self) -> None:
        given = {"server": {"host": "x"}}
        assert with_defaults(EVERY_KIND, given) == {"server": {"host": "x", "port": 5432}, "limit": 30, "verbose": True}
        assert given == {"server": {"host": "x"}}

    def test_does_not_share_what_it_fills_in(self) -> None:
        schema = having(p={"default": []})
        with_defaults(schema, {})["p"].append(1)
        assert with_defaults(schema, {}) == {"p": []}

    def test_fills_in_items_branches_and_all_of(self) -> None:
        part = {"type": "object", "properties": {"n": {"default": 1}}}
        schema = {
            **having(
                rows={"items": {"$ref": "#/$defs/part"}},
                either={"oneOf": [{"properties": {"kind": {"const": "a"}, "x": {"default": 1}}},
                                  {"properties": {"kind": {"const": "b"}, "y": {"default": 2}}}]},
                maybe={"anyOf": [{"type": "null"}, part]},
            ),
            "allOf": [{"properties": {"more": {"default": 3}}}],
            "$defs": {"part": part},
        }  # fmt: skip
        assert with_defaults(schema, {"rows": [{}, {"n": 2}], "either": {"kind": "b"}, "maybe": {}}) == {
            "rows": [{"n": 1}, {"n": 2}],
            "either": {"kind": "b", "y": 2},
            "maybe": {"n": 1},
            "more": 3,
        }

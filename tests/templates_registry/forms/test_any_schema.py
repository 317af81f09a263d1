"""Whatever schema a template may have: its form shows, takes what it showed, and never stands empty."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from templates_registry.forms import form_class, raw_parts
from templates_registry.forms.section import MODE, sent, shown
from templates_registry.models import TemplateVersion
from templates_registry.schema import check_schema, secret_paths, validate, with_defaults
from templates_registry.schema_example import example
from tests.templates_registry.forms.browser import fill, post

NAMES = st.sampled_from(["a", "b", "c d", "é", "x-y", "parameters", "all-parameters"])
LITERALS = st.sampled_from(["", "x", "two words", 0, 1, -2.5, True, None])
TEXTS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "format": st.sampled_from(["date", "time", "date-time", "email", "uri"]),
        "maxLength": st.sampled_from([5, 100, 300]),
        "title": st.sampled_from(["A title", "<b>"]),
        "writeOnly": st.booleans(),
        "description": st.just("What it is for."),
    },
)
NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-3, 3), "default": st.integers(3, 9), "x-group": st.just("Group")},
)
ENUMS = st.fixed_dictionaries({"enum": st.lists(LITERALS, min_size=1, max_size=7, unique_by=repr)})
OTHERS = st.sampled_from(
    [{}, {"type": ["string", "null"]}, {"type": ["integer", "string"]}, {"const": 1}, {"type": "boolean"},
     {"type": "boolean", "default": True}, {"anyOf": [{"type": "integer"}, {"type": "null"}]},
     {"allOf": [{"type": "string"}]}, {"type": "array"}, {"type": "object"}, {"not": {"type": "string"}},
     {"type": "array", "prefixItems": [{"type": "string"}]}, {"$ref": "#/$defs/shared"}]
)  # fmt: skip
LEAVES = st.one_of(TEXTS, NUMBERS, ENUMS, OTHERS)


def _objects(parts: Any) -> Any:
    return st.builds(
        lambda properties, required, is_open: {
            "type": "object",
            "properties": properties,
            "required": [name for name in required if name in properties],
            **({} if is_open else {"additionalProperties": False}),
        },
        st.dictionaries(NAMES, parts, max_size=4),
        st.lists(NAMES, max_size=2, unique=True),
        st.booleans(),
    )


def _choices(parts: Any) -> Any:
    def branch(value: str, part: Any) -> dict[str, Any]:
        properties = {"kind": {"const": value}, "part": part}
        return {"type": "object", "additionalProperties": False, "required": ["kind"], "properties": properties}

    return st.builds(lambda one, other: {"oneOf": [branch("one", one), branch("other", other)]}, parts, parts)


PARTS = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        _objects(parts),
        _choices(parts),
        st.builds(lambda items: {"type": "array", "items": items}, parts),
        st.builds(lambda values: {"type": "object", "additionalProperties": values}, parts),
    ),
    max_leaves=8,
)
SCHEMAS = _objects(PARTS).map(
    lambda schema: {**schema, "$defs": {"shared": {"type": "object", "properties": {"z": {"type": "string"}}}}}
)


class TestAnySchema:
    @settings(max_examples=40, deadline=None)
    @given(SCHEMAS)
    def test_has_a_form_that_gives_back_its_defaults(self, schema: Any) -> None:
        assume(not check_schema(schema))
        form = form_class(schema)()
        assert form.groups() or (not schema["properties"] and schema.get("additionalProperties") is False)
        assert "<script" not in str(form)
        sent_back = fill(schema)
        assert all(sent_back.to_parameters().get(name) == value for name, value in with_defaults(schema, {}).items())
        assert all(why for _, why in raw_parts(schema))

    @settings(max_examples=40, deadline=None)
    @given(SCHEMAS)
    def test_keeps_what_is_stored_in_both_ways(self, schema: Any) -> None:
        assume(not check_schema(schema))
        stored = example(schema)
        assume(not validate(schema, stored))
        assume(not any("[" in path for path in secret_paths(schema)))  # those have to be written anew
        kept = fill(schema, stored).to_parameters(stored)
        assert {name: kept.get(name) for name in stored} == stored
        template = TemplateVersion(schema=schema)
        section = shown(template, stored, mode="json")
        assert section.form is not None
        data = post(section.form)
        data[MODE] = "json"
        again = sent(template, data, stored).form
        assert again is not None
        assert {name: value for name, value in again.to_parameters(stored).items() if name in stored} == stored

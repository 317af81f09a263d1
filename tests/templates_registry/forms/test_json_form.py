"""The parameters as JSON: the same values as the fields, errors by line, secrets as placeholders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import QueryDict

from templates_registry.forms.form import PLACEHOLDER
from templates_registry.forms.json_form import masked_text
from templates_registry.forms.json_lines import line_of
from templates_registry.forms.section import MODE, SWITCH, Section, sent, shown, switched
from templates_registry.models import TemplateVersion
from templates_registry.schema import Schema
from tests.templates_registry.forms.browser import post
from tests.templates_registry.schemas import EVERY_KIND, FILLED, having

SECRET = having(name={"type": "string"}, token={"type": "string", "writeOnly": True})


def template(schema: Schema = EVERY_KIND) -> TemplateVersion:
    return TemplateVersion(schema=schema)


def written(text: str, schema: Schema = EVERY_KIND, stored: Any = None, **more: str) -> Section:
    """The JSON as it was sent."""
    data = QueryDict(mutable=True)
    data.update({MODE: "json", "parameters-all-parameters": text, **more})
    return sent(template(schema), data, stored or {})


def text_of(section: Section) -> str:
    assert section.form is not None
    return str(section.form["all-parameters"].value())


def errors(section: Section) -> dict[str, list[str]]:
    assert section.form is not None
    return {name: [str(message) for message in found] for name, found in section.form.errors.items()}


class TestText:
    def test_holds_the_values_and_a_placeholder_for_the_secret(self) -> None:
        section = shown(template(), FILLED, mode="json")
        assert json.loads(text_of(section)) == {**FILLED, "token": PLACEHOLDER}
        assert "canary" not in str(section.form)

    def test_begins_with_the_defaults(self) -> None:
        assert json.loads(text_of(shown(template(), {}, mode="json"))) == {"limit": 30, "verbose": True}

    def test_comes_back_as_it_was(self) -> None:
        section = written(text_of(shown(template(), FILLED, mode="json")), stored=FILLED)
        assert errors(section) == {}
        assert section.parameters() == {name: value for name, value in FILLED.items() if name != "token"}


class TestSecrets:
    STORED = {"name": "x", "token": "s3cret-canary"}

    @pytest.mark.parametrize(
        ("text", "more", "expected"),
        [
            ({"token": PLACEHOLDER}, {}, {}),
            ({"token": "new"}, {}, {"token": "new"}),
            ({}, {}, {"token": None}),
            ({"token": None}, {}, {"token": None}),
            ({"token": PLACEHOLDER}, {"parameters-token": "new"}, {"token": "new"}),
            ({}, {"parameters-token": "new"}, {"token": "new"}),
            ({"token": PLACEHOLDER}, {"parameters-token-clear": "on"}, {"token": None}),
        ],
    )
    def test_stay_change_or_go(self, text: Any, more: dict[str, str], expected: Any) -> None:
        section = written(json.dumps(text), SECRET, self.STORED, **more)
        assert section.parameters() == expected

    def test_cannot_stay_where_there_is_none(self) -> None:
        found = errors(written(json.dumps({"token": PLACEHOLDER}), SECRET))
        assert "stands for a stored secret that is not there" in found["all-parameters"][0]

    def test_are_written_in_one_place_only(self) -> None:
        found = errors(written('{"token": "one"}', SECRET, **{"parameters-token": "two"}))
        assert found == {"token": ["Is in the JSON as well; write it in one place."]}

    @pytest.mark.parametrize(
        "text",
        [
            '{"token": "typed-canary", "name": 5}',
            '{"token": "typed\\u002dcanary", "name": 5}',
            '{"token": "typed-canary", ',
            '{\n "token" : "typed-canary"\n "name": 5}',
            '{"token": ["typed-canary"]}',
        ],
    )
    def test_are_never_sent_back(self, text: str) -> None:
        section = written(text, SECRET)
        assert errors(section)
        assert "canary" not in str(section.form)
        assert text.count("\n") == text_of(section).count("\n") or PLACEHOLDER in text_of(section)

    @pytest.mark.parametrize(
        ("written", "kept"),
        [
            ('{"token": "canary,canary}canary", "a" 1}', '"a" 1}'),
            ('{"token": "canary"canary,canary",\n"a": 1}', '"a": 1}'),
            ('{"token": "canary,canary\n, "a": 1}', '"a": 1}'),
            ('{"token": ["canary",\n{"x": "canary"}], "a" 1}', ' "a" 1}'),
            ('{"token": {"x": "can]ary, canary",\n"y": "canary', ""),
            ('{"token": canary, "a": 1}', ', "a": 1}'),
            ('{"token": "a\\"canary", "a" 1}', ', "a" 1}'),
        ],
    )
    def test_are_not_sent_back_in_what_is_no_json(self, written: str, kept: str) -> None:
        shown = masked_text(SECRET, written)
        assert ("ary" in shown, kept in shown) == (False, True), shown
        assert shown.count("\n") == written.count("\n")

    def test_typed_ones_are_named_when_the_way_is_switched(self) -> None:
        data = QueryDict(mutable=True)
        data.update({MODE: "json", SWITCH: "fields", "parameters-all-parameters": '{"token": "canary", "name": "x"}'})
        section = switched(template(SECRET), data, {})
        assert section.unsaid == ["Token"]
        assert "canary" not in str(section.form)
        assert section.form is not None
        assert section.form["name"].value() == "x"

    def test_in_maps_and_lists_are_placeholders_too(self) -> None:
        secret = {"type": "string", "writeOnly": True}
        schema = having(
            headers={"type": "object", "additionalProperties": secret}, keys={"type": "array", "items": secret}
        )
        stored = {"headers": {"a": "canary"}, "keys": ["canary"]}
        section = shown(template(schema), stored)
        assert "canary" not in str(section.form)
        assert section.form is not None
        again = sent(template(schema), post(section.form), stored)
        assert again.parameters()["headers"] == {}
        assert errors(again) == {"keys": ["[0]: stands for a stored secret that is not there; write it anew."]}


class TestErrors:
    def test_say_their_line(self) -> None:
        text = json.dumps({**FILLED, "limit": 999, "notes": ["ok", "x" * 50], "token": "t"}, indent=1)
        lines = text.split("\n")
        limit, note = (next(at for at, line in enumerate(lines, 1) if part in line) for part in ("limit", "xxx"))
        assert errors(written(text)) == {
            "all-parameters": [
                f"Line {limit}: limit must be at most 365.",
                f"Line {note}: notes[1] must have at most 40 characters.",
            ]
        }

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"a": 1,\n "b" 2}', "Line 2, column 6: this is not JSON (Expecting ':' delimiter)."),
            ("[1]", "Line 1: Must be an object, { … }."),
            ("[" * 100_000, "This is not JSON."),
            ('{"a":' * 500 + "1" + "}" * 500, "This is nested more than 50 levels deep."),
        ],
    )
    def test_of_what_is_no_json_come_alone(self, text: str, message: str) -> None:
        assert errors(written(text)) == {"all-parameters": [message]}

    @pytest.mark.parametrize(
        ("path", "line"),
        [
            ("parameters", 1),
            ("parameters.a", 2),
            ("parameters.b[1]", 5),
            ("parameters.b[2].c", 7),
            ('parameters["d e"]', 10),
            ("parameters.nowhere", 1),
            ("parameters.b[2].nowhere", 6),
        ],
    )
    def test_find_the_line_of_a_path(self, path: str, line: int) -> None:
        text = '{\n"a": "x, {y: [1]}",\n"b": [\n1,\n"2",\n{\n"c": {"a": [[], {}]}\n}\n],\n"d e": null\n}'
        assert line_of(text, path) == line


class TestSwitch:
    def test_keeps_every_value_there_and_back(self) -> None:
        section = shown(template(), FILLED)
        assert section.form is not None
        data = post(section.form)
        data[SWITCH] = "json"
        as_json = switched(template(), data, FILLED)
        assert as_json.is_json
        assert as_json.form is not None
        data = post(as_json.form)
        data.update({MODE: "json", SWITCH: "fields"})
        as_fields = switched(template(), data, FILLED)
        assert not as_fields.is_json
        assert as_fields.form is not None
        assert as_fields.dropped == as_fields.unsaid == []
        assert sent(template(), post(as_fields.form), FILLED).form.to_parameters(FILLED) == FILLED  # type: ignore[union-attr]

    def test_stays_with_what_is_no_json(self) -> None:
        data = QueryDict(mutable=True)
        data.update({MODE: "json", SWITCH: "fields", "parameters-all-parameters": "{,"})
        section = switched(template(), data, {})
        assert section.is_json
        assert text_of(section) == "{,"
        assert errors(section)["all-parameters"][0].startswith("Line 1, column 2")

    def test_names_what_the_form_has_no_place_for(self) -> None:
        data = QueryDict(mutable=True)
        data.update({MODE: "json", SWITCH: "fields", "parameters-all-parameters": '{"limit": 3, "limt": 4}'})
        section = switched(template(), data, {})
        assert section.dropped == ["limt"]
        assert section.form is not None
        assert section.form["limit"].value() == "3"

    def test_remembers_that_a_secret_is_to_go(self) -> None:
        data = QueryDict(mutable=True)
        data.update({"parameters-name": "x", "parameters-token-clear": "on", SWITCH: "json"})
        as_json = switched(template(SECRET), data, {"token": "stored"})
        assert "token" not in json.loads(text_of(as_json))

    def test_is_offered_only_where_there_are_two_ways(self) -> None:
        for schema, expected in ((EVERY_KIND, True), ({"type": "object"}, False), (having(), False)):
            section = shown(template(schema), {})
            section.url = "/there"
            assert section.has_both is expected

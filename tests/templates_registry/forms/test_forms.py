from __future__ import annotations

import copy
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from templates_registry import registry
from templates_registry.forms import apply_errors, form_class, initial_from
from templates_registry.forms.widgets import ChoiceList, SecretWidget
from templates_registry.schema import validate
from tests.templates_registry.forms.browser import fill, messages, post
from tests.templates_registry.schemas import EVERY_KIND, FILLED, having

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab: \n"{', max_size=6)
NAMES = st.text("ab :.", max_size=3)
ANY_JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


class TestRoundTrip:
    def test_keeps_every_kind(self) -> None:
        form = fill(EVERY_KIND, FILLED)
        assert messages(form) == {}
        assert form.to_parameters(FILLED) == FILLED

    @pytest.mark.parametrize("name", FILLED)
    def test_keeps_what_is_left_out(self, name: str) -> None:
        stored = {key: value for key, value in FILLED.items() if key != name}
        expected = {
            **stored,
            **({name: EVERY_KIND["properties"][name]["default"]} if name in ("limit", "verbose") else {}),
        }
        form = fill(EVERY_KIND, stored)
        assert form.to_parameters(stored) == expected
        assert form.is_valid() == (validate(EVERY_KIND, expected) == {})

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            ({"type": "string"}, "two\nlines"),
            ({"type": "string", "pattern": "x"}, "x\ny"),
            ({"type": "string"}, "  spaces  "),
            ({"type": "string"}, "\nbegins with a line end"),
            ({"type": "string"}, ""),
            ({"type": "string", "format": "time"}, "14:30:00+02:00"),
            ({"type": "string", "format": "time"}, "14:30:00.5Z"),
            ({"type": "string", "format": "date"}, "not a date"),
            ({"type": "string", "format": "date-time"}, "2026-01-31T14:30:00+02:00"),
            ({"type": "string", "format": "date-time"}, "2026-01-31T14:30:00.25Z"),
            ({"type": "string", "format": "date-time"}, "not a time"),
            ({"type": "array", "items": {"type": "string"}}, ["a\nb", "c"]),
            ({"type": "array", "items": {"type": "string"}}, [" a "]),
            ({"type": "array", "items": {"type": "string"}}, [""]),
            ({"type": "array", "items": {"type": "string"}}, []),
            ({"type": "array", "items": {"type": "integer"}}, [1, -2, 10**12]),
            ({"type": "array", "items": {"type": "number"}}, [1, 2.5, 1e21]),
            ({"type": "array", "items": {"type": "boolean"}}, [True, False]),
            ({"type": "array", "items": {"type": "object"}}, [{"a": 1}]),
            ({"type": "array", "prefixItems": [{}], "items": {"type": "string"}}, [1, "a"]),
            ({"type": "array"}, [1, "a", None]),
            ({"type": "array", "items": {"enum": ["a", "b"]}}, ["b", "a"]),
            ({"type": "array", "items": {"enum": ["a", "b"]}}, ["gone"]),
            ({"type": "array", "items": {"enum": [1, None, "1"]}}, [1, "1"]),
            ({"type": "object", "additionalProperties": {"type": "string"}}, {"a:b": "c"}),
            ({"type": "object", "additionalProperties": {"type": "string"}}, {"a": "b\nc"}),
            ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}),
            ({"type": "object", "additionalProperties": {"type": "boolean"}}, {"a": True}),
            ({"type": "object", "additionalProperties": {"type": "array"}}, {"a": [1]}),
            ({"type": "object"}, {"a": {"b": [1]}}),
            ({"enum": [1, "1", None, True, {"a": 1}, [1]]}, {"a": 1}),
            ({"enum": [1, "1", None, True]}, "1"),
            ({"enum": [1, "1", None, True]}, None),
            ({"enum": ["", "a"]}, ""),
            ({"const": 5}, 5),
            ({"type": "boolean"}, False),
            ({"type": "boolean"}, True),
            ({"type": ["boolean", "null"]}, None),
            ({"type": ["integer", "null"], "default": 3}, None),
            ({"type": ["integer", "null"], "default": 3}, 4),
            ({"type": ["integer", "string"]}, "4"),
            ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
            ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 4),
            ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "4"),
            ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2}]}, 2),
            ({"allOf": [{"type": "integer"}]}, 4),
            ({"type": "number"}, 1e300),
            ({"type": "number"}, 5),
            ({"type": "number"}, 5.0),
            ({"type": "integer"}, -3),
            ({"type": "integer"}, 2**53 + 1),
            ({"type": "integer"}, "not a number"),
            ({}, "plain"),
            ({}, None),
            (True, {"any": "thing"}),
        ],
    )
    def test_keeps(self, part: Any, value: Any) -> None:
        schema = having(p=part)
        assert fill(schema, {"p": value}).to_parameters() == {"p": value} or _same_instant(part, schema, value)

    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
    def test_keeps_an_instant_in_any_zone(self, zone: str) -> None:
        with timezone.override(ZoneInfo(zone)):
            form = fill(having(p={"type": "string", "format": "date-time"}), {"p": "2026-07-01T10:00:00Z"})
            assert form.is_valid()
            written = form.to_parameters()["p"]
            assert datetime.fromisoformat(written) == datetime.fromisoformat("2026-07-01T10:00:00Z")
            assert zone in str(form.fields["p"].help_text)

    def test_refuses_a_time_that_the_clocks_leave_out(self) -> None:
        with timezone.override(ZoneInfo("Europe/Berlin")):
            form = fill(having(p={"type": "string", "format": "date-time"}), {}, p="2026-03-29T02:30")
            assert "be interpreted" in messages(form)["p"][0]

    @pytest.mark.parametrize("name", ["database_cleanup", "email_notification", "data_export"])
    def test_makes_a_form_of_each_built_in_template(self, name: str) -> None:
        form = form_class(registry.get(name).schema())()
        required = [bound for group in form.groups() if not group.optional for bound in group.fields]
        assert 1 <= len(required) <= 4

    @settings(max_examples=60, deadline=None)
    @given(ANY_JSON)
    def test_keeps_any_json(self, value: Any) -> None:
        assert fill(having(p={}), {"p": value}).to_parameters() == {"p": value}


def _same_instant(part: Any, schema: Any, value: Any) -> bool:
    if not isinstance(part, dict) or part.get("format") != "date-time":
        return False
    written = fill(schema, {"p": value}).to_parameters()["p"]
    return bool(datetime.fromisoformat(written) == datetime.fromisoformat(value))


class TestEmpty:
    def test_optional_fields_are_left_out(self) -> None:
        form = fill(EVERY_KIND)
        assert form.to_parameters() == {"limit": 30, "verbose": True}
        assert messages(form) == {name: ["Is required."] for name in ("endpoint", "owner", "region")}

    def test_required_lists_and_maps_are_there(self) -> None:
        schema = having(
            lines={"type": "array", "items": {"type": "string"}},
            ticks={"type": "array", "items": {"enum": ["a"]}},
            names={"type": "object", "additionalProperties": {"type": "string"}},
        ) | {"required": ["lines", "ticks", "names"]}
        assert fill(schema).to_parameters() == {"lines": [], "ticks": [], "names": {}}
        assert fill(schema, {"lines": [], "ticks": [], "names": {}}).is_valid()

    def test_a_template_without_parameters_has_an_empty_form(self) -> None:
        form = fill({"type": "object", "additionalProperties": False})
        assert form.groups() == []
        assert form.is_valid()
        assert form.to_parameters() == {}

    def test_a_form_that_was_not_sent_has_no_parameters(self) -> None:
        assert form_class(EVERY_KIND)().to_parameters({"token": "x"}) == {}


class TestNested:
    SCHEMA = having(
        must={
            "type": "object",
            "additionalProperties": False,
            "required": ["inner"],
            "properties": {
                "inner": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["n"],
                    "properties": {"n": {"type": "integer"}, "deep": {"type": "object", "additionalProperties": False,
                                   "properties": {"x": {"type": "integer"}}}},
                }
            },
        }
    ) | {"required": ["must"]}  # fmt: skip

    def test_goes_three_levels_deep_and_then_shows_json(self) -> None:
        form = form_class(self.SCHEMA)()
        assert list(form.fields) == ["must.inner.n", "must.inner.deep"]
        assert form.groups()[0].title == "Must: Inner"
        stored = {"must": {"inner": {"n": 1, "deep": {"x": 2}}}}
        assert fill(self.SCHEMA, stored).to_parameters() == stored

    def test_requires_what_is_required_inside(self) -> None:
        form = fill(self.SCHEMA)
        assert messages(form) == {"must.inner.n": ["Is required."]}
        assert form.to_parameters() == {"must": {"inner": {}}}

    def test_leaves_an_optional_object_out_until_something_is_entered(self) -> None:
        assert "server" not in fill(EVERY_KIND).to_parameters()
        assert fill(EVERY_KIND, None, **{"server.port": "1"}).to_parameters()["server"] == {"port": 1}

    def test_asks_for_the_rest_once_something_is_entered(self) -> None:
        assert messages(fill(EVERY_KIND, None, **{"server.port": "1"}))["server.host"] == ["Is required."]

    def test_keeps_a_stored_object_of_defaults(self) -> None:
        schema = having(server={"type": "object", "properties": {"port": {"type": "integer", "default": 1}}})
        assert fill(schema, {"server": {"port": 1}}).to_parameters() == {"server": {"port": 1}}
        assert fill(schema, {}).to_parameters() == {}

    def test_removes_an_optional_object_that_is_emptied(self) -> None:
        form = fill(EVERY_KIND, FILLED, **{"window.hours": ""})
        assert "window" not in form.to_parameters() or form.to_parameters()["window"] == {}


class TestBranches:
    def test_counts_only_the_branch_that_is_chosen(self) -> None:
        form = fill(EVERY_KIND, FILLED, **{"target.kind": "file", "target.path": "/x"})
        assert form.to_parameters()["target"] == {"kind": "file", "path": "/x"}
        assert form.is_valid()

    def test_puts_errors_at_the_branch_that_is_chosen(self) -> None:
        form = fill(EVERY_KIND, FILLED, **{"target.kind": "file"})
        assert messages(form) == {"target.path": ["Is required."]}

    def test_says_when_a_branch_is_shown(self) -> None:
        shown = {group.title: group.shown_when for group in form_class(EVERY_KIND)().groups()}
        assert shown["Target: file"] == ("parameters-target.kind", "file")
        assert shown["Target: http"] == ("parameters-target.kind", "http")
        assert shown["Target"] is None

    def test_allows_one_name_in_two_branches(self) -> None:
        one = {"type": "object", "additionalProperties": False, "required": ["k", "v"]}
        schema = having(
            t={"oneOf": [{**one, "properties": {"k": {"const": "n"}, "v": {"type": "integer"}}},
                         {**one, "properties": {"k": {"const": "s"}, "v": {"type": "string"}}}]}
        ) | {"required": ["t"]}  # fmt: skip
        for stored in ({"t": {"k": "n", "v": 1}}, {"t": {"k": "s", "v": "1"}}):
            form = fill(schema, stored)
            assert (form.to_parameters(), messages(form)) == (stored, {})
        assert messages(fill(schema, {"t": {"k": "s", "v": "1"}}, **{"t.v_": ""})) == {"t.v_": ["Is required."]}


class TestNull:
    def test_is_chosen_by_a_box_of_its_own(self) -> None:
        assert fill(EVERY_KIND, None, **{"comment-null": True}).to_parameters()["comment"] is None
        assert "comment" not in fill(EVERY_KIND).to_parameters()

    def test_cannot_be_chosen_together_with_a_value(self) -> None:
        form = fill(EVERY_KIND, FILLED, comment="x")
        assert messages(form) == {"comment": ["Enter a value or choose none, not both."]}


class TestSecrets:
    def test_are_never_shown(self) -> None:
        initial = initial_from(EVERY_KIND, FILLED)
        form = form_class(EVERY_KIND)(initial=initial)
        page = str(form) + str(form.initial) + repr(initial) + post(form).urlencode()
        assert "canary" not in page
        sent = form_class(EVERY_KIND)(post(form, token="new-canary"), initial=initial)
        assert not sent.is_valid() or "canary" not in str(sent)

    def test_are_kept_when_left_alone(self) -> None:
        assert fill(EVERY_KIND, FILLED).to_parameters(FILLED)["token"] == "s3cret-canary"

    def test_are_replaced(self) -> None:
        assert fill(EVERY_KIND, FILLED, token="new").to_parameters(FILLED)["token"] == "new"

    def test_are_removed_on_request(self) -> None:
        form = fill(EVERY_KIND, FILLED, **{"token-clear": True})
        assert "token" not in form.to_parameters(FILLED)
        nested = having(a={"type": "object", "properties": {"token": {"type": "string", "x-secret": True}}})
        stored = {"a": {"token": "x"}}
        assert fill(nested, stored, **{"a.token-clear": True}).to_parameters(stored) in ({}, {"a": {}})

    def test_that_are_required_need_not_be_entered_again(self) -> None:
        schema = having(token={"type": "string", "writeOnly": True}) | {"required": ["token"]}
        assert "token-clear" not in fill(schema, {"token": "x"}).fields
        assert fill(schema, {"token": "x"}).is_valid()
        assert messages(fill(schema, {})) == {"token": ["Is required."]}


class TestMessages:
    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"limit": "x"}, "limit", "Enter a whole number."),
            ({"limit": "1.5"}, "limit", "Enter a whole number."),
            ({"limit": "999"}, "limit", "Must be at most 365."),
            ({"limit": "9" * 40}, "limit", "Enter a whole number."),
            ({"ratio": "x"}, "ratio", "Enter a number."),
            ({"ratio": "nan"}, "ratio", "Enter a number."),
            ({"ratio": "1e999"}, "ratio", "Must be a finite number."),
            ({"ratio": "0,5"}, "ratio", "Enter a number."),
            ({"ratio": "1" * 900_000}, "ratio", "Enter a number."),
            ({"owner": "x"}, "owner", "Must be an e-mail address such as ana@example.org."),
            ({"region": "xx"}, "region", "Must be one of eu, us, ap, sa."),
            ({"region": None, "code": ""}, "region", "Is required."),
            ({"code": ""}, "code", "Is required."),
            ({"days": ["mon", "xx"]}, "days", "Must be one of mon, tue, wed."),
            ({"notes": "ok\n\n" + "x" * 50}, "notes", "Line 3: must have at most 40 characters."),
            ({"headers": "foo"}, "headers", "Line 1: Write it as name: value."),
            ({"headers": "a: 1\n\na: 2"}, "headers", "Line 3: The name a is there twice."),
            ({"raw": "{"}, "raw", None),
            ({"raw": "NaN"}, "raw", "This is not JSON."),
            ({"raw": "[" * 100_000}, "raw", "This is not JSON."),
            ({"raw": "[" * 51 + "]" * 51}, "raw", "This is nested more than 50 levels deep."),
            ({"raw": '{"a": "\\ud800"}'}, "raw", "a: must be text that can be written as UTF-8."),
            ({"at": "25:00"}, "at", "Must be a time with its offset, such as 14:30:00Z."),
            ({"day": "x"}, "day", "Must be a date such as 2026-01-31."),
            ({"until": "x"}, "until", "Must be a date and time with its offset, such as 2026-01-31T14:30:00Z."),
            ({"target.url": "::"}, "target.url", "Must be an address such as https://example.org/path."),
            ({"server.host": ""}, "server.host", "Is required."),
        ],
    )
    def test_stand_at_their_field(self, changes: dict[str, Any], field: str, message: str | None) -> None:
        found = messages(fill(EVERY_KIND, FILLED, **changes))
        assert list(found) == [field]
        assert message is None or found[field] == [message]

    def test_of_lines_say_which(self) -> None:
        schema = having(
            p={"type": "array", "items": {"type": "integer"}}, q={"type": "array", "items": {"type": "boolean"}}
        )
        form = fill(schema, {}, p="1\nx\n3\ny", q="yes")
        assert messages(form) == {
            "p": ["Line 2: Enter a whole number.", "Line 4: Enter a whole number."],
            "q": ["Line 1: Write true or false."],
        }

    def test_from_elsewhere_find_their_field(self) -> None:
        form = fill(EVERY_KIND, FILLED)
        assert form.is_valid()
        apply_errors(
            form,
            {
                "parameters.limit": ["is odd"],
                "parameters.notes[1]": ["is rude"],
                'parameters.headers["x-y"]': ["is wrong"],
                "parameters.raw.a[0]": ["is wrong"],
                "parameters.server": ["does not answer."],
                "parameters.nowhere": ["is not known"],
                "parameters": ["is too much"],
                "parameters.target.path": ["is not in this branch"],
            },
        )
        assert messages(form) == {
            "limit": ["Is odd."],
            "notes": ["Line 2: is rude."],
            "headers": ['["x-y"]: is wrong.'],
            "raw": ["a[0]: is wrong."],
            "server.host": ["Does not answer."],
            "__all__": ["nowhere: is not known.", "Is too much.", "target.path: is not in this branch."],
        }

    def test_do_not_confuse_names_that_begin_alike(self) -> None:
        form = fill(having(a={"type": "string"}, ab={"type": "string", "minLength": 2}), {}, ab="x")
        assert list(messages(form)) == ["ab"]


class TestGroups:
    def test_put_required_first_and_optional_into_more_options(self) -> None:
        found = [
            (group.title, group.optional, [bound.name for bound in group.fields])
            for group in form_class(EVERY_KIND)().groups()
        ]
        assert found[0] == ("", False, ["endpoint", "owner", "region", "limit"])
        assert found[1][:2] == ("More options", True)
        assert ("Server", True, ["server.host", "server.port"]) in found

    def test_follow_the_order_in_which_they_are_required(self) -> None:
        text = {"type": "string"}
        schema = having(body=text, subject=text, recipients=text) | {"required": ["recipients", "subject", "body"]}
        found = [bound.name for group in form_class(schema)().groups() for bound in group.fields]
        assert found == ["recipients", "subject", "body"]

    def test_follow_x_order_and_x_group(self) -> None:
        schema = having(
            late={"type": "string", "x-order": 3},
            early={"type": "string", "x-order": 1},
            host={"type": "string", "x-group": "Mail"},
            port={"type": "integer", "x-group": "Mail"},
            colour={"type": "string", "x-group": "Looks"},
        ) | {"required": ["late", "early", "host"]}
        found = [
            (group.title, group.optional, [bound.name for bound in group.fields])
            for group in form_class(schema)().groups()
        ]
        assert found == [
            ("", False, ["early", "late"]),
            ("Mail", False, ["host", "port"]),
            ("Looks", True, ["colour"]),
        ]

    def test_know_of_their_errors(self) -> None:
        form = fill(EVERY_KIND, FILLED, **{"server.host": ""})
        assert [group.title for group in form.groups() if group.has_errors] == ["Server"]


class TestShape:
    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "object"},
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {}, "b": {}}},
            {"type": "object", "allOf": [{"properties": {"a": {}}}]},
            having(**{f"p{number}": {"type": "string"} for number in range(61)}),
        ],
    )
    def test_falls_back_to_json_and_never_to_a_blank_page(self, schema: Any) -> None:
        assert [type(field.widget) for field in form_class(schema)().fields.values()] == [forms.Textarea]
        stored = {"a": "x"} if "p0" not in schema.get("properties", {}) else {"p60": "x"}
        assert fill(schema, stored).to_parameters() == stored

    def test_as_json_wants_an_object(self) -> None:
        form = fill({"type": "object"}, {}, **{"all-parameters": "[1]"})
        assert messages(form) == {"all-parameters": ["Must be an object."]}
        assert form.to_parameters() == {}
        assert fill({"type": "object"}, None, **{"all-parameters": ""}).to_parameters() == {}

    def test_open_schemas_have_a_field_for_the_rest(self) -> None:
        schema = {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "additionalProperties": {"type": "integer"},
        }
        stored = {"a": "x", "b": 1}
        assert fill(schema, stored).to_parameters() == stored
        assert fill(schema, {"a": "x"}).to_parameters() == {"a": "x"}
        assert messages(fill(schema, stored, **{"other-parameters": "[1]"})) == {
            "other-parameters": ["Must be an object."]
        }
        assert "b: must be a whole number." in str(messages(fill(schema, {"a": "x", "b": "y"})))

    def test_names_that_do_not_fit_into_an_id_are_numbered(self) -> None:
        schema = having(**{"a b": {"type": "integer"}, "é": {"type": "string"}, 'q"': {"type": "string"}})
        form = fill(schema, {"a b": 1, "é": "x", 'q"': "y"})
        assert form.to_parameters() == {"a b": 1, "é": "x", 'q"': "y"}
        assert all(re.fullmatch(r"field_\d", name) for name in form.fields)
        assert messages(fill(schema, {"a b": 1}, field_0="x")) == {"field_0": ["Enter a whole number."]}

    def test_says_and_prefills_defaults(self) -> None:
        form = form_class(EVERY_KIND)()
        assert form["limit"].value() == "30"
        assert form.fields["limit"].help_text == "Default: 30."
        assert form.fields["verbose"].help_text == "Default: yes."
        assert form["verbose"].value() is True

    @pytest.mark.parametrize(
        ("part", "widget", "attributes"),
        [
            (
                {"type": "integer", "minimum": 1, "maximum": 9},
                forms.NumberInput,
                {"inputmode": "numeric", "min": 1, "max": 9, "step": 1},
            ),
            ({"type": "number"}, forms.NumberInput, {"inputmode": "decimal", "step": "any"}),
            ({"type": "number", "multipleOf": 0.1}, forms.NumberInput, {"step": 0.1}),
            ({"type": "string", "format": "email"}, forms.EmailInput, {}),
            ({"type": "string", "format": "uri"}, forms.URLInput, {}),
            ({"type": "string", "format": "date"}, forms.DateInput, {"type": "date"}),
            ({"type": "string", "maxLength": 9}, forms.TextInput, {"maxlength": 9}),
            ({"type": "string"}, forms.Textarea, {}),
            ({"type": "string", "writeOnly": True}, SecretWidget, {"autocomplete": "new-password"}),
            ({"enum": list("abcde")}, forms.RadioSelect, {}),
            ({"enum": list("abcdef")}, ChoiceList, {}),
            ({"type": "boolean", "default": False}, forms.CheckboxInput, {}),
            ({"type": "boolean"}, forms.RadioSelect, {}),
        ],
    )
    def test_chooses_the_control(self, part: Any, widget: type[forms.Widget], attributes: dict[str, Any]) -> None:
        found = form_class(having(p=part))().fields["p"].widget
        assert type(found) is widget
        attrs = {**found.attrs, **({"type": found.input_type} if isinstance(found, forms.DateInput) else {})}
        assert attributes.items() <= attrs.items()

    def test_a_constant_that_is_required_is_chosen_already(self) -> None:
        assert fill(having(p={"const": 5}) | {"required": ["p"]}).to_parameters() == {"p": 5}
        assert fill(having(p={"const": 5})).to_parameters() == {}


class TestPage:
    EVIL = '"><script>alert(1)</script>'

    def test_escapes_what_a_schema_or_a_job_says(self) -> None:
        part = {"type": "string", "title": self.EVIL, "description": self.EVIL, "default": self.EVIL}
        schema = having(p=part, q={"enum": [self.EVIL, "a"], "default": self.EVIL}) | {"properties": {self.EVIL: part}}
        page = str(form_class(schema)(initial=initial_from(schema, {"p": self.EVIL})))
        assert "<script" not in page
        assert "alert(1)" in page

    def test_has_no_inline_script_or_style(self) -> None:
        page = str(form_class(EVERY_KIND)(initial=initial_from(EVERY_KIND, FILLED)))
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", page)

    def test_ties_help_and_errors_to_their_control(self) -> None:
        form = fill(EVERY_KIND, FILLED, limit="999")
        page = form["limit"].as_field_group()
        (described,) = re.findall(r'aria-describedby="([^"]+)"', page)
        assert all(f'id="{name}"' in page for name in described.split())
        assert 'aria-invalid="true"' in page
        assert 'aria-required="true"' in page

    def test_labels_every_control(self) -> None:
        page = str(form_class(EVERY_KIND)())
        controls = re.findall(r"<(?:input|select|textarea)[^>]*>", page)
        named = [control for control in controls if "aria-label=" in control]
        ids = [found[1] for control in controls if (found := re.search(r' id="([^"]+)"', control))]
        assert len(ids) >= 18
        assert [name for name in ids if f'for="{name}"' not in page and not any(name in one for one in named)] == []

    def test_changes_no_schema(self) -> None:
        before = copy.deepcopy(EVERY_KIND)
        fill(EVERY_KIND, FILLED)
        assert before == EVERY_KIND

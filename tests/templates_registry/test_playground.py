"""The playground: the form that operators get of any schema, and hostile schemas that only cost their time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.urls import reverse

from templates_registry.console.playground import LARGEST, TOO_SLOW
from templates_registry.models import TemplateVersion
from tests.jobs.admin.conftest import Browser, as_ana, as_vera, sign_in
from tests.templates_registry.schemas import EVERY_KIND, having

__all__ = ["as_ana", "as_vera", "sign_in"]

URL = reverse("admin:templates_registry_playground")
HTMX = {"HX-Request": "true"}


def ask(browser: Browser, schema: Any, **data: str) -> str:
    """What the page reads anew while somebody writes."""
    text = schema if isinstance(schema, str) else json.dumps(schema, indent=1)
    response = browser.post(URL, {"schema": text, **data}, headers=HTMX)
    assert response.status_code == 200
    return response.content.decode()


class TestPlayground:
    def test_is_for_who_may_write_jobs(self, as_ana: Browser, as_vera: Browser) -> None:
        assert as_vera.get(URL).status_code == as_vera.post(URL, {"schema": "{}"}).status_code == 403
        page = as_ana.text(URL)
        for expected in ("playground-schema", "parameters-region", "Values"):
            assert expected in page

    def test_opens_with_the_schema_of_a_template(self, as_ana: Browser) -> None:
        echo = TemplateVersion.objects.get(name="echo")
        assert "parameters-text" in as_ana.text(URL, template=echo.pk)
        assert "parameters-region" in as_ana.text(URL, template="nonsense")

    def test_shows_the_form_and_what_is_json_in_it(self, as_ana: Browser) -> None:
        part = ask(as_ana, EVERY_KIND)
        for expected in ("parameters-endpoint", "parameters-headers-name", "Shown as JSON", "no type", "endpoint"):
            assert expected in part
        assert "<html" not in part
        assert "<html" in as_ana.post(URL, {"schema": json.dumps(EVERY_KIND)}).content.decode()

    def test_keeps_what_fits_when_the_schema_changes(self, as_ana: Browser) -> None:
        schema = having(name={"type": "string"}, loud={"type": "boolean", "default": True})
        part = ask(as_ana, schema, fields="name", **{"parameters-name": "kept"})
        assert "kept" in part
        assert "checked" in part  # a box that was not there before has its default

    def test_judges_the_values_and_hides_the_secrets(self, as_ana: Browser) -> None:
        schema = having(limit={"type": "integer", "maximum": 5}, token={"type": "string", "writeOnly": True})
        sent = {"fields": "limit token", "parameters-limit": "9", "parameters-token": "canary"}
        for part in ("result", "check", ""):
            answer = ask(as_ana, schema, part=part, **sent)
            assert "must be at most 5" in answer
            assert "canary" not in answer
        assert "Valid" in ask(as_ana, schema, part="result", **{**sent, "parameters-limit": "3"})
        assert "has-errors" in ask(as_ana, schema, part="check", **sent)

    def test_switches_to_json_and_back(self, as_ana: Browser) -> None:
        schema = having(limit={"type": "integer"})
        as_json = ask(as_ana, schema, fields="limit", parameters_to="json", **{"parameters-limit": "4"})
        assert "&quot;limit&quot;: 4" in as_json
        text = {"parameters_as": "json", "parameters-all-parameters": '{"limit": 7}'}
        assert 'value="7"' in ask(as_ana, schema, parameters_to="fields", **text)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ('{"type": "object",\n "a" 1}', ["Line 2", "This is not JSON"]),
            ("[]", ["Write an object"]),
            ('{"type":"object","properties":{\n"a":{"$ref":"https://evil.example/x"}}}', ["Line 2", "is not local"]),
            ('{"type":"object","properties":{"a":{"maxLenght":1}}}', ["did you mean maxLength"]),
            ('{"type":"object","properties":{"a":{"pattern":"(a+)+$"}}}', ["repeats a repetition"]),
            ("x" * (LARGEST + 1), ["at most 64 KB"]),
            ("[" * 50_000, ["not JSON"]),
            ("", ["not JSON"]),
        ],
    )
    def test_says_what_is_wrong_and_on_which_line(self, text: str, words: list[str], as_ana: Browser) -> None:
        part = ask(as_ana, text)
        assert all(word in part for word in words), part


def _tangled() -> dict[str, Any]:
    """Ten references in each of thirty parts: small to write, endless to follow."""
    parts = {
        f"d{level}": {
            "type": "object",
            "properties": {name: {"$ref": f"#/$defs/d{level + 1}"} for name in "abcdefghij"},
        }
        for level in range(30)
    }
    ends = {"d30": {"type": "string", "writeOnly": True}}
    return having(a={"$ref": "#/$defs/d0"}) | {"$defs": {**parts, **ends}}


HOSTILE = {
    "tangled": _tangled(),
    "all of all of": having(a={"$ref": "#/$defs/d0"})
    | {"$defs": {f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 6} for at in range(12)} | {"d12": {}}},
    "patterns": having(
        **{f"p{at}": {"type": "string", "pattern": f"^(a?b?c?d?e?f?g?){{0,9}}[a-z]*x{at}[a-z]*$"} for at in range(600)}
    ),
    "long pattern": having(p={"type": "string", "pattern": "a?" * 30_000}),
    "long enum": having(p={"enum": [f"value {at}" for at in range(4_000)]}),
    "many enums": having(**{f"p{at}": {"enum": [f"v{of}" for of in range(80)]} for at in range(59)}),
    "wide": having(**{f"p{at}": {"type": "string"} for at in range(1_900)}),
    "branches": having(p={"oneOf": [{"type": "object", "properties": {"k": {"const": at}}} for at in range(800)]}),
    "wrong everywhere": having(**{f"p{at}": {"type": "nope"} for at in range(2_000)}),
}


class TestHostileSchemas:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_answer_in_time(self, name: str, as_ana: Browser) -> None:
        text = json.dumps(HOSTILE[name])
        assert len(text) < LARGEST
        ask(as_ana, "{}")
        began = time.thread_time()  # of this thread alone, since other tests share the machine
        part = ask(as_ana, text)
        assert time.thread_time() - began < 0.9
        assert TOO_SLOW in part or "parameters-" in part or "problem-list" in part

    def test_say_so_when_time_is_up(self, as_ana: Browser) -> None:
        assert TOO_SLOW in ask(as_ana, HOSTILE["patterns"])

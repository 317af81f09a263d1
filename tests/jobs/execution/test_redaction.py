"""Secrets are found in every form that they take, and nothing else is."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from jobs.execution.redaction import Redactor
from jobs.executions import Ending
from jobs.rules.states import AttemptOutcome
from templates_registry import registry

SECRET = 'pa$$ w"rd+/ö\\1'


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.register(SECRET)
    return made


class TestText:
    @pytest.mark.parametrize(
        "form",
        [
            SECRET,
            quote(SECRET),
            quote(SECRET, safe=""),
            quote_plus(SECRET),
            json.dumps(SECRET),
            json.dumps(SECRET, ensure_ascii=False),
            repr(SECRET),
            base64.b64encode(SECRET.encode()).decode(),
            base64.urlsafe_b64encode(SECRET.encode()).decode(),
            *(base64.b64encode(f"{user}:{SECRET}".encode()).decode() for user in ("a", "ab", "abc", "abcd")),
        ],
    )
    def test_masks_a_known_secret_in_every_form(self, redactor: Redactor, form: str) -> None:
        masked = redactor.text(f"before {form} after")
        assert masked.startswith("before ")
        assert masked.endswith(" after")
        assert "***" in masked
        assert not any(form[i : i + 8] in masked for i in range(len(form) - 8))

    @pytest.mark.parametrize(
        ("text", "masked"),
        [
            ("password=abc next", "password=*** next"),
            ("DB_PASSWORD: abc, user: ana", "DB_PASSWORD: ***, user: ana"),
            ('{"api_key": "a b\'c", "n": 1}', '{"api_key": ***, "n": 1}'),
            ("{'token': 'abc'}", "{'token': ***}"),
            ("Authorization: Bearer abc.def-g", "Authorization: ***"),
            ("authorization: Basic YWJj", "authorization: ***"),
            ("postgres://ana:geheim@db/x", "postgres://ana:***@db/x"),
            ("https://vendor.example/?token=abc&page=2", "https://vendor.example/?token=***&page=2"),
            ('secret="unclosed', "secret=***"),
        ],
    )
    def test_masks_what_a_telling_name_stands_before(self, text: str, masked: str) -> None:
        assert Redactor().text(text) == masked

    @pytest.mark.parametrize(
        "text",
        ["42 tokens used", "tokens: 42", "password_resets=3", "at 12:30", "http://host:80/a@b", "no secret"],
    )
    def test_leaves_the_rest_alone(self, text: str) -> None:
        assert Redactor().text(text) == text

    def test_masks_single_lines_of_a_long_key(self) -> None:
        redactor = Redactor()
        redactor.register("-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n")
        assert redactor.text("read kqhkiG9w0BAQEF of it") == "read *** of it"

    def test_does_not_look_for_what_is_too_short(self) -> None:
        redactor = Redactor()
        redactor.register("a")
        assert redactor.text("banana") == "banana"

    @pytest.mark.parametrize("text", ["token" * 20_000, "token= " * 15_000, "://" * 30_000, "a" * 99_999, '"' * 99_999])
    def test_takes_time_by_the_length_only(self, text: str) -> None:
        started = time.process_time()
        Redactor().text(text)
        assert time.process_time() - started < 1


class TestValue:
    def test_masks_texts_names_and_what_stands_under_a_telling_name(self, redactor: Redactor) -> None:
        value = {
            "a": [f"is {SECRET}", 1, None, True],
            "api_token": "xyz",
            "token": 5,
            "deep": {"client-secret": "", "password": {"new": "x"}},
            SECRET: 1,
        }
        assert redactor.value(value) == {
            "a": ["is ***", 1, None, True],
            "api_token": "***",
            "token": 5,
            "deep": {"client-secret": "", "password": {"new": "x"}},
            "***": 1,
        }


class TestEnding:
    def test_masks_result_error_and_traceback(self, redactor: Redactor) -> None:
        ending = Ending(AttemptOutcome.FAILED, result={"a": SECRET}, error=f"e {SECRET}", traceback=f"t {SECRET}")
        masked = redactor.ending(ending)
        assert (masked.result, masked.error, masked.traceback) == ({"a": "***"}, "e ***", "t ***")


class TestRegisterParameters:
    def test_finds_secrets_by_the_schema_wherever_they_are(self) -> None:
        redactor = Redactor()
        parameters = {"text": "open", "password": "hidden-1", "keys": ["hidden-2", "hidden-3"]}
        redactor.register_parameters(registry.get("scripted"), parameters)
        assert redactor.text("open hidden-1 hidden-2 hidden-3") == "open *** *** ***"


def test_what_a_run_keeps_for_itself_loses_known_secrets_alone(redactor: Redactor) -> None:
    kept = {"next_token": "page-2", SECRET: [f"a {SECRET}", 7, None], "both": (SECRET, "b")}
    assert redactor.known(kept) == {"next_token": "page-2", "***": ["a ***", 7, None], "both": ["***", "b"]}
    assert Redactor().known(kept) is kept

"""Credentials in log lines: found by the name before them or by their form, and nothing else is touched."""

from __future__ import annotations

import json
import logging
import sys

from scheduler_project.lib.text_masking import mask
from scheduler_project.observability.logs import JsonFormatter, TextFormatter

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"
KEY = "sch_live_1a2b3c4d_abcdefghijklmnopqrstuvwxyz0123456789"


def test_masks_credentials_and_leaves_all_else() -> None:
    for text, masked in (
        ("password=hunter2 next", "password=*** next"),
        (f"called with {KEY}.", "called with sch_live_1a2b3c4d_***."),
        (f"a token {TOKEN} came", "a token *** came"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: ***"),
        ("header was 'bearer abcdefghijkl'", "header was 'bearer ***'"),
        ("postgres://ana:geheim@db/x", "postgres://ana:***@db/x"),
        ("key:1a2b3c4d changed Job", "key:1a2b3c4d changed Job"),
        ("Execution 7 of Job executed successfully in 0.010 s", "Execution 7 of Job executed successfully in 0.010 s"),
        ("The basic plan of the bearer", "The basic plan of the bearer"),
    ):
        assert mask(text) == masked


def test_lines_of_both_forms_hold_no_credentials() -> None:
    def fail() -> None:
        raise ValueError(f"refused {KEY} at redis://:hunter2@cache/0")

    try:
        fail()
    except ValueError:
        caught = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "no %s", (f"token={TOKEN}",), caught)
    record.fields = {"error": f"{KEY}", "nested": {"list": ["password: hunter2", 7, None, True]}}
    for formatter in (TextFormatter(), JsonFormatter()):
        line = formatter.format(record)
        assert "ValueError" in line
        for secret in (KEY, TOKEN, "hunter2"):
            assert secret not in line
    assert json.loads(line)["nested"] == {"list": ["password: ***", 7, None, True]}

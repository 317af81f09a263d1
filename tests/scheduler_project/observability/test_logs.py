"""The form of log lines."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from scheduler_project.lib import correlation, telemetry
from scheduler_project.middleware import current_request_id
from scheduler_project.observability.logs import JsonFormatter, TextFormatter, logger


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    """Requests of earlier tests in this thread have left their id."""
    token = current_request_id.set("")
    yield
    current_request_id.reset(token)


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def record(message: str, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("app", logging.INFO, __file__, 1, message, (), None)
    made.__dict__.update(extra)
    return made


def caught() -> Any:
    try:
        int("No.")
    except ValueError:
        return sys.exc_info()


class TestEvents:
    def test_become_lines(self, lines: Lines) -> None:
        telemetry.emit("leader.acquired", holder="s1", epoch=3)
        assert [line.getMessage() for line in lines.records] == ["s1 acquired leader, epoch 3"]

    def test_are_whole_objects_in_json(self, lines: Lines) -> None:
        telemetry.emit("execution.failed", execution_id=7, job="100 % sure", status="queued", error="No.", level="x")
        entry = json.loads(JsonFormatter().format(lines.records[0]))
        assert (entry["event"], entry["execution_id"], entry["level"]) == ("execution.failed", 7, "WARNING")
        assert entry["message"] == "Execution 7 of 100 % sure failed and is queued: No."


class TestText:
    def test_says_when_how_bad_who_and_what(self) -> None:
        line = TextFormatter().format(record("It rains."))
        assert line.endswith("Z INFO    app: It rains.")

    def test_marks_what_the_line_belongs_to(self) -> None:
        token = current_request_id.set("r-12345678")
        try:
            with correlation.bound(execution_id=7):
                assert TextFormatter().format(record("x")).endswith("app: x [request_id=r-12345678 execution_id=7]")
        finally:
            current_request_id.reset(token)

    def test_lets_no_text_pass_for_a_line_of_its_own(self) -> None:
        line = TextFormatter().format(record("name\n2026-01-01T00:00:00.000Z INFO    daybook: forged"))
        assert "\n" not in line

    def test_appends_a_traceback(self) -> None:
        line = TextFormatter().format(record("x", exc_info=caught()))
        assert line.endswith("'No.'")


class TestJson:
    def test_marks_what_the_line_belongs_to(self) -> None:
        with correlation.bound(execution_id=7, tenant="acme"):
            entry = json.loads(JsonFormatter().format(record("x")))
        assert (entry["execution_id"], entry["tenant"]) == (7, "acme")
        assert "execution_id" not in json.loads(JsonFormatter().format(record("x")))

    def test_keeps_a_traceback_in_the_object(self) -> None:
        entry = json.loads(JsonFormatter().format(record("x", exc_info=caught())))
        assert entry["traceback"].endswith("'No.'\n")

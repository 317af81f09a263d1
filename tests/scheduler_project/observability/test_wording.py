"""Every event that the code emits has words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jobs.rules.states import AttemptOutcome
from jobs.rules.webhooks import CallOutcome
from scheduler_project.observability.wording import WORDING, describe

PROJECT = Path(__file__).resolve().parents[3]
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")


def sources() -> dict[Path, str]:
    apps = ("accounts", "jobs", "notifications", "scheduler_project", "templates_registry")
    found = sorted(path for app in apps for path in (PROJECT / app).rglob("*.py") if "migrations" not in path.parts)
    return {path: path.read_text() for path in found}


def emitted(tree: ast.AST) -> Iterator[ast.expr]:
    """The event of each `telemetry.emit(event, ...)`; of a conditional one, both."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "telemetry.emit":
            stack = [node.args[0]]
            while stack:
                event = stack.pop()
                if isinstance(event, ast.IfExp):
                    stack += [event.body, event.orelse]
                else:
                    yield event


@cache
def changes() -> set[str]:
    """What `jobs.registry`, and those who write revisions through it, call a change: as an argument or by default."""
    values: list[ast.expr | None] = []
    for text in sources().values():
        for node in ast.walk(ast.parse(text)) if re.search(r"\bchange\b", text) else ():
            if isinstance(node, ast.keyword) and node.arg == "change":
                values.append(node.value)
            elif isinstance(node, ast.arguments):
                pairs = zip(node.kwonlyargs, node.kw_defaults, strict=True)
                values += [default for argument, default in pairs if argument.arg == "change"]
    leaves = [leaf for value in values if value for leaf in ast.walk(value)]
    return {leaf.value for leaf in leaves if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)}


def possible(event: ast.expr, module: ast.Module) -> set[str]:
    """The names that an event may have."""
    if isinstance(event, ast.Constant):
        return {event.value}
    if isinstance(event, ast.JoinedStr):
        words = {
            "execution.": {*AttemptOutcome, "circuit_open", "keys_unavailable"},
            "job.": changes(),
            "event_hook.": set(CallOutcome),
            "webhook.": {"delivered", "failed", "gave_up"},
        }
        stem = event.values[0]
        assert isinstance(stem, ast.Constant)
        assert stem.value in words, f"Tell this test what may follow {stem.value!r}."
        return {f"{stem.value}{word}" for word in words[stem.value]}
    # A variable: whatever in its module looks like an event.
    families = {name.partition(".")[0] for name in WORDING}
    constants = {node.value for node in ast.walk(module) if isinstance(node, ast.Constant)}
    texts = {text for text in constants if isinstance(text, str) and EVENT.fullmatch(text)}
    return {text for text in texts if text.partition(".")[0] in families}


EMITTED = [
    (str(path.relative_to(PROJECT)), name)
    for path, text in sources().items()
    if "telemetry.emit" in text
    for tree in [ast.parse(text)]
    for event in emitted(tree)
    for name in sorted(possible(event, tree))
]


@pytest.mark.parametrize(("module", "event"), EMITTED)
def test_every_event_that_is_emitted_has_words(module: str, event: str) -> None:
    assert event in WORDING, f"Word {event} of {module} in scheduler_project/observability/wording.py."


def test_finds_what_is_emitted() -> None:
    assert {"leader.acquired", "execution.lost", "execution.overtaken", "job.paused"} <= {name for _, name in EMITTED}


def test_no_words_are_left_over() -> None:
    assert WORDING.keys() - {name for _, name in EMITTED} == set()


class TestDescribe:
    def test_keeps_the_lines_that_runbooks_search_for(self) -> None:
        assert "acquired leader" in describe("leader.acquired", {"holder": "s1", "epoch": 3})[1]
        assert "Dispatched job" in describe("execution.dispatched", {"execution_id": 7, "queue": "default"})[1]
        fields = {"execution_id": 7, "job": "Report", "seconds": 1.5}
        assert describe("execution.succeeded", fields)[1] == "Execution 7 of Report executed successfully in 1.500 s"

    def test_survives_a_missing_field(self) -> None:
        assert describe("execution.succeeded", {})[1] == "Execution ? of ? executed successfully in ? s"

    def test_survives_a_field_of_another_kind(self) -> None:
        assert "execution.succeeded" in describe("execution.succeeded", {"seconds": "long"})[1]

    def test_calls_an_unknown_event_by_its_name(self) -> None:
        assert describe("something.new", {})[1] == "something.new"

"""docs/limits.md tells the figures that are in the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounts.limits import rates
from accounts.limits.rates import Kind
from scheduler_project.api import bounds, last_seen, parsers, policies
from scheduler_project.lib import policy_server, pulse, quick_redis
from scheduler_project.lib.patient_postgres import connection
from scheduler_project.settings.environment import VARIABLES

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "limits.md").read_text()


@pytest.mark.parametrize("kind", Kind)
def test_every_class_of_endpoints_has_its_row(kind: Kind) -> None:
    assert f"\n| `{kind}` | " in PAGE


@pytest.mark.parametrize(
    "text",
    [
        f"limit is {VARIABLES['DAYBOOK_RATE_LIMIT'].default} a minute",
        f"limited to {rates.MOST_IN_WINDOW:,} a minute",
        f"| Body | {bounds.USUAL.size:,} bytes; an import of jobs {bounds.IMPORT.size:,} |",
        f"| {bounds.USUAL.values:,}; of an import {bounds.IMPORT.values:,} |",
        f"| Names of one object | {bounds.USUAL.names:,} |",
        f"| Items of one array | {bounds.USUAL.items:,} |",
        f"| Depth | {parsers.MAX_DEPTH} |",
        f"| {bounds.LONGEST_PATH:,} and {bounds.LONGEST_QUERY:,} characters |",
        f"| {bounds.LONGEST_HEADER:,} and {bounds.LONGEST_HEADERS:,} characters |",
        f"Forms of the console take {bounds.LARGEST_FORM:,} bytes",
        f"beyond {policies.LARGEST_BODY:,} characters",
        f"not asked for {policy_server.REST:.0f} seconds",
        f"(0.5 s) for its whole answer, of at most {policy_server.LARGEST_ANSWER // 1024} KiB",
        f"for up to {last_seen.SECONDS // 60} minutes",
        f"up to {last_seen.LARGEST // 1024} KiB are kept in Redis, signed, {last_seen.MOST} for each",
        f"hears nothing for {connection.PATIENCE} s",
        f"within {pulse.PATIENCE} s it gives up",
    ],
)
def test_every_figure_is_the_one_in_the_code(text: str) -> None:
    assert text in PAGE


def test_a_silent_redis_costs_what_it_says() -> None:
    assert quick_redis.PATIENCE == 0.25
    assert "a quarter of a second" in PAGE
    assert quick_redis.LEFT_ALONE == 2
    assert "for two seconds after that" in PAGE

"""docs/ledger.md names every reason and every kind of violation there is."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from jobs.admin.reasons import REASONS
from jobs.planner import RULES
from jobs.rules.states import TickOutcome
from jobs.verification.findings import Kind

NAMED = set(re.findall(r"`(\w+)`", (Path(__file__).parents[3] / "docs" / "ledger.md").read_text()))


@pytest.mark.parametrize("word", sorted({*REASONS, *Kind, *TickOutcome}))
def test_names(word: str) -> None:
    assert word in NAMED


@pytest.mark.parametrize("pattern", sorted(reason for rule in RULES for reason in rule.reasons))
def test_names_the_reasons_of_each_rule(pattern: str) -> None:
    assert any(fnmatch(word, pattern) for word in NAMED)

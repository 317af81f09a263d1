"""Which cells a spreadsheet would run as formulas."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from scheduler_project.lib import csv_cells

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BEFORE = ("", " ", "  ", "\t", "\r", "\n", "\r\n", "\u00a0", "\u2003", "\u3000", *"\ufeff\u200b\u202e\x00\x1b")


def test_every_sign_is_disarmed_whatever_stands_before_it() -> None:
    for before in BEFORE:
        for sign in SIGNS:
            text = f"{before}{sign}cmd|' /C calc'!A0"
            assert csv_cells.safe(text) == f"'{text}"


@pytest.mark.parametrize("value", ["\tx", "\rx", "\nx"])
def test_what_begins_another_cell_is_disarmed(value: str) -> None:
    assert csv_cells.safe(value) == f"'{value}"


@pytest.mark.parametrize("value", ["", "plain", "a=1", "1-2", "'=1", " ", "ä+b", -5, Decimal("-1.5"), None, True])
def test_others_stay_what_they_are(value: Any) -> None:
    assert csv_cells.safe(value) is value


def test_whoever_writes_csv_writes_it_through_here() -> None:
    for package in ("accounts", "jobs", "notifications", "scheduler_project", "templates_registry"):
        for path in (Path(settings.BASE_DIR) / package).rglob("*.py"):
            text = path.read_text()
            assert "import csv\n" not in text or "csv_cells.safe(" in text, path

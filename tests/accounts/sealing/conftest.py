"""Every test begins with nothing that a process has kept."""

from __future__ import annotations

import pytest

from accounts.sealing import data_keys


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    data_keys.kept.clear()

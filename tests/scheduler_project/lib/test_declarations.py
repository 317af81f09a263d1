"""What apps say of themselves, by dotted path."""

from __future__ import annotations

import pytest
from django.apps import apps

from scheduler_project.lib.declarations import declared


def test_loads_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps.get_app_config("jobs"), "adds", "json.dumps", raising=False)
    monkeypatch.setattr(apps.get_app_config("accounts"), "adds", "json.loads", raising=False)

    assert [found.__name__ for found in declared("adds")] == ["loads", "dumps"]  # in the order of the apps


def test_refuses_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apps.get_app_config("jobs"), "adds", "json.sing", raising=False)

    with pytest.raises(ImportError, match="sing"):
        declared("adds")

"""What a process remembers of credentials: bounded in number and in age, and forgotten on demand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts import memory
from accounts.memory import Memory
from scheduler_project.settings.environment import Environment

pytestmark = pytest.mark.django_db


class TestBound:
    def test_is_five_seconds_unless_told_and_never_more(self) -> None:
        assert Environment({})["DAYBOOK_CREDENTIAL_CACHE"] == timedelta(seconds=5)
        assert timedelta(seconds=5) == settings.DAYBOOK_CREDENTIAL_CACHE
        with pytest.raises(ImproperlyConfigured, match="from 0 to 5"):
            Environment({"DAYBOOK_CREDENTIAL_CACHE": "6"})


class TestMemory:
    def test_answers_from_memory_until_the_answer_is_too_old(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [100.0]
        monkeypatch.setattr(memory.time, "monotonic", lambda: clock[0])
        names: Memory[str] = Memory(most=2)

        def slow() -> str:
            clock[0] += 2  # the answer is as old as its question
            return "Ana"

        assert names.read(1, slow) == "Ana"
        clock[0] = 104.9
        assert names.recall(1) == "Ana"
        clock[0] = 105.0
        assert names.recall(1) is None

    def test_remembers_nothing_when_it_may_not(self, settings: Any) -> None:
        settings.DAYBOOK_CREDENTIAL_CACHE = timedelta(0)
        names: Memory[str] = Memory(most=2)
        names.read(1, lambda: "Ana")
        assert names.recall(1) is None

    def test_drops_what_it_has_not_heard_of_for_longest(self) -> None:
        names: Memory[str] = Memory(most=2)
        for number in (1, 2, 1, 3):
            names.read(number, lambda: "somebody")
        assert len(names) == 2
        assert [names.recall(number) for number in (1, 2, 3)] == ["somebody", None, "somebody"]

    def test_does_not_bring_back_what_was_forgotten_while_it_asked(self) -> None:
        names: Memory[str] = Memory(most=2)

        def revoked_meanwhile() -> str:
            memory.forget()
            return "still good"

        assert names.read(1, revoked_meanwhile) == "still good"
        assert names.recall(1) is None

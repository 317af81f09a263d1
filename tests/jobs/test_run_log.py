"""Reading the log of a run by stretches, by level and by search."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from jobs import run_log
from jobs.models import Execution, LogLine
from jobs.run_log import Window
from tests.cast import ApiClient
from tests.jobs.api.conftest import MakeJob, RunJob, by_key, job_of, run_of

__all__ = ["by_key", "job_of", "run_of"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(job_of: MakeJob, run_of: RunJob) -> Execution:
    """With a hundred lines: each tenth is a warning, each fiftieth an error."""
    run = run_of(job_of(), "succeeded")
    levels = {0: "error", 10: "warning", 20: "warning", 30: "warning", 40: "warning"}
    LogLine.objects.bulk_create(
        LogLine(
            execution=run, sequence=number, attempt=1, logged_at=timezone.now(), level=levels.get(number % 50, "info"),
            message=f"Line {number} of 100%",
        )
        for number in range(1, 101)
    )  # fmt: skip
    return run


def numbers(window: Window) -> tuple[list[int], bool, bool]:
    return [line.sequence for line in window.lines], window.has_earlier, window.has_later


class TestWindow:
    def test_has_the_lines_and_says_whether_there_are_more(self, run: Execution) -> None:
        found = run_log.lines(run.pk)
        assert numbers(run_log.tail(found, 3)) == ([98, 99, 100], True, False)
        assert numbers(run_log.tail(found, 200))[1:] == (False, False)
        assert numbers(run_log.before(found, 4, 10)) == ([1, 2, 3], False, True)
        assert numbers(run_log.before(found, 98, 2)) == ([96, 97], True, True)
        assert numbers(run_log.after(found, 98, 10)) == ([99, 100], True, False)
        assert numbers(run_log.after(found, 0, 2)) == ([1, 2], False, True)
        assert numbers(run_log.around(found, 50, 4)) == ([48, 49, 50, 51], True, True)
        assert numbers(run_log.around(found, 2, 6)) == ([1, 2, 3, 4], False, True)

    def test_is_narrowed_by_level_and_those_above_it(self, run: Execution) -> None:
        assert numbers(run_log.tail(run_log.lines(run.pk, level="error"), 5))[0] == [50, 100]
        assert run_log.lines(run.pk, level="warning").count() == 10
        assert run_log.lines(run.pk, level="nonsense").count() == 100


class TestSearch:
    def test_goes_from_match_to_match_and_round(self, run: Execution) -> None:
        def look(**place: Any) -> tuple[int, int | None, int | None]:
            found = run_log.look_for(run.pk, "LINE 9", **place)
            return found.count, found.sequence, found.position

        assert look() == (11, 9, 1)
        assert look(after=9) == (11, 90, 2)
        assert look(after=99) == (11, 9, 1)
        assert look(before=90) == (11, 9, 1)
        assert look(before=9) == (11, 99, 11)
        assert run_log.look_for(run.pk, "line 5", level="error").sequence == 50
        assert run_log.look_for(run.pk, "nowhere").count == 0
        assert run_log.look_for(run.pk, "0%").count == 100  # no wildcard


class TestApi:
    def test_reads_backwards_narrows_and_gives_it_as_text(self, run: Execution, by_key: ApiClient) -> None:
        def ask(query: str) -> tuple[list[int], bool]:
            answer = by_key.get(f"/api/v1/executions/{run.pk}/log?{query}").json()
            return [line["sequence"] for line in answer["results"]], answer["has_more"]

        assert ask("before=51&limit=2") == ([49, 50], True)
        assert ask("before=3") == ([1, 2], False)
        assert ask("level=error") == ([50, 100], False)
        assert ask("search=line+77") == ([77], False)
        assert by_key.get(f"/api/v1/executions/{run.pk}/log?level=loud").status_code == 400
        answer = by_key.get(f"/api/v1/executions/{run.pk}/log/raw")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        lines = answer.content.decode().splitlines()
        assert len(lines) == 100
        assert lines[49].endswith("Z ERROR   Line 50 of 100%")

    def test_gives_long_logs_in_bundles(self, run: Execution, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run_log, "RAW_LINES", 30)
        bundles = list(run_log.raw(run.pk))
        assert [bundle.count("\n") for bundle in bundles] == [30, 30, 30, 10]

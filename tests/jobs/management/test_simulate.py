"""`manage.py simulate`: jobs of the database or of a file, printed as a table, in full or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs.models import Execution, Job, Tick

WINDOW = ("--from", "2027-11-07T04:00:00Z", "--to", "2027-11-08T04:59:59Z")
NIGHT = {
    "jobs": [
        {"name": "every-20", "schedule": {"kind": "cron", "cron": "*/20 * * * *", "timezone": "America/New_York"}},
        {
            "name": "slow",
            "schedule": {"kind": "interval", "every_seconds": 3600},
            "duration_seconds": 5400,
            "policies": {"overlap": "skip"},
        },
    ]
}


def printed(*words: str) -> str:
    out = StringIO()
    call_command("simulate", *WINDOW, *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(NIGHT))
    return str(path)


class TestOfAFile:
    def test_counts_ticks_by_outcome(self, file: str) -> None:
        lines = printed("--file", file).splitlines()
        assert lines[1].split() == ["every-20", "75", "75", "fired"]
        assert lines[2].split() == ["slow", "25", "13", "fired,", "12", "skipped", "(overlap)"]
        assert lines[-1].startswith("100 ticks. Scheduler 1 from 2027-11-07T04:00:00")

    def test_lists_every_tick_with_its_wall_clock(self, file: str) -> None:
        text = printed("--file", file, "--all")
        assert "2027-11-07T01:20:00-04:00" in text
        assert "2027-11-07T01:20:00-05:00" in text
        assert "by the run of" in text

    def test_answers_as_json(self, file: str) -> None:
        found: dict[str, Any] = json.loads(printed("--file", file, "--all", "--json"))
        assert (found["ticks"], len(found["ledger"]), found["undecided"]) == (100, 100, {})

    def test_lets_schedulers_go_down(self, file: str) -> None:
        down = ("--down", "2027-11-07T05:00:00Z/2027-11-07T09:30:00Z")
        assert "coalesced (misfire_last)" in printed("--file", file, *down)
        one = printed("--file", file, "--down", "1:2027-11-07T05:00:00Z/2027-11-07T09:30:00Z")
        assert "coalesced" not in one
        assert "2 from 2027-11-07T05:00:10" in one

    def test_overrides_policies_and_durations(self, file: str) -> None:
        text = printed("--file", file, "--policy", "overlap=queue_all", "--duration", "1")
        assert "skipped" not in text

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("--policy", "overlap=never"), "Write one of"),
            (("--from", "noon"), "noon: write an instant"),
            (("--down", "2027-11-07"), "two instants"),
            (("--down", "3:2027-11-07T05:00:00Z/2027-11-07T06:00:00Z"), "schedulers 1 to 2"),
            (("--schedulers", "0"), "from 1 to 20"),
        ],
    )
    def test_names_what_does_not_fit(self, file: str, words: tuple[str, ...], told: str) -> None:
        with pytest.raises(CommandError, match=told):
            printed("--file", file, *words)

    @pytest.mark.parametrize("text", ["nonsense", "{}", '[{"name": "x"}]', '[{"schedule": {"kind": "cron"}}]'])
    def test_refuses_a_document_without_jobs(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "jobs.json"
        path.write_text(text)
        with pytest.raises(CommandError):
            printed("--file", str(path))


@pytest.mark.django_db
class TestOfTheDatabase:
    def test_takes_every_enabled_job_and_writes_nothing(self, make_job: Callable[..., Job]) -> None:
        job = make_job(name="Hourly", schedule={"kind": "cron", "cron": "0 * * * *"})
        make_job(name="Off", enabled=False)
        lines = printed().splitlines()
        assert lines[1].split() == ["hourly", "25", "25", "fired"]
        assert len(lines) == 4
        assert printed("--job", str(job.pk)) == printed("--job", "hourly")
        assert not Tick.objects.exists()
        assert not Execution.objects.exists()

    def test_refuses_a_job_that_there_is_not(self) -> None:
        with pytest.raises(CommandError, match="no job nothing"):
            printed("--job", "nothing")

"""`manage.py explain`: what it prints, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from jobs import registry
from jobs.models import Job, Tick
from tests.jobs.test_ledger import decide_due

pytestmark = pytest.mark.django_db


def printed(*words: str) -> str:
    out = StringIO()
    call_command("explain", *words, stdout=out)
    return out.getvalue()


class TestExplain:
    def test_prints_the_steps_of_a_job_by_its_short_name(self, make_job: Callable[..., Job]) -> None:
        job = make_job(name="Nightly report")
        registry.pause(job.pk, actor="user:ana", note="Broken feed")
        text = printed("job", "nightly-report")
        assert "Broken feed" in text
        assert "STOP  Pause" in text
        assert "[by user:ana, since" in text
        assert "If it were due now" in text

    def test_tells_of_a_tick_and_its_execution(self, make_job: Callable[..., Job]) -> None:
        make_job()
        decide_due(minutes=1)
        tick = Tick.objects.get()
        assert "It fired execution" in printed("tick", str(tick.pk))
        assert "The tick that fired it" in printed("execution", str(tick.execution_id))

    def test_answers_as_the_api_does(self, make_job: Callable[..., Job]) -> None:
        job = make_job()
        answer = json.loads(printed("job", str(job.pk), "--json"))
        assert (answer["subject"], answer["id"]) == ("job", job.pk)

    @pytest.mark.parametrize("words", [("job", "nothing"), ("tick", "1"), ("execution", "7"), ("tick", "x")])
    def test_refuses_what_there_is_not(self, words: tuple[str, ...], db: None) -> None:
        with pytest.raises(CommandError):
            printed(*words)

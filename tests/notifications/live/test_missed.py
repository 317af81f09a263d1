"""What changes between the drawing of a page and its first subscription is told, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import registry
from notifications.live import changes, missed
from notifications.live.topics import read
from scheduler_project.api.errors import Invalid
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob

pytestmark = pytest.mark.django_db(transaction=True)


def told(seen: object, *names: str) -> dict[str, Any]:
    found = missed.since(seen, [read(name) for name in names])
    return {
        str(topic): message["data"]["events"] if "data" in message else message["type"]
        for topic, message in found.items()
    }


class TestSince:
    def test_tells_each_topic_of_its_own(self, cast: Cast, job_of: MakeJob, run_of: RunJob) -> None:
        job, other = job_of(), job_of(name="Other")
        run_of(other)
        seen = missed.look()
        names = ("tenant:acme", f"job:{job.pk}", f"job:{other.pk}", "tenant:globex")
        assert told(seen, *names) == {}
        run_of(job, "failed")
        registry.pause(other.pk, actor="user:ana")
        found = told(seen, *names)
        assert found.keys() == {"tenant:acme", f"job:{job.pk}", f"job:{other.pk}"}
        assert found[f"job:{job.pk}"]["execution.failed"] == 1
        assert found[f"job:{other.pk}"] == {"job.paused": 1}
        assert found["tenant:acme"].items() >= {"execution.failed": 1, "job.paused": 1}.items()
        assert told(missed.look(), *names) == {}

    def test_has_read_again_what_keeps_no_history(self) -> None:
        assert told(missed.look(), "workers", "scheduler", "exec:5", "notifications") == {
            "workers": "resync",
            "scheduler": "resync",
        }

    def test_has_all_read_again_when_it_was_too_much(
        self, job_of: MakeJob, run_of: RunJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "MOST", 1)
        seen = missed.look()
        run_of(job_of(), "failed")
        assert told(seen, "tenant:acme", "tenant:globex") == {"tenant:acme": "resync", "tenant:globex": "resync"}

    @pytest.mark.parametrize("seen", ["", "x", 5, "5:5:", "9:5:/1", "5:5:" + "5," * 3000 + "/1", "5:5:7;/1"])
    def test_refuses_what_no_page_was_given(self, seen: object) -> None:
        with pytest.raises(Invalid):
            told(seen, "tenant:acme")

"""Who gets what of a job, by the API; the reasons are tested beside the explanation itself."""

from __future__ import annotations

import pytest

from notifications.rulebook import changes, preferences
from notifications.rulebook.changes import Editor
from tests.cast import Cast, ClientOf
from tests.jobs.api.conftest import MakeJob, job_of

pytestmark = pytest.mark.django_db

__all__ = ["job_of"]


class TestExplanation:
    def test_names_who_hears_what_by_which_rule(self, cast: Cast, client_of: ClientOf, job_of: MakeJob) -> None:
        job = job_of(owner="ana")
        data = {"name": "Third", "job": job.pk, "kinds": ["failed"], "in_row": 3, "to_owner": False, "users": ["olaf"]}
        rule = changes.create(data, tenant=cast.acme, by=Editor("user:ana"))
        preferences.mute(cast.ana, job.pk, actor="user:ana", is_muted=True)
        answer = client_of(cast.vera).get(f"/api/v1/jobs/{job.pk}/notifications")
        assert answer.status_code == 200, answer.content
        found = answer.json()
        assert (found["failures_in_row"], found["failing_since"], found["refusal"]) == (0, None, "")
        failed = next(one for one in found["answers"] if one["kind"] == "failed")
        lines = {line["user"]: line for line in failed["lines"]}
        assert (lines["ana"]["rule"], lines["ana"]["told"], lines["ana"]["way"]) == (None, False, "Inbox")
        assert lines["ana"]["why_not"] == "The user has muted the job."
        assert (lines["olaf"]["rule"], lines["olaf"]["rule_name"]) == (rule.pk, "Third")
        assert lines["olaf"]["why_not"] == "The rule asks for 3 failures in a row."
        system = {"circuit", "scheduler", "worker"}
        assert not system.intersection(one["kind"] for one in found["answers"])

    def test_is_for_those_who_see_the_job(self, cast: Cast, client_of: ClientOf, job_of: MakeJob) -> None:
        path = f"/api/v1/jobs/{job_of().pk}/notifications"
        assert client_of(cast.gita).get(path).status_code == 403

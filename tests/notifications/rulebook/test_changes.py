"""Changes of rules beside those that the API asks for: copies for a clone, and two writers at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from accounts.models import AuditEntry
from jobs import cloning
from notifications.models import Rule
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor, RuleChanged
from notifications.rulebook.reader import RuleInput
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, job_of

pytestmark = pytest.mark.django_db

__all__ = ["job_of"]

ANA = Editor("user:ana")
ROOT = Editor("user:root", is_superuser=True)


class TestCopy:
    def test_goes_along_with_a_clone_within_the_tenant(
        self, cast: Cast, job_of: MakeJob, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = job_of(tags=["night"])
        data = {"name": "Mine", "job": job.pk, "users": ["olaf"], "in_row": 3, "kinds": ["failed", "slow"]}
        changes.create({**data, "quiet_hours": {"from": "22:00", "until": "06:00"}}, tenant=cast.acme, by=ANA)
        changes.create({"name": "Of the tag", "tag": "night"}, tenant=cast.acme, by=ANA)
        changes.create({"name": "System", "job": job.pk, "kinds": ["worker"]}, tenant=cast.acme, by=ROOT)
        made = cloning.clone(job, actor="user:vera")
        (copied,) = Rule.objects.filter(job=made)
        assert RuleInput.of(copied) == replace(RuleInput.of(Rule.objects.get(name="Mine", job=job)), job=made.pk)
        assert copied.updated_by == "user:vera"
        assert AuditEntry.objects.filter(action="notification_rule.created", target_id=str(copied.pk)).exists()
        elsewhere = cloning.clone(job, actor="user:root", tenant=cast.globex)
        assert not Rule.objects.filter(job=elsewhere).exists()
        monkeypatch.setattr(changes, "MOST_PER_TENANT", Rule.objects.filter(tenant=cast.acme).count())
        assert not Rule.objects.filter(job=cloning.clone(job, actor="user:ana")).exists()


class TestChange:
    def test_loses_to_an_earlier_writer(self, cast: Cast) -> None:
        rule = changes.create({"name": "Nights"}, tenant=cast.acme, by=ANA)
        seen = rule.updated_at
        changes.change(rule.pk, {"in_row": 2}, by=ANA, expected_updated_at=seen)
        with pytest.raises(RuleChanged, match="user:ana has changed Nights"):
            changes.change(rule.pk, {"in_row": 3}, by=ANA, expected_updated_at=seen)
        rule.refresh_from_db()
        assert rule.in_row == 2

    def test_of_the_default_keeps_one_row(self, cast: Cast) -> None:
        first = changes.change_default({"in_row": 2}, tenant=cast.acme, by=ANA)
        assert changes.change_default({"daily_cap": 9}, tenant=cast.acme, by=ANA).pk == first.pk
        stored = Rule.objects.get()
        assert (stored.in_row, stored.daily_cap, stored.is_default) == (2, 9, True)
        changes.delete(stored.pk, by=ANA)
        assert AuditEntry.objects.filter(action="notification_rule.put_back").count() == 1

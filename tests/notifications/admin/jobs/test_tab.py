"""The tab of a job: who hears what of it, by which rule, and what was told lately."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings

from jobs import registry
from jobs.models import Job
from notifications.inbox import writing
from notifications.inbox.writing import Entry
from notifications.models import Preference, Rule
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor
from scheduler_project.lib import transactions
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, job_url
from tests.jobs.api.conftest import MakeJob
from tests.notifications.admin.conftest import MakeChannel, delivery_of

pytestmark = pytest.mark.django_db

ANA = Editor("user:ana")


def tab(browser: Browser, job: Job) -> str:
    return browser.text(job_url(job), tab="notifications")


def heard(browser: Browser, job: Job, kind: str) -> list[tuple[str, str]]:
    """Who is told of it, and by which way."""
    found = browser.get(job_url(job), {"tab": "notifications"}).context["heard"]
    return [(line.who, line.way) for one in found if one.answer.kind == kind for line in one.told]


class TestWhoHears:
    def test_is_the_owner_by_the_default_rule(self, as_vera: Browser, job_of: MakeJob) -> None:
        job = job_of(owner="ana")
        assert heard(as_vera, job, "failed") == [("ana", "Inbox")]
        assert heard(as_vera, job, "succeeded") == []
        text = tab(as_vera, job)
        assert "Owners hear of failures, recoveries and missed ticks" in text
        assert "The job is well, so there is nothing to recover from." in text

    def test_is_nobody_of_a_job_without_an_owner_which_is_said(
        self, as_ana: Browser, as_vera: Browser, job_of: MakeJob
    ) -> None:
        job = job_of()
        assert heard(as_vera, job, "failed") == []
        assert "The job has no owner" in tab(as_vera, job)
        assert "Give it one" in tab(as_ana, job)
        assert "Give it one" not in tab(as_vera, job)

    def test_follows_the_rules_that_are_about_the_job(
        self, as_ana: Browser, job_of: MakeJob, channel_of: MakeChannel, cast: Cast
    ) -> None:
        job, other = job_of(owner="ana", tags=["night"]), job_of(name="Other")
        mail = channel_of()
        for name, about in (("Of this job", {"job": job.pk}), ("Of the night", {"tag": "night"})):
            data = {"name": name, "kinds": ["failed"], "channels": [mail.pk], "to_owner": False, **about}
            changes.create(data, tenant=cast.acme, by=ANA)
        changes.create({"name": "Of the other", "job": other.pk}, tenant=cast.acme, by=ANA)
        assert heard(as_ana, job, "failed") == [("", "Ops mail"), ("ana", "Inbox")]
        names = [row["rule"].name for row in as_ana.get(job_url(job), {"tab": "notifications"}).context["rules"]]
        assert names[:2] == ["Of this job", "Of the night"]
        assert "Of the other" not in tab(as_ana, job)

    def test_leads_to_a_rule_of_the_job_who_may_write_one(
        self, as_ana: Browser, as_vera: Browser, job_of: MakeJob
    ) -> None:
        job = job_of()
        address = f"{reverse('admin:notification_rule_add')}?job={job.pk}"
        assert address in tab(as_ana, job)
        assert address not in tab(as_vera, job)
        assert job.name in as_ana.text(address)
        registry.archive(job.pk, actor="user:ana")
        assert address not in tab(as_ana, job)

    def test_says_that_notifications_are_off(self, as_vera: Browser, job_of: MakeJob, settings: Settings) -> None:
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
        assert "switched off by DAYBOOK_NOTIFICATIONS_ENABLED" in tab(as_vera, job_of())


class TestMute:
    def test_is_for_the_viewer_and_leads_back(self, as_ana: Browser, as_vera: Browser, job_of: MakeJob) -> None:
        job = job_of(owner="ana")
        back = f"{job_url(job)}?tab=notifications"
        body: dict[str, Any] = {"mute": job.pk, "next": back}
        assert as_ana.post(reverse("admin:notification_mute"), body).headers["Location"] == back
        assert Preference.objects.get().muted_jobs == [job.pk]
        assert heard(as_ana, job, "failed") == []
        text = tab(as_ana, job)
        assert "You have muted it" in text
        assert "The user has muted the job." in text
        assert "You have muted it" not in tab(as_vera, job)
        as_ana.post(reverse("admin:notification_mute"), {"unmute": job.pk, "next": back})
        assert heard(as_ana, job, "failed") == [("ana", "Inbox")]


class TestLately:
    def test_shows_what_the_viewer_was_told_and_what_went_out(
        self, as_ana: Browser, as_vera: Browser, job_of: MakeJob, channel_of: MakeChannel, cast: Cast
    ) -> None:
        job, other = job_of(), job_of(name="Other")
        with transactions.engine():
            writing.tell(
                Entry(
                    tenant_id=cast.acme.pk, user_id=cast.ana.pk, type="job.failed", severity="error",
                    title=f"{one.name} <b>failed</b>", meta={"job": {"id": one.pk, "name": one.name}},
                )
                for one in (job, other)
            )  # fmt: skip
        delivery_of(channel_of("Chat"), facts={"kind": "failed", "job": {"id": job.pk, "name": job.name}})
        delivery_of(channel_of("Not this"), facts={"kind": "failed", "job": {"id": other.pk, "name": "Other"}})
        text = tab(as_ana, job)
        assert f"{job.name} &lt;b&gt;failed&lt;/b&gt;" in text
        assert "Other &lt;b&gt;failed" not in text
        assert "Chat" in text
        assert "Not this" not in text
        assert "&lt;b&gt;failed" not in tab(as_vera, job)

    def test_asks_few_questions_for_many_rules(
        self, as_ana: Browser, job_of: MakeJob, cast: Cast, django_assert_max_num_queries: Any
    ) -> None:
        job = job_of(owner="ana")
        Rule.objects.bulk_create(Rule(tenant=cast.acme, name=f"Rule {n}", kinds=["failed"], job=job) for n in range(20))
        with django_assert_max_num_queries(60):
            tab(as_ana, job)

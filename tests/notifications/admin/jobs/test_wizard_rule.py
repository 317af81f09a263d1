"""The fourth step of the wizard: who hears of the new job, and a rule of its own that is created with it."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from jobs.models import Job, JobDraft
from notifications.models import Channel, Rule
from notifications.rulebook import changes
from templates_registry.models import TemplateVersion
from tests.cast import Cast, ClientOf
from tests.jobs.admin.conftest import Browser
from tests.jobs.admin.test_wizard import Walk
from tests.jobs.api.conftest import MakeJob
from tests.notifications.admin.conftest import MakeChannel

pytestmark = pytest.mark.django_db

STEP = "notifications"


@pytest.fixture
def walk(as_ana: Browser, echo: TemplateVersion) -> Walk:
    made = Walk(as_ana, echo)
    made.send("parameters", name="Morning greeting", tags="night", _to="review")
    return made


def ask(walk: Walk, *ways: object, kinds: tuple[str, ...] = ("failed", "late"), in_row: str = "3") -> str:
    body = {"rule-kinds": list(kinds), "rule-ways": [str(way) for way in ways], "rule-in_row": in_row}
    return walk.send(STEP, owner="ana", **body)


class TestStep:
    def test_says_who_hears_of_it_anyway(self, walk: Walk, cast: Cast) -> None:
        by = changes.Editor("user:ana")
        changes.create({"name": "Of the night", "tag": "night", "kinds": ["late"]}, tenant=cast.acme, by=by)
        changes.create({"name": "Of the day", "tag": "day", "kinds": ["late"]}, tenant=cast.acme, by=by)
        text = walk.text(STEP)
        assert "Owners hear of failures, recoveries and missed ticks" in text
        assert "To: The owner" in text
        assert "Of the night" in text
        assert "Of the day" not in text

    def test_offers_the_channels_of_the_tenant(self, walk: Walk, channel_of: MakeChannel, cast: Cast) -> None:
        assert "There is none yet" in walk.text(STEP)
        channel_of(), channel_of("Theirs", tenant=cast.globex)
        text = walk.text(STEP)
        assert "Ops mail (E-mail)" in text
        assert "Theirs" not in text

    def test_keeps_what_was_chosen_in_the_draft(self, walk: Walk, channel_of: MakeChannel) -> None:
        channel = channel_of()
        walk.save(STEP, **{"rule-kinds": ["late"], "rule-ways": [str(channel.pk)], "rule-in_row": "2"})
        assert walk.draft.fields["rule-ways"] == [str(channel.pk)]
        text = walk.text(STEP)
        assert 'value="late" id="id_rule-kinds_5" checked' in text
        walk.save(STEP, **{"rule-in_row": "2"})
        assert walk.draft.fields["rule-kinds"] == []

    @pytest.mark.parametrize(
        ("ways", "kinds", "in_row", "problem"),
        [
            ((), ("failed",), "1", "Choose who hears of it."),
            (("owner",), (), "1", "Choose what is told"),
            (("999",), ("failed",), "1", "One of the channels is gone"),
            (("owner",), ("failed",), "0", "greater than or equal to 1"),
            (("owner",), ("circuit",), "1", "circuit is not one of the available choices"),
        ],
    )
    def test_names_what_is_wrong(
        self, walk: Walk, ways: tuple[str, ...], kinds: tuple[str, ...], in_row: str, problem: str
    ) -> None:
        ask(walk, *ways, kinds=kinds, in_row=in_row)
        assert problem in walk.response.content.decode()
        assert problem in walk.text("review")
        walk.send("review")
        assert not Job.objects.exists()


class TestReview:
    def test_shows_the_rule_and_its_call(self, walk: Walk, channel_of: MakeChannel) -> None:
        channel = channel_of()
        ask(walk, "owner", channel.pk)
        page = walk.browser.get(walk.url("review"))
        rows = {row.label: row.value for row in page.context["additions"]}
        assert rows == {
            "Rule of its own": "A run failed (3 in a row), ticks fired late; further failures are not told",
            "Tells": "the owner, Ops mail (E-mail)",
        }
        (call,) = page.context["calls"]
        assert call["body"] == {
            "name": "Morning greeting: a run failed (3 in a row), ticks fired late",
            "job": "<the id of the job>",
            "kinds": ["failed", "late"],
            "in_row": 3,
            "to_owner": True,
            "to_everyone": False,
            "channels": [channel.pk],
        }
        assert "/api/v1/notification-rules" in call["curl"]

    def test_shows_a_call_that_makes_the_rule(
        self, walk: Walk, channel_of: MakeChannel, client_of: ClientOf, job_of: MakeJob, cast: Cast
    ) -> None:
        ask(walk, channel_of().pk)
        (call,) = walk.browser.get(walk.url("review")).context["calls"]
        job = job_of()
        answer = client_of(cast.ana).send("POST", "/api/v1/notification-rules", {**call["body"], "job": job.pk})
        assert answer.status_code == 201, answer.content
        assert Rule.objects.get().job == job

    def test_shows_no_call_without_a_rule(self, walk: Walk) -> None:
        page = walk.browser.get(walk.url("review"))
        assert page.context["calls"] == []
        assert [row.value for row in page.context["additions"]] == ["none"]


class TestCreation:
    def test_makes_the_rule_with_the_job(self, walk: Walk, channel_of: MakeChannel, cast: Cast) -> None:
        channel = channel_of()
        ask(walk, "owner", "everyone", channel.pk)
        walk.send("review")
        job, rule = Job.objects.get(), Rule.objects.get()
        assert (rule.job, rule.tenant, rule.kinds, rule.in_row) == (job, cast.acme, ["failed", "late"], 3)
        assert (rule.to_owner, rule.to_everyone, list(rule.channels.all())) == (True, True, [channel])
        assert AuditEntry.objects.get(action="notification_rule.created").actor == "user:ana"

    def test_makes_none_that_nobody_asked_for(self, walk: Walk) -> None:
        walk.send("review")
        assert Job.objects.exists()
        assert not Rule.objects.exists()

    def test_makes_no_job_when_the_channel_has_gone(self, walk: Walk, channel_of: MakeChannel) -> None:
        ask(walk, channel_of().pk)
        Channel.objects.all().delete()
        walk.send("review")
        assert "One of the channels is gone" in walk.response.content.decode()
        assert not Job.objects.exists()
        assert JobDraft.objects.exists()

    def test_makes_no_job_when_there_are_too_many_rules(self, walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changes, "MOST_PER_TENANT", 0)
        ask(walk, "owner")
        walk.send("review")
        assert "Acme has 0 rules already" in walk.response.content.decode()
        assert not Job.objects.exists()

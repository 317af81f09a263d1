"""Who gets what for a job, said by the code that tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from jobs.models import Execution, Job
from notifications.fanout.explanation import Explanation, KindAnswer, explain
from notifications.models import Channel, Delivery, Preference, Rule
from notifications.rules.kinds import Kind
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.notifications.fanout.conftest import Reading, failing, inbox, job_of, reading, run_of, sent

__all__ = ["failing", "job_of", "reading", "run_of"]

MakeJob = Callable[..., Job]
RunJob = Callable[..., Execution]


def of(explanation: Explanation, kind: Kind) -> KindAnswer:
    return next(answer for answer in explanation.answers if answer.kind is kind)


def told(answer: KindAnswer) -> list[tuple[str, str, str]]:
    return [(line.way, line.who, line.note) for line in answer.lines if line.is_told]


def untold(answer: KindAnswer) -> list[tuple[str, str, str]]:
    return [(line.way, line.who, line.why_not) for line in answer.lines if not line.is_told]


@pytest.fixture
def rules(cast: Cast) -> Sequence[Rule]:
    """One about a tag by chat and mail, to people who all lack something, and one that waits for three in a row."""
    chat = Channel.objects.create(tenant=cast.acme, name="Chat", kind="slack")
    mail = Channel.objects.create(tenant=cast.acme, name="Mail", kind="email", config={"people": True})
    off = Channel.objects.create(tenant=cast.acme, name="Old", kind="webhook", is_enabled=False)
    nightly = Rule.objects.create(
        tenant=cast.acme, name="Nightly", tag="nightly", kinds=["failed", "missed"], to_owner=False
    )
    nightly.channels.set([chat, mail, off])
    gone = User.objects.create_user("gone", is_active=False)
    nightly.users.set([cast.vera, cast.gita, gone])
    stubborn = Rule.objects.create(tenant=cast.acme, name="Stubborn", kinds=["failed"], in_row=3, to_owner=False)
    stubborn.users.set([cast.olaf])
    return [nightly, stubborn]


class TestExplain:
    def test_says_who_hears_by_default_and_in_which_words(self, cast: Cast, failing: MakeJob) -> None:
        explanation = explain(failing(name="Invoices", owner="ana"))
        assert {answer.kind for answer in explanation.answers if answer.told} == {
            Kind.FAILED,
            Kind.MISSED,
        }
        failed = of(explanation, Kind.FAILED)
        assert (failed.title, failed.now) == ("Invoices failed", "The next failure is the 1st in a row.")
        assert told(failed) == [("Inbox", "ana", "")]
        assert untold(of(explanation, Kind.RECOVERED)) == [
            ("Inbox", "ana", "The job is well, so there is nothing to recover from.")
        ]
        assert of(explanation, Kind.SLOW).lines == []
        assert (explanation.refusal, explanation.failures_in_row) == ("", 0)

    def test_says_what_keeps_it_from_whom(self, cast: Cast, failing: MakeJob, rules: Sequence[Rule]) -> None:
        job = failing(owner="ana", tags=["nightly"])
        Preference.objects.create(user=cast.vera, muted_jobs=[job.pk])
        failed = of(explain(job), Kind.FAILED)
        assert told(failed) == [("Chat", "", ""), ("Inbox", "ana", "")]
        assert untold(failed) == [
            ("Inbox", "vera", "The user has muted the job."),
            ("Inbox", "gita", "The user is no member of the tenant."),
            ("Inbox", "gone", "The user is deactivated."),
            ("Mail", "vera", "The user has muted the job."),
            ("Mail", "gita", "The user is no member of the tenant."),
            ("Mail", "gone", "The user is deactivated."),
            ("Old", "", "The channel is disabled."),
            ("Inbox", "olaf", "The rule asks for 3 failures in a row."),
        ]
        Preference.objects.all().delete()
        assert ("Mail", "vera", "The user has no e-mail address.") in untold(of(explain(job), Kind.FAILED))

    def test_goes_by_how_the_job_does(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading, rules: Sequence[Rule]
    ) -> None:
        job = failing(owner="ana")
        for _ in range(2):
            run_of(job, "failed")
        reading.sweep()
        explanation = explain(job)
        failed, recovered = of(explanation, Kind.FAILED), of(explanation, Kind.RECOVERED)
        assert failed.now == "The next failure is the 3rd in a row."
        assert told(failed) == [("Inbox", "olaf", "")]
        assert untold(failed) == [("Inbox", "ana", "The rule has told it already, and tells only changes.")]
        assert recovered.now == "It has failed 2 times in a row, so the next success is one."
        assert told(recovered) == [("Inbox", "ana", "")]

    def test_says_what_becomes_of_it_by_a_channel_now(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading, rules: Sequence[Rule]
    ) -> None:
        now = sql.now()
        nightly = rules[0]
        nightly.only_changes = False
        nightly.save()
        job = failing(tags=["nightly"])

        def note() -> str:
            (line,) = (line for line in of(explain(job), Kind.FAILED).told if line.way == "Chat")
            return line.note

        run_of(job, "failed")
        reading.sweep()
        assert note() == "It is counted in the message that waits to be sent."
        Delivery.objects.update(status="delivered", ended_at=now, next_try_at=None, tries=1)
        assert note() == "What follows on the last message is gathered."
        nightly.quiet_from, nightly.quiet_until = (now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time()
        nightly.group_minutes = 0
        nightly.save()
        Channel.objects.filter(name="Chat").update(open_until=now.replace(year=2099, hour=4, minute=5, second=6))
        assert note() == (
            "It waits for the end of quiet hours. The channel failed too often; it is tried again at 04:05:06 UTC."
        )
        nightly.daily_cap = 1
        nightly.save()
        assert note().startswith("The rule's messages of the day are spent, so it is counted in one message with")

    def test_tells_what_then_is_told(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading, rules: Sequence[Rule]
    ) -> None:
        """Of many jobs in one storm: each is asked first, and then fails."""

        def heard() -> Counter[str]:
            by_channel = [(name, count) for name, _, _, count in sent()]
            return sum((Counter({way: count}) for way, count in [*by_channel, ("Inbox", counted())]), Counter())

        def counted() -> int:
            return sum(count for _, _, count in inbox())

        for number in range(13):
            job = failing(owner="ana", tags=["nightly"] if number % 3 else [])
            lines, before, rows = of(explain(job), Kind.FAILED).told, heard(), len(inbox(user=cast.ana))
            run_of(job, "failed")
            reading.sweep()
            assert heard() - before == Counter(line.way for line in lines)
            assert {line.way for line in lines} == ({"Chat", "Inbox"} if number % 3 else {"Inbox"})
            into_a_storm = [line for line in lines if line.who == "ana" and line.note]
            assert len(into_a_storm) == (number > 9)
            assert (len(inbox(user=cast.ana)) > rows) == (number <= 10)  # the eleventh is that of the storm

    def test_asks_the_same_of_the_database_for_many_rules(
        self, cast: Cast, failing: MakeJob, rules: Sequence[Rule], django_assert_max_num_queries: Callable[..., object]
    ) -> None:
        job = failing(owner="ana", tags=["nightly"])
        for number in range(20):
            more = Rule.objects.create(tenant=cast.acme, name=f"Rule {number}", kinds=["failed"], tag="nightly")
            more.channels.add(Channel.objects.get(name="Chat"))
        with django_assert_max_num_queries(12):  # type: ignore[attr-defined]
            explain(job)

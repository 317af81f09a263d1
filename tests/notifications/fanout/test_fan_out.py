"""From ends of runs to inboxes and deliveries, by the rules of the tenant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.urls import reverse

from accounts.models import Membership
from jobs.models import Execution, Job
from notifications.channels import examples
from notifications.fanout import facts, memory, store
from notifications.inbox import following, readers
from notifications.inbox import reading as inbox_of
from notifications.models import Channel, Delivery, Flow, JobCondition, Notification, Preference, Rule
from notifications.rulebook import changes, preferences
from notifications.rulebook.changes import Editor
from notifications.rules.answers import GIVE_UP_AFTER
from notifications.rules.kinds import Kind
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.notifications.fanout.conftest import Reading, inbox, sent

RunJob = Callable[..., Execution]
MakeJob = Callable[..., Job]


def rule_of(cast: Cast, *channels: Channel, users: tuple[User, ...] = (), **facts: Any) -> Rule:
    values = {"name": "Mine", "kinds": ["failed", "recovered"], "to_owner": False, **facts}
    rule = Rule.objects.create(tenant=cast.acme, **values)
    rule.channels.set(channels)
    rule.users.set(users)
    return rule


@pytest.fixture
def chat(cast: Cast) -> Channel:
    return Channel.objects.create(tenant=cast.acme, name="Chat", kind="slack")


@pytest.fixture
def mail(cast: Cast) -> Channel:
    for user in (cast.ana, cast.olaf):
        user.email = f"{user.username}@example.org"
        user.save()
    return Channel.objects.create(tenant=cast.acme, name="Mail", kind="email", config={"people": True})


class TestTheDefaultRule:
    def test_tells_the_owner_of_the_first_failure_and_of_the_recovery_and_nothing_in_between(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        job = failing(name="Invoices", owner="ana")
        for state in ("succeeded", "failed", "timed_out", "failed"):
            run = run_of(job, state)
            reading.sweep()
        assert inbox() == [("ana", "Invoices failed", 1)]
        condition = JobCondition.objects.get(job=job)
        assert (condition.failures_in_row, condition.last_execution_id) == (3, run.pk)

        run_of(job, "succeeded")
        run_of(job, "succeeded")
        reading.sweep()
        assert inbox() == [("ana", "Invoices failed", 1), ("ana", "Invoices works again", 1)]
        recovered = Notification.objects.get(type="job.recovered")
        assert recovered.severity == "success"
        assert recovered.body == "After 3 failures in a row."
        condition.refresh_from_db()
        assert (condition.failures_in_row, condition.failing_since) == (0, None)

        run_of(job, "failed")
        reading.sweep()
        assert inbox()[0] == ("ana", "Invoices failed 2 times", 2)  # unread, so it is counted there

    def test_who_has_muted_a_job_hears_nothing_of_it_that_is_told_to_everyone(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        ana, vera = readers.of_user(cast.ana), readers.of_user(cast.vera)
        changes.change_default({"to_everyone": True, "only_changes": False}, tenant=cast.acme, by=Editor("user:ana"))
        loud, muted = failing(name="Loud"), failing(name="Muted")
        preferences.mute(cast.vera, muted.pk, actor="user:vera", is_muted=True)
        place = following.place_now()

        def fail(job: Job) -> None:
            run_of(job, "failed")
            reading.sweep()

        fail(loud), fail(muted)
        shown = [[row.title for row in inbox_of.newest(inbox_of.parts(one), most=9)] for one in (ana, vera)]
        assert shown == [["Muted failed", "Loud failed"], ["Loud failed"]]
        assert [inbox_of.unread_count(one) for one in (ana, vera)] == [2, 1]
        assert [len(following.after(one, place).told) for one in (ana, vera)] == [2, 1]

        preferences.mute(cast.vera, muted.pk, actor="user:vera", is_muted=False)
        place = following.place_now()
        fail(muted)  # counted in the row that everybody else has
        assert [row.title for row in inbox_of.newest(inbox_of.parts(vera), most=1)] == ["Muted failed 2 times"]
        assert inbox_of.unread_count(vera) == 2
        assert len(following.after(vera, place).told) == 1

        preferences.mute(cast.vera, muted.pk, actor="user:vera", is_muted=True)
        place = following.place_now()
        fail(muted), fail(muted)
        (gone,) = following.after(vera, place).told  # what was in sight, and was counted in, is away
        assert (gone.kind, gone.data["count"], inbox_of.unread_count(vera)) == ("cleared", 1, 1)
        assert [change.kind for change in following.after(ana, place).told] == ["created", "created"]

    def test_says_in_the_facts_what_pages_and_programs_need(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        job = failing(name="Invoices", owner="ana")
        run = run_of(job, "failed")
        reading.sweep()
        meta = Notification.objects.get().meta
        assert meta["path"] == f"/admin/jobs/execution/{run.pk}/change/"
        assert datetime.fromisoformat(meta.pop("at")) == Execution.objects.get(pk=run.pk).finished_at
        assert meta == {
            "kind": "failed",
            "job": {"id": job.pk, "name": "Invoices", "slug": job.slug},
            "execution": {"id": run.pk},
            "tenant": "acme",
            "error": "It broke.",
            "failures_in_row": 1,
            "reason": "",
            "rule": "Owners hear of failures, recoveries and missed ticks",
            "path": meta["path"],
        }

    def test_names_the_template_of_a_run_without_a_job(
        self, cast: Cast, chat: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        rule_of(cast, chat)
        run = run_of(failing(name="Invoices"), "failed")
        Execution.objects.filter(pk=run.pk).update(job=None)
        reading.sweep()
        delivery = Delivery.objects.get()
        assert (delivery.facts["job"], delivery.facts["name"]) == (None, run.template.title)
        assert examples.of_delivery(delivery, chat).title() == f"{run.template.title} failed"
        chat.title_text = "{job}: {kind}"
        assert examples.of_delivery(delivery, chat).title() == f"{run.template.title}: A run failed"

    def test_tells_nothing_of_dry_runs_and_of_runs_aside_only_their_dead_letters(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        job = failing(owner="ana")
        rule_of(cast, kinds=["failed", "succeeded", "recovered", "dead_letter"], users=(cast.vera,))
        run_of(job, "failed", dry_run=True)
        for state in ("failed", "succeeded"):
            Execution.objects.filter(pk=run_of(job, state).pk).update(trigger="backfill")
        reading.sweep()
        assert inbox() == [("vera", f"{job.name} left a dead letter", 1)]
        assert not JobCondition.objects.exists()

    def test_tells_nobody_who_may_not_hear_of_it_any_more(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        job = failing(owner="ana")
        rule_of(cast, users=(cast.olaf, cast.vera, cast.gita))
        Membership.objects.filter(user=cast.olaf).delete()
        User.objects.filter(pk=cast.ana.pk).update(is_active=False)
        run_of(job, "failed")
        reading.sweep()
        assert inbox() == [("vera", f"{job.name} failed", 1)]
        Preference.objects.create(user=cast.vera, muted_jobs=[job.pk])
        run_of(job, "succeeded")
        reading.sweep()
        assert len(inbox()) == 1

    def test_is_silent_once_it_is_switched_off(
        self, cast: Cast, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        rule_of(cast, is_default=True, is_enabled=False, to_owner=True)
        run_of(failing(owner="ana"), "failed")
        reading.sweep()
        assert inbox() == []
        assert JobCondition.objects.get().failures_in_row == 1


class TestChannels:
    def test_get_the_first_at_once_and_what_follows_gathered(
        self, cast: Cast, chat: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        rule_of(cast, chat, only_changes=False, group_minutes=5)
        job = failing()
        now = sql.now()
        run_of(job, "failed")
        reading.sweep()
        first = Delivery.objects.get()
        assert first.facts["execution"] is not None
        assert first.next_try_at == first.not_before
        assert abs(first.not_before - now) < timedelta(minutes=1)
        assert first.give_up_at == first.not_before + GIVE_UP_AFTER
        Delivery.objects.update(status="delivered", ended_at=now, next_try_at=None, tries=1)

        for _ in range(4):
            run_of(job, "failed")
            reading.sweep()
        assert sent(status="waiting") == [("Chat", [], "job.failed", 4)]
        second = Delivery.objects.get(status="waiting")
        assert second.not_before == now + timedelta(minutes=5)
        assert (second.facts["count"], second.facts["failures_in_row"]) == (4, 5)

    def test_that_were_deleted_meanwhile_and_rules_too_stop_nothing(
        self,
        cast: Cast,
        chat: Channel,
        failing: MakeJob,
        run_of: RunJob,
        reading: Reading,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Between the reading of the rules and the writing of the deliveries."""
        other = Channel.objects.create(tenant=cast.acme, name="Other", kind="slack")
        rule = rule_of(cast, chat, other, users=(cast.ana,))
        deliver = store.deliver

        def late(*values: Any) -> None:
            rule.delete()
            other.delete()
            deliver(*values)

        monkeypatch.setattr(store, "deliver", late)
        run_of(failing(), "failed")
        reading.sweep()
        assert sent() == [("Chat", [], "job.failed", 1)]
        assert Delivery.objects.get().rule_id is None
        assert len(inbox()) == 1

    def test_write_a_new_delivery_once_the_sender_has_taken_the_last(
        self, cast: Cast, chat: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        rule_of(cast, chat, only_changes=False)
        job = failing()
        for _ in range(3):
            run_of(job, "failed")
            reading.sweep()
            Delivery.objects.update(tries=F("tries") + 1)  # it is under way, or waits for its next try
        assert [count for *_, count in sent()] == [1, 1, 1]

    def test_are_given_up_a_day_after_the_last_that_is_counted_in_them(
        self, cast: Cast, chat: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        rule_of(cast, chat, only_changes=False)
        job = failing()
        run_of(job, "failed")
        reading.sweep()
        Delivery.objects.update(give_up_at=F("give_up_at") - timedelta(hours=23))
        run_of(job, "failed")
        reading.sweep()
        [(*_, count)] = sent()
        left = Delivery.objects.get().give_up_at - sql.now()
        assert (count, left > GIVE_UP_AFTER - timedelta(minutes=1)) == (2, True)

    def test_mail_people_singly_and_at_their_hours(
        self, cast: Cast, mail: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        now = sql.now()
        starts, ends = (now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time().replace(microsecond=0)
        Preference.objects.create(user=cast.olaf, quiet_from=starts, quiet_until=ends)
        rule_of(cast, mail, users=(cast.ana, cast.olaf, cast.vera), to_owner=True)
        run_of(failing(owner="ana"), "failed")
        reading.sweep()
        assert sent() == [
            ("Mail", ["ana@example.org"], "job.failed", 1),
            ("Mail", ["olaf@example.org"], "job.failed", 1),
        ]
        to_ana, to_olaf = Delivery.objects.order_by("id")
        assert to_ana.not_before < to_olaf.not_before
        assert to_olaf.not_before.time() == ends
        assert [user for user, *_ in inbox()] == ["ana", "olaf", "vera"]

    def test_are_hastened_by_what_passes_quiet_hours(
        self, cast: Cast, chat: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        """Eleven jobs are late and then one fails: the message of the storm waits no longer."""
        now = sql.now()
        quiet: dict[str, Any] = {
            "quiet_from": (now - timedelta(hours=1)).time(),
            "quiet_until": (now + timedelta(hours=2)).time(),
        }
        rule_of(cast, chat, kinds=["late", "failed"], quiet_passes="error", **quiet)
        jobs = [failing() for _ in range(11)]
        for job in jobs:
            reading.happened("tick_late", tenant_id=cast.acme.pk, job_id=job.pk)
        storm = Delivery.objects.get(type="digest.storm")
        assert storm.not_before > now + timedelta(hours=1)
        run_of(jobs[0], "failed")
        reading.sweep()
        storm.refresh_from_db()
        assert (storm.count, storm.severity, storm.facts["jobs"]) == (2, "error", 2)
        assert storm.next_try_at == storm.not_before
        assert storm.not_before < now + timedelta(minutes=5)


class TestTheScheduling:
    def test_tells_owners_of_missed_ticks_with_their_number(
        self, cast: Cast, failing: MakeJob, reading: Reading
    ) -> None:
        job = failing(name="Invoices", owner="ana")
        of = {"tenant_id": cast.acme.pk, "job_id": job.pk}
        reading.happened("tick_missed", count=12, message="12 ticks of Invoices missed (no worker).", **of)
        reading.happened("tick_late", **of)  # the default rule does not ask for it
        reading.happened("tick_missed", **of)
        assert inbox() == [("ana", "Invoices missed 13 ticks", 13)]
        rule_of(cast, kinds=["slow"], users=(cast.vera,), job=job)
        reading.happened("run_slow", execution_id=91, message="Execution 91 has run for 2 min.", **of)
        slow = Notification.objects.get(type="job.slow")
        assert (slow.title, slow.body) == ("Invoices takes longer than usual", "Execution 91 has run for 2 min.")
        assert slow.meta["path"] == "/admin/jobs/execution/91/change/"
        assert Notification.objects.get(type="job.missed").meta["path"] == f"/admin/jobs/job/{job.pk}/change/"

    def test_tells_superusers_of_trouble_of_the_system(self, cast: Cast, reading: Reading) -> None:
        reading.happened("circuit_changed", source="mail", message="mail is open", data={"after": "open"})
        reading.happened("circuit_changed", source="mail", message="mail is closed", data={"after": "closed"})
        reading.happened("sweep_failed", source="reaper", message="reaper: boom", count=3)
        reading.happened("worker_lost", tenant_id=cast.acme.pk, message="The process of execution 9 is gone.")
        reading.happened("job_failed", tenant_id=cast.acme.pk)  # that one comes from the run
        assert inbox() == [
            ("root", "A circuit opened", 1),
            ("root", "The scheduler was in trouble 3 times", 3),
            ("root", "A worker is in trouble", 1),
        ]
        told = Notification.objects.order_by("id")
        assert [row.tenant_id for row in told] == [None] * 3
        assert [row.body for row in told] == ["mail is open", "reaper: boom", "The process of execution 9 is gone."]
        assert [row.meta["path"] for row in told] == [
            "/admin/jobs/circuitevent/",
            "/admin/",
            "/admin/jobs/worker/",
        ]

    def test_tells_by_a_rule_of_a_superuser_and_of_other_tenants_nothing(
        self, cast: Cast, chat: Channel, reading: Reading
    ) -> None:
        rule_of(cast, chat, kinds=["worker", "circuit"], name="Trouble")
        reading.happened("worker_lost", tenant_id=cast.globex.pk, message="of globex")
        reading.happened("circuit_changed", source="slack.com", data={"after": "open"})
        assert sent() == [("Chat", [], "system.circuit", 1)]


class TestForgetOld:
    def test_keeps_what_still_says_something(self, db: None) -> None:
        now = sql.now()
        for key, age, named in (("old", 4, []), ("new", 2, []), ("fails", 29, ["job:1"]), ("long gone", 31, ["job:1"])):
            Flow.objects.create(key=key, named=named, updated_at=now - timedelta(days=age))
        memory.forget_old(now=now)
        assert set(Flow.objects.values_list("key", flat=True)) == {"new", "fails"}


class TestPaths:
    def test_are_those_of_the_pages(self) -> None:
        """The fan-out writes them out, so that the scheduler need not load the console."""
        names = {
            facts.CONSOLE: "admin:index",
            facts.RUNS: "admin:jobs_execution_changelist",
            facts.JOBS: "admin:jobs_job_changelist",
            facts.PATHS_OF_THE_SYSTEM[Kind.CIRCUIT]: "admin:jobs_circuitevent_changelist",
            facts.PATHS_OF_THE_SYSTEM[Kind.WORKER]: "admin:jobs_worker_changelist",
        }
        assert {path: reverse(name) for path, name in names.items()} == {path: path for path in names}
        assert reverse("admin:jobs_execution_change", args=[9]) == f"{facts.RUNS}9/change/"
        assert reverse("admin:jobs_job_change", args=[9]) == f"{facts.JOBS}9/change/"


class TestManyAtOnce:
    def test_ends_in_eleven_messages_for_each_and_exact_counts(
        self, cast: Cast, chat: Channel, mail: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        rule_of(cast, chat, mail, to_owner=True, only_changes=False)
        jobs = [failing(owner="ana") for _ in range(14)]
        for _ in range(2):
            for job in jobs:
                run_of(job, "failed")
            reading.sweep()
        for name, rows in (("inbox", inbox()), ("chat", sent(channel=chat)), ("mail", sent(channel=mail))):
            assert (name, len(rows), sum(row[-1] for row in rows)) == (name, 11, 28)
        assert inbox()[-1] == ("ana", "8 more messages of “Mine” about 4 jobs", 8)
        storm = Delivery.objects.get(channel=chat, type="digest.storm")
        assert storm.facts["title"] == "{count} more messages of “Mine” about 4 jobs"
        assert (storm.facts["jobs"], storm.facts["path"]) == (4, "/admin/jobs/execution/")
        assert Flow.objects.count() == 3
        assert {flow.told for flow in Flow.objects.all()} == {11}

    def test_is_bounded_by_the_day_and_counts_the_rest_of_it(
        self, cast: Cast, chat: Channel, failing: MakeJob, run_of: RunJob, reading: Reading
    ) -> None:
        rule_of(cast, chat, daily_cap=2, zone="Asia/Tokyo")
        for _ in range(5):
            run_of(failing(), "failed")
            reading.sweep()
        assert [(type_, count) for *_, type_, count in sent()] == [
            ("job.failed", 1),
            ("job.failed", 1),
            ("digest.day", 3),
        ]
        rest = Delivery.objects.get(type="digest.day")
        assert rest.not_before.astimezone(UTC).time() == time(15)  # midnight in Tokyo

"""One receiver that hangs or fails keeps no other waiting, no turn of the leader, and no job; measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import F

from accounts.sealing import KeysUnavailable
from jobs.recovery import projections
from notifications.channels import email, secrets
from notifications.channels.base import Letter
from notifications.channels.calling import Tried
from notifications.models import Channel, Delivery
from notifications.rules.answers import Answer, Came
from notifications.rules.kinds import ChannelKind
from notifications.sending import claiming, recording, totals
from notifications.sending import sender as senders
from notifications.sending.sender import Sender, send
from scheduler_project.lib import sql
from tests.jobs.api.conftest import MakeJob, RunJob, job_of, run_of
from tests.leading import lead_until
from tests.mail_servers import MailServer
from tests.notifications.sending.conftest import MakeChannel, MakeDelivery, make_due, sweep_until
from tests.receivers import Receiver, status

__all__ = ["job_of", "run_of"]

pytestmark = pytest.mark.django_db(transaction=True)


def sweep_in_thread(own: Sender) -> None:
    try:
        own.sweep()
    finally:
        connection.close()


@pytest.fixture
def hang(server: Receiver) -> Iterator[threading.Event]:
    over = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        over.wait(30)

    server.answers["/hangs"] = answer
    yield over
    over.set()


class TestIllReceivers:
    def test_slow_neither_the_others_nor_a_turn_nor_a_job(
        self,
        hang: threading.Event,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        server: Receiver,
        mails: MailServer,
        sender: Sender,
        job_of: MakeJob,
        run_of: RunJob,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A mail server that hangs for all channels of mail, a Slack that answers 500, a webhook that hangs."""
        monkeypatch.setattr(email, "COMMAND_LIMIT", 4)
        mails.is_hanging = True
        server.answers["/slack"] = status(500)
        for _ in range(6):
            channel = channel_of("email")
            for _ in range(6):
                delivery_of(channel)
        for channel in (channel_of("slack", "/slack"), channel_of("webhook", "/hangs")):
            for _ in range(20):
                delivery_of(channel)
        well = channel_of("webhook", "/in")
        for _ in range(40):
            delivery_of(well)
        begun = time.monotonic()
        fast = Delivery.objects.filter(channel=well, status="delivered")
        sweep_until(sender, lambda: fast.count() == 40)
        assert time.monotonic() - begun < 4  # before the first that hangs was given up
        of_mail = [one for one in sender._calls.under_way if one.kind is ChannelKind.EMAIL]
        assert 0 < len(of_mail) <= claiming.OF_KIND
        assert sum(call.path == "/hangs" for call in server.calls) == 4
        begun = time.monotonic()
        sender.sweep()
        run_of(job_of(), "succeeded")
        assert projections.sweep() > 0
        assert time.monotonic() - begun < 2  # a turn waits for nobody, and a run for no notification

    def test_get_one_place_each_once_they_have_failed(self, channel_of: MakeChannel, delivery_of: MakeDelivery) -> None:
        over = threading.Event()
        sent: list[Letter] = []

        def hold(kind: ChannelKind, letter: Letter) -> Tried:
            sent.append(letter)
            over.wait(30)
            return send(kind, letter)

        ill = [channel_of("slack", f"/ill-{number}") for number in range(12)]
        well = channel_of("webhook", "/well")
        Channel.objects.filter(pk__in=[one.pk for one in ill]).update(failures_in_row=3)
        for channel in (*ill, well):
            for _ in range(6):
                delivery_of(channel)
        sender = Sender(hold)
        sender.sweep()
        urls = [letter.secrets.get("url", "/well") for letter in sent]
        over.set()
        assert urls.count("/well") == 4
        assert len(urls) - 4 == len(set(urls)) - 1 == claiming.OF_FAILING


class TestRate:
    def test_lets_so_many_a_minute_through(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        channel = channel_of(per_minute=5)
        for _ in range(12):
            delivery_of(channel)
        for sent in (5, 10):
            sweep_until(sender, lambda sent=sent: len(server.calls) == sent)  # type: ignore[misc]
            sender.sweep()
            assert len(server.calls) == sent
            Channel.objects.update(minute_started_at=sql.now() - timedelta(seconds=61))
        channel.refresh_from_db()
        assert channel.minute_sent == 5


class TestClaims:
    def test_are_one_senders_of_two_that_believe_to_lead(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver
    ) -> None:
        channel = channel_of()
        deliveries = [delivery_of(channel) for _ in range(20)]
        two = [Sender(), Sender()]
        threads = [threading.Thread(target=sweep_in_thread, args=(one,)) for one in two]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        sweep_until(two[0], lambda: Delivery.objects.filter(status="delivered").count() == len(deliveries))
        ids = [call.headers["idempotency-key"] for call in server.calls]
        assert sorted(ids) == sorted(str(one.uid) for one in deliveries)

    def test_of_a_sender_that_died_are_taken_over_under_the_same_id(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        delivery = delivery_of(channel_of())
        dead = Sender(lambda kind, letter: time.sleep(3600))  # type: ignore[arg-type, return-value]
        dead.sweep()
        sender.sweep()
        assert not server.calls
        Delivery.objects.update(next_try_at=F("next_try_at") - claiming.CLAIMED_FOR)
        sweep_until(sender, lambda: Delivery.objects.get().status == "delivered")
        assert Delivery.objects.get().tries == 2
        assert server.calls[0].headers["idempotency-key"] == str(delivery.uid)

    def test_that_another_took_over_meanwhile_are_sent_by_a_sender_that_comes_back(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        """Its own earlier call has not been handed over yet, and comes to an end first."""
        channel = channel_of()
        delivery_of(channel)
        first = threading.Event()
        calls: list[int] = []

        def slow_at_first(kind: ChannelKind, letter: Letter) -> Tried:
            calls.append(len(calls))
            if len(calls) == 1:
                first.wait(20)
                return Tried(datetime.now(UTC), 0.0, Answer(Came.REFUSED, error="Too late to matter."))
            return send(kind, letter)

        back = Sender(slow_at_first)
        back.sweep()
        make_due()
        server.answers["/in"] = status(503)
        sweep_until(sender, lambda: bool(Delivery.objects.get().log))
        server.answers["/in"] = status(200)
        Channel.objects.update(failures_in_row=0)  # others were taken since
        make_due()
        back.sweep()
        first.set()
        sweep_until(back, lambda: Delivery.objects.get().status == "delivered" and not back._calls.under_way)
        assert (len(calls), Delivery.objects.get().tries) == (2, 3)
        delivery_of(channel)
        sweep_until(back, lambda: not Delivery.objects.filter(status="waiting").exists())

    def test_are_renewed_for_as_long_as_a_call_takes(
        self,
        hang: threading.Event,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        server: Receiver,
        sender: Sender,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        delivery_of(channel_of(path="/hangs"))
        sender.sweep()
        Delivery.objects.update(next_try_at=sql.now() + timedelta(seconds=1))
        monkeypatch.setattr(senders, "RENEWS_EVERY", 0.0)
        sender.sweep()
        assert Delivery.objects.get().next_try_at - sql.now() > timedelta(seconds=50)
        assert len(server.calls) == 1

    def test_outlive_an_outage_of_the_database(
        self,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        server: Receiver,
        sender: Sender,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        delivery_of(channel_of())

        def fail(*_: object, **__: object) -> None:
            raise OperationalError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(recording, "record", fail)
            with pytest.raises(OperationalError):
                sweep_until(sender, lambda: False)
        sweep_until(sender, lambda: Delivery.objects.get().status == "delivered")
        assert len(server.calls) == 1

    def test_wait_while_no_key_can_be_had(
        self,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        server: Receiver,
        sender: Sender,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        delivery = delivery_of(channel_of("slack"))

        def refuse(*_: object, **__: object) -> dict[str, str]:
            raise KeysUnavailable("The key server does not answer.", wait=30)

        with monkeypatch.context() as patch:
            patch.setattr(secrets, "open_all", refuse)
            sender.sweep()
        delivery.refresh_from_db()
        assert (delivery.status, delivery.tries, delivery.reason) == ("waiting", 0, "The key server does not answer.")
        assert 20 < (delivery.next_try_at - sql.now()).total_seconds() <= 30
        assert (Channel.objects.get().failures_in_row, delivery.log) == (0, [])
        make_due()
        sweep_until(sender, lambda: Delivery.objects.get().status == "delivered")
        assert len(server.calls) == 1

    def test_are_written_down_in_one_order_so_that_two_senders_never_wait_for_each_other(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for kind in ("webhook", "slack", "email", "webhook"):
            delivery_of(channel_of(kind))
        back = [(one, Tried(sql.now(), 0.1, Answer(Came.TAKEN, 200))) for one in reversed(claiming.claim([]))]
        touched: list[object] = []
        rows = sql.rows

        def watched(statement: str, values: dict[str, Any]) -> list[sql.Row]:
            if statement in (recording.WELL, totals.ADD):
                touched.append(values.get("channel") or (values["kind"], values["count"]))
            return rows(statement, values)

        with monkeypatch.context() as patch:
            patch.setattr(sql, "rows", watched)
            recording.record(back, now=datetime.now(UTC))
        channels = Channel.objects.order_by("id").values_list("pk", flat=True)
        assert touched == [*channels, ("email", 1), ("slack", 1), ("webhook", 2)]

    def test_leave_a_message_that_somebody_else_has_ended_as_it_is(
        self, hang: threading.Event, channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender
    ) -> None:
        delivery_of(channel_of(path="/hangs"))
        sender.sweep()
        Delivery.objects.update(status="dropped", next_try_at=None, reason="by somebody else")
        hang.set()
        sweep_until(sender, lambda: not sender._calls.under_way)
        ended = Delivery.objects.get()
        assert (ended.status, ended.reason, ended.log) == ("dropped", "by somebody else", [])


def test_runs_in_the_loops_of_the_scheduler(
    channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver
) -> None:
    """As both backends run it, while it leads."""
    delivery_of(channel_of())
    lead_until(lambda: server.calls, what="a delivery")


def test_hears_the_answers_to_what_it_has_sent_though_it_leads_no_more(
    hang: threading.Event, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
) -> None:
    """A scheduler that is stopped gently: what the receiver has taken is not sent again by the next."""
    delivery_of(channel_of(path="/hangs"))
    sender.sweep()
    delivery_of(channel_of())
    answers = threading.Timer(0.5, hang.set)  # later than a sweep looks for answers
    answers.start()
    assert sender.sweep(leads=lambda: False) == 1
    assert list(Delivery.objects.order_by("id").values_list("tries", flat=True)) == [1, 0]
    assert [len(log) for log in Delivery.objects.order_by("id").values_list("log", flat=True)] == [1, 0]
    assert len(server.calls) == 1

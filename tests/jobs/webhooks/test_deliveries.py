"""Deliveries from the event to a real receiver: made once, signed, tried again, and in nobody's way."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.db.models import F
from pytest_django import Settings

from jobs import webhooks
from jobs.models import EventCursor, Execution, Job, Webhook, WebhookDelivery
from jobs.recovery import deliveries, outbox, projections
from jobs.recovery.deliveries import Deliveries
from jobs.webhooks import Letter, Tried
from scheduler_project.lib import signatures, sql
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.jobs.webhooks.conftest import MakeWebhook
from tests.leading import lead_until
from tests.live import wait_for
from tests.receivers import Receiver, redirect, status

pytestmark = pytest.mark.django_db(transaction=True)


def sweep_until(sender: Deliveries, is_done: Callable[[], bool], seconds: float = 15) -> None:
    ends_at = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < ends_at, list(WebhookDelivery.objects.values("status", "reason", "tries", "log"))
        sender.sweep()


def deliver(sender: Deliveries) -> WebhookDelivery:
    """Send what is due, of which there is one, and wait for its answer."""
    sweep_until(sender, lambda: bool(WebhookDelivery.objects.exclude(log=[]).exists()))
    return WebhookDelivery.objects.get()


def make_due() -> None:
    WebhookDelivery.objects.filter(status="waiting").update(next_try_at=sql.now())


class TestPlanning:
    def test_tells_how_a_run_ended(
        self, webhook_of: MakeWebhook, server: Receiver, sender: Deliveries, job_of: MakeJob, run_of: RunJob
    ) -> None:
        webhook = webhook_of()
        job = job_of(parameters={"text": "private words", "token": "hunter2"})
        execution = run_of(job, "succeeded")
        delivery = deliver(sender)
        assert (delivery.status, delivery.tries, delivery.event) == ("delivered", 1, "succeeded")
        [call] = server.calls
        body = json.loads(call.body)
        assert (body["id"], body["event"], body["tenant"]) == (str(delivery.uid), "execution.succeeded", "acme")
        assert body["job"] == {"id": job.pk, "slug": job.slug, "name": job.name}
        told = body["execution"]
        assert (told["id"], told["status"], told["attempt"]) == (execution.pk, "succeeded", 1)
        assert (told["result"], told["result_left_out"]) == ({"text": "hello"}, False)
        assert told["finished_at"]
        assert told["run_key"] == str(execution.run_key)
        for secret in ("private words", "hunter2", webhook.newest_secret()):
            assert secret not in call.body.decode() + json.dumps(delivery.log)
        assert call.headers["idempotency-key"] == call.headers["x-daybook-delivery"] == str(delivery.uid)
        header = call.headers["x-daybook-signature"]
        assert signatures.verify(header, [webhook.newest_secret()], body=call.body, now=time.time())

    def test_makes_one_of_each_whoever_reads_the_events_again(
        self, webhook_of: MakeWebhook, sender: Deliveries, job_of: MakeJob, run_of: RunJob, server: Receiver
    ) -> None:
        webhook_of()
        run_of(job_of(), "failed")
        deliver(sender)
        EventCursor.objects.filter(name=deliveries.READER).update(xid=0, event_id=0)
        sender.sweep()
        assert WebhookDelivery.objects.count() == len(server.calls) == 1

    def test_hears_only_what_was_asked_for(
        self, webhook_of: MakeWebhook, sender: Deliveries, job_of: MakeJob, run_of: RunJob, cast: Cast
    ) -> None:
        job, other, foreign = job_of(), job_of(), job_of(cast.globex)
        failures = webhook_of("/failures", events=["failed"])
        of_job = webhook_of("/job", job=job.pk)
        off = webhook_of("/off", enabled=False)
        of_globex = webhook_of("/globex", tenant=cast.globex)
        run_of(job, "failed"), run_of(job, "succeeded"), run_of(other, "failed"), run_of(foreign, "failed")
        run_of(job, "succeeded", dry_run=True)
        sweep_until(sender, lambda: WebhookDelivery.objects.filter(status="delivered").count() == 5)
        counts = {one.name: one.deliveries.count() for one in (failures, of_job, off, of_globex)}
        assert counts == {"To /failures": 2, "To /job": 2, "To /off": 0, "To /globex": 1}

    def test_begins_with_what_happens_after_it_was_made(
        self, webhook_of: MakeWebhook, sender: Deliveries, job_of: MakeJob, run_of: RunJob
    ) -> None:
        job = job_of()
        run_of(job, "failed")
        webhook_of()
        run_of(job, "succeeded")
        assert deliver(sender).event == "succeeded"

    def test_passes_over_what_nobody_listens_to(
        self, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob, sender: Deliveries
    ) -> None:
        job = job_of()
        run_of(job, "failed")
        sender.sweep()
        assert outbox.read(deliveries.READER, lambda events: None) == 0
        webhook_of()
        run_of(job, "succeeded")
        assert deliver(sender).event == "succeeded"

    def test_skips_nothing_that_an_open_transaction_will_commit(
        self, webhook_of: MakeWebhook, sender: Deliveries, job_of: MakeJob, run_of: RunJob
    ) -> None:
        """The webhook is made while it is open, and its event has a smaller number than all that is over."""
        job = job_of()
        other = connections.create_connection("default")
        try:
            with other.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT pg_current_xact_id()")
                sender.sweep()
                webhook_of()
                run_of(job, "failed")
                sender.sweep()
                assert not WebhookDelivery.objects.exists()
                cursor.execute("COMMIT")
        finally:
            other.close()
        assert deliver(sender).event == "failed"

    def test_leaves_out_a_result_that_is_large(
        self, webhook_of: MakeWebhook, sender: Deliveries, job_of: MakeJob, run_of: RunJob
    ) -> None:
        webhook_of()
        execution = run_of(job_of(), "succeeded")
        Execution.objects.filter(pk=execution.pk).update(result={"text": "x" * 9_000})
        told = deliver(sender).payload["execution"]
        assert (told["result"], told["result_left_out"]) == (None, True)


class TestAnswers:
    @pytest.fixture(autouse=True)
    def one_run(self, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob) -> Webhook:
        webhook = webhook_of()
        run_of(job_of(), "failed")
        return webhook

    @pytest.mark.parametrize("code", [400, 404, 500, 502])
    def test_that_are_errors_are_tried_again_under_the_same_id(
        self, server: Receiver, sender: Deliveries, code: int
    ) -> None:
        server.answers["/in"] = status(code, b"out of order " + b"x" * 900)
        delivery = deliver(sender)
        assert (delivery.status, delivery.tries) == ("waiting", 1)
        wait = (delivery.next_try_at - sql.now()).total_seconds()
        assert 2 < wait <= 15
        assert delivery.log[0]["status"] == code
        assert delivery.log[0]["answer"] == ("out of order " + "x" * 900)[:500]
        assert Webhook.objects.get().failures_in_row == 1
        del server.answers["/in"]
        make_due()
        sweep_until(sender, lambda: WebhookDelivery.objects.get().status == "delivered")
        assert len({call.headers["idempotency-key"] for call in server.calls}) == 1
        assert [entry["status"] for entry in WebhookDelivery.objects.get().log] == [code, 200]
        assert Webhook.objects.get().failures_in_row == 0

    @pytest.mark.parametrize("code", [429, 503])
    def test_that_say_when_are_honoured(self, server: Receiver, sender: Deliveries, code: int) -> None:
        server.answers["/in"] = status(code, Retry_After="600")
        delivery = deliver(sender)
        assert 590 < (delivery.next_try_at - sql.now()).total_seconds() <= 600

    def test_that_redirect_are_not_followed(self, server: Receiver, sender: Deliveries) -> None:
        server.answers["/in"] = redirect(server.url("/elsewhere"))
        delivery = deliver(sender)
        assert delivery.status == "waiting"
        assert "redirects (302)" in delivery.reason
        assert [call.path for call in server.calls] == ["/in"]

    def test_that_redirect_inside_are_not_followed_either(self, server: Receiver, sender: Deliveries) -> None:
        server.answers["/in"] = redirect("http://169.254.169.254/latest/meta-data/", 307)
        assert deliver(sender).log[0]["status"] == 307

    def test_that_say_gone_end_it(self, server: Receiver, sender: Deliveries) -> None:
        server.answers["/in"] = status(410)
        delivery = deliver(sender)
        assert (delivery.status, delivery.next_try_at) == ("dead", None)
        assert "410" in delivery.reason

    def test_that_never_come_end_it_after_a_day(self, server: Receiver, sender: Deliveries) -> None:
        server.answers["/in"] = status(500)
        deliver(sender)
        WebhookDelivery.objects.update(give_up_at=sql.now() + timedelta(seconds=1), next_try_at=sql.now())
        sweep_until(sender, lambda: WebhookDelivery.objects.get().status == "dead")
        assert WebhookDelivery.objects.get().reason.startswith("Given up after 2 tries. The receiver answered with")

    def test_of_nobody_are_tried_again(self, sender: Deliveries) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            Webhook.objects.update(url=f"http://127.0.0.1:{free.getsockname()[1]}/")
            delivery = deliver(sender)
        assert (delivery.status, delivery.log[0]["status"]) == ("waiting", None)
        assert "cannot be called" in delivery.reason

    def test_of_a_private_address_are_never_asked_for(
        self, server: Receiver, sender: Deliveries, settings: Settings
    ) -> None:
        settings.DAYBOOK_OUTBOUND_ALLOW = []
        delivery = deliver(sender)
        assert delivery.status == "dead"
        assert "not at a public address" in delivery.reason
        assert not server.calls

    def test_that_are_endless_or_not_text_do_no_harm(self, server: Receiver, sender: Deliveries) -> None:
        server.answers["/in"] = status(500, b"\xff\x00\xfe" * 100)
        entry = deliver(sender).log[0]
        assert "\x00" not in entry["answer"]
        server.answers["/in"] = status(200, b"x" * 1_000_000)
        make_due()
        sweep_until(sender, lambda: len(WebhookDelivery.objects.get().log) == 2)
        assert "larger than" in WebhookDelivery.objects.get().reason

    def test_are_kept_for_the_newest_tries(self, server: Receiver, sender: Deliveries) -> None:
        WebhookDelivery.objects.all().delete()
        server.answers["/in"] = status(500)
        deliver(sender)
        WebhookDelivery.objects.update(log=[{"at": str(n)} for n in range(deliveries.KEPT_TRIES)])
        make_due()
        sweep_until(sender, lambda: WebhookDelivery.objects.get().log[-1].get("status") == 500)
        log = WebhookDelivery.objects.get().log
        assert (len(log), log[0]["at"]) == (deliveries.KEPT_TRIES, "1")


class TestRotation:
    def test_signs_with_both_secrets_for_the_overlap(
        self, webhook_of: MakeWebhook, server: Receiver, sender: Deliveries, job_of: MakeJob, run_of: RunJob
    ) -> None:
        webhook = webhook_of()
        old = webhook.newest_secret()
        _, new = webhooks.rotate(webhook.pk, actor="user:ana", overlap=timedelta(hours=1))
        run_of(job_of(), "failed")
        deliver(sender)
        [call] = server.calls
        for secret in (old, new):
            assert signatures.verify(call.headers["x-daybook-signature"], [secret], body=call.body, now=time.time())


class TestSwitchedOff:
    def test_sends_nothing_until_it_is_on_again(
        self, webhook_of: MakeWebhook, server: Receiver, sender: Deliveries, job_of: MakeJob, run_of: RunJob
    ) -> None:
        webhook = webhook_of()
        server.answers["/in"] = status(500)
        run_of(job_of(), "failed")
        deliver(sender)
        webhooks.change(webhook.pk, {"enabled": False}, actor="user:ana")
        make_due()
        sender.sweep()
        assert len(server.calls) == 1
        webhooks.change(webhook.pk, {"enabled": True}, actor="user:ana")
        sweep_until(sender, lambda: len(server.calls) == 2)


class TestOutageOfTheDatabase:
    def test_keeps_the_answers_that_came_meanwhile(
        self,
        webhook_of: MakeWebhook,
        job_of: MakeJob,
        run_of: RunJob,
        sender: Deliveries,
        server: Receiver,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        webhook_of()
        run_of(job_of(), "failed")

        def fail(*_: object) -> None:
            raise OperationalError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(Deliveries, "_store", fail)
            with pytest.raises(OperationalError):
                sweep_until(sender, lambda: False)
        sweep_until(sender, lambda: WebhookDelivery.objects.get().status == "delivered")
        assert len(server.calls) == 1


class TestOneAtATime:
    def test_is_claimed_by_one_of_two_that_believe_to_lead(
        self, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob, server: Receiver
    ) -> None:
        webhook_of()
        run_of(job_of(), "failed")
        senders = [Deliveries(), Deliveries()]
        threads = [threading.Thread(target=_sweep_in_thread, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        sweep_until(senders[0], lambda: len(server.calls) > 0)
        assert len(server.calls) == 1

    def test_is_sent_again_when_its_sender_died(
        self, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob, server: Receiver, sender: Deliveries
    ) -> None:
        webhook_of()
        run_of(job_of(), "failed")
        dead = Deliveries(call=lambda letter: time.sleep(3600))  # type: ignore[arg-type, return-value]
        dead.sweep()
        sender.sweep()
        assert not server.calls
        WebhookDelivery.objects.update(next_try_at=F("next_try_at") - deliveries.CLAIMED_FOR)
        sweep_until(sender, lambda: WebhookDelivery.objects.get().status == "delivered")
        assert WebhookDelivery.objects.get().tries == 2

    def test_is_written_down_by_its_sender_though_another_leads_by_now(
        self, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob, server: Receiver
    ) -> None:
        over = threading.Event()

        def late(letter: Letter) -> Tried:
            over.wait(20)
            return webhooks.call(letter)

        webhook_of()
        run_of(job_of(), "failed")
        sender = Deliveries(call=late)
        sender.sweep()
        run_of(job_of(name="Other"), "failed")
        answers = threading.Timer(0.5, over.set)  # later than a sweep looks for answers
        answers.start()
        assert sender.sweep(leads=lambda: False) == 1
        assert WebhookDelivery.objects.get().status == "delivered"  # and of the other run there is none yet
        assert len(server.calls) == 1


def _sweep_in_thread(sender: Deliveries) -> None:
    try:
        sender.sweep()
    finally:
        connection.close()


class TestHangingReceiver:
    """One that hangs must slow nobody."""

    @pytest.fixture
    def hang(self, server: Receiver) -> Any:
        over = threading.Event()

        def answer(handler: BaseHTTPRequestHandler) -> None:
            over.wait(30)

        server.answers["/hangs"] = answer
        yield
        over.set()

    def test_takes_few_places_and_the_others_are_served(
        self, hang: None, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob, server: Receiver, sender: Deliveries
    ) -> None:
        webhook_of("/hangs"), webhook_of("/in")
        job = job_of(policies={"overlap": "allow"})
        for _ in range(40):
            run_of(job, "succeeded")
        started = time.monotonic()
        fast = WebhookDelivery.objects.filter(webhook__url__endswith="/in", status="delivered")
        sweep_until(sender, lambda: fast.count() == 40)
        assert time.monotonic() - started < 8
        assert sum(call.path == "/hangs" for call in server.calls) == deliveries.OF_ONE
        begun = time.monotonic()
        sender.sweep()
        assert time.monotonic() - begun < 2  # a turn waits for nobody

    def test_that_is_slow_and_has_a_backlog_delays_no_news(
        self,
        webhook_of: MakeWebhook,
        job_of: MakeJob,
        run_of: RunJob,
        server: Receiver,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """In one turn, which goes on as long as answers come; how slowly they do depends on the machine, too."""
        monkeypatch.setattr(deliveries, "LOOK", 5.0)
        server.answers["/slow"] = lambda handler: (time.sleep(0.4), status(200)(handler))[1]
        slow, quick = job_of(policies={"overlap": "allow"}), job_of()
        webhook_of("/slow", job=slow.pk), webhook_of("/quick", job=quick.pk)
        for _ in range(60):
            run_of(slow, "succeeded")
        thread = threading.Thread(target=_sweep_in_thread, args=(Deliveries(),), daemon=True)
        thread.start()
        wait_for(lambda: len(server.calls) > 4)
        run_of(quick, "failed")
        before = len(server.calls)
        wait_for(lambda: any(call.path == "/quick" for call in server.calls))
        paths = [call.path for call in server.calls]
        assert paths.index("/quick") - before < 5 * deliveries.OF_ONE, "and the backlog is still there"
        thread.join(30)
        assert not WebhookDelivery.objects.filter(status="waiting").exists()

    def test_does_not_slow_the_other_sweeps(
        self, hang: None, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob, sender: Deliveries
    ) -> None:
        webhook_of("/hangs")
        run_of(job_of(), "succeeded")
        sender.sweep()
        begun = time.monotonic()
        assert projections.sweep() == 3
        assert time.monotonic() - begun < 2

    def test_gets_one_place_once_it_has_failed(self, webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob) -> None:
        over = threading.Event()
        sent: list[Letter] = []

        def hang(letter: Letter) -> Tried:
            sent.append(letter)
            over.wait(30)
            return webhooks.call(letter)

        ill = [webhook_of(f"/ill-{n}").pk for n in range(12)]
        well = webhook_of("/well").pk
        Webhook.objects.filter(pk__in=ill).update(failures_in_row=3)
        job = job_of(policies={"overlap": "allow"})
        for _ in range(6):
            run_of(job, "succeeded")
        sender = Deliveries(call=hang)
        sender.sweep()
        paths = [letter.url.rpartition("/")[2] for letter in sent]
        over.set()
        assert paths.count("well") == deliveries.OF_ONE
        assert len(paths) - deliveries.OF_ONE == deliveries.OF_FAILING
        assert len(set(paths)) == 1 + deliveries.OF_FAILING
        assert Webhook.objects.get(pk=well).failures_in_row == 0


def test_runs_in_the_scheduler_with_its_loops(
    webhook_of: MakeWebhook, job_of: MakeJob, run_of: RunJob, server: Receiver
) -> None:
    """As both backends run it: in the loops of the scheduler's service, while it leads."""
    webhook_of()
    job: Job = job_of()
    run_of(job, "failed")
    lead_until(lambda: server.calls, what="a delivery")

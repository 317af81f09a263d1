"""What receivers answer, and what becomes of a delivery and its channel by it: with real receivers."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from pytest_django import Settings

from notifications.channels import changes, secrets
from notifications.models import Channel, Delivery, DeliveryTotal
from notifications.sending import expiry, old_deliveries, redelivery
from notifications.sending.claiming import claim
from notifications.sending.sender import Sender
from scheduler_project.lib import signatures, sql
from tests.notifications.sending.conftest import FACTS, MakeChannel, MakeDelivery, make_due, sweep_until, tried
from tests.receivers import Receiver, redirect, status

pytestmark = pytest.mark.django_db(transaction=True)


class TestTaken:
    def test_by_a_webhook_is_signed_and_told_once(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        channel = channel_of(config={"authorization": "Bearer of news"})
        old = channel.newest_secret()
        channel, new = changes.rotate(channel.pk, actor="user:ana", overlap=timedelta(hours=1))
        [sent] = tried(sender, delivery_of(channel, count=6))
        assert (sent.status, sent.tries, sent.reason, sent.next_try_at) == ("delivered", 1, "", None)
        assert sent.ended_at is not None
        [call] = server.calls
        body = json.loads(call.body)
        assert call.headers["idempotency-key"] == call.headers["x-daybook-delivery"] == body["id"] == str(sent.uid)
        assert call.headers["authorization"] == "Bearer of news"
        assert (body["title"], body["count"]) == ("Export <all> & more failed 6 times", 6)
        assert (body["job"], body["error"]) == (FACTS["job"], FACTS["error"])
        assert body["link"] == "https://daybook.example/admin/jobs/execution/91/change/"
        for secret in (old, new):
            assert signatures.verify(call.headers["x-daybook-signature"], [secret], body=call.body, now=time.time())
        assert "Bearer of news" not in json.dumps(sent.log) + Channel.objects.get().secret
        sender.sweep()
        assert len(server.calls) == 1

    def test_by_slack_mentions_nobody(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        channel = channel_of("slack", body_text="*Look* <!here>: {error}")
        tried(sender, delivery_of(channel, {"error": "<!channel> & co"}))
        said = json.loads(server.calls[0].body)
        assert said["blocks"][0]["text"] == {"type": "plain_text", "text": "Export <all> & more failed"}
        assert said["blocks"][1]["text"]["text"] == "*Look* <!here>: &lt;!channel&gt; &amp; co"
        assert said["text"] == ":x: Export &lt;all&gt; &amp; more failed"
        assert "url" not in channel.config
        assert channel.config == {"host": "127.0.0.1"}

    def test_by_pagerduty_opens_and_closes_the_incident_of_the_job(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        channel = channel_of("pagerduty")
        server.answers["/v2/enqueue"] = status(202, b'{"status": "success"}')
        failed = delivery_of(channel)
        works = delivery_of(channel, {"kind": "recovered", "error": ""}, severity="success")
        other = delivery_of(channel, {"job": {"id": 8, "name": "Other", "slug": "other"}})
        tried(sender, failed, works, other)
        events = [json.loads(call.body) for call in server.calls]
        assert events[0]["payload"]["custom_details"]["Closed by"] == "the recovery that is told"
        of_job = [
            (e["event_action"], e["payload"]["severity"]) for e in events if e["dedup_key"] == "daybook/acme/job-7"
        ]
        assert of_job == [("trigger", "error"), ("resolve", "info")]
        assert {event["routing_key"] for event in events} == {"R0UT1NG"}
        assert events[0]["payload"]["custom_details"]["text"] == FACTS["error"]

    def test_by_pagerduty_never_has_what_is_late_or_much_hide_or_close_the_failure_of_a_job(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        channel = channel_of("pagerduty")
        server.answers["/v2/enqueue"] = status(202)
        late = delivery_of(channel, {"kind": "late"}, type="job.late", severity="warning")
        works = delivery_of(channel, {"kind": "succeeded"}, severity="success")
        storm = {"job": None, "digest": "storm", "title": "{count} more messages"}
        many = delivery_of(channel, storm, type="digest.storm")
        all_well = delivery_of(channel, {**storm, "kind": "recovered"}, type="digest.storm")
        tried(sender, late, works, many, all_well)
        events = [json.loads(call.body) for call in server.calls]
        of_job = [(e["event_action"], e["dedup_key"]) for e in events if "job-7" in e["dedup_key"]]
        assert of_job == [
            ("trigger", "daybook/acme/job-7/time"),
            ("resolve", "daybook/acme/job-7/time"),
            ("resolve", "daybook/acme/job-7"),
        ]
        of_many = {(e["event_action"], e["dedup_key"]) for e in events if "storm" in e["dedup_key"]}
        assert of_many == {("trigger", "daybook/acme/storm/failed"), ("resolve", "daybook/acme/storm/recovered")}
        said = {e["dedup_key"]: e["payload"]["custom_details"]["Closed by"] for e in events}
        assert "hand" in said["daybook/acme/storm/failed"]

    def test_by_pagerduty_waits_with_what_follows_a_failure_that_was_not_taken(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        channel = channel_of("pagerduty")
        server.answers["/v2/enqueue"] = status(500)
        [failed] = tried(sender, delivery_of(channel))
        works = delivery_of(channel, {"kind": "recovered"})
        server.answers["/v2/enqueue"] = status(202)
        sender.sweep()
        assert len(server.calls) == 1
        make_due()
        tried(sender, failed, works)
        assert [json.loads(call.body)["event_action"] for call in server.calls] == ["trigger"] * 2 + ["resolve"] * 2


class TestErrors:
    def test_are_tried_again_under_the_same_id(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        server.answers["/in"] = status(500, b"out of order \x00" + b"x" * 900)
        [first] = tried(sender, delivery_of(channel_of()))
        assert (first.status, first.tries) == ("waiting", 1)
        assert 2 < (first.next_try_at - sql.now()).total_seconds() <= 15
        assert first.log[0]["status"] == 500
        assert first.log[0]["answer"].startswith("out of order \N{REPLACEMENT CHARACTER}xxx")
        assert len(first.log[0]["answer"]) == 500
        assert Channel.objects.get().failures_in_row == 1
        del server.answers["/in"]
        make_due()
        [second] = tried(sender, first)
        assert second.status == "delivered"
        assert [entry["status"] for entry in second.log] == [500, 200]
        assert len({call.headers["idempotency-key"] for call in server.calls}) == 1
        assert Channel.objects.get().failures_in_row == 0

    @pytest.mark.parametrize("kind", ["slack", "pagerduty", "webhook"])
    def test_of_too_many_wait_as_long_as_is_said(
        self, kind: str, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        server.answers["/in"] = server.answers["/v2/enqueue"] = status(429, Retry_After="600")
        [sent] = tried(sender, delivery_of(channel_of(kind)))
        assert 590 < (sent.next_try_at - sql.now()).total_seconds() <= 600

    @pytest.mark.parametrize(("kind", "code"), [("slack", 404), ("pagerduty", 400), ("webhook", 410)])
    def test_that_mean_no_end_it(
        self,
        kind: str,
        code: int,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        server: Receiver,
        sender: Sender,
    ) -> None:
        server.answers["/in"] = server.answers["/v2/enqueue"] = status(code, b"no_service")
        [sent] = tried(sender, delivery_of(channel_of(kind)))
        assert (sent.status, sent.next_try_at) == ("dead", None)
        assert str(code) in sent.reason

    def test_redirects_closed_doors_and_endless_answers_lead_nowhere(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        server.answers["/moved"] = redirect("http://169.254.169.254/latest/meta-data/", 307)
        server.answers["/endless"] = status(200, b"x" * 1_000_000)
        moved, endless = delivery_of(channel_of(path="/moved")), delivery_of(channel_of("slack", "/endless"))
        gone = channel_of()
        Channel.objects.filter(pk=gone.pk).update(config={"url": "http://127.0.0.1:9/"})
        moved, endless, closed = tried(sender, moved, endless, delivery_of(gone))
        assert (moved.status, moved.log[0]["status"]) == ("waiting", 307)
        assert "redirects (307)" in moved.reason
        assert "larger than" in endless.reason
        assert (closed.status, closed.log[0]["status"]) == ("waiting", None)
        assert sorted(call.path for call in server.calls) == ["/endless", "/moved"]

    def test_that_repeat_what_they_were_told_are_kept_without_the_secrets(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        def echo(handler: BaseHTTPRequestHandler) -> None:
            said = f"{handler.path} {handler.headers['Authorization']} {server.calls[-1].body.decode()}"
            status(500, said.encode())(handler)

        server.answers |= dict.fromkeys(("/T0/hunter2", "/in", "/v2/enqueue"), echo)
        config = {"authorization": "Bearer hunter3", "url": server.url("/in?token=hunter4")}
        deliveries = [delivery_of(channel_of("slack", "/T0/hunter2")), delivery_of(channel_of("pagerduty"))]
        for sent in tried(sender, *deliveries, delivery_of(channel_of(config=config))):
            answer = sent.log[0]["answer"]
            assert answer.startswith(("/*** ", "/v2/enqueue "))
            assert not any(secret in answer for secret in ("hunter", "R0UT1NG"))

    def test_of_a_private_address_are_never_asked_for(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender, settings: Settings
    ) -> None:
        deliveries = [delivery_of(channel_of()), delivery_of(channel_of("slack"))]
        settings.DAYBOOK_OUTBOUND_ALLOW = []
        for sent in tried(sender, *deliveries):
            assert sent.status == "dead"
            assert "not at a public address" in sent.reason
        assert not server.calls

    def test_are_given_up_in_time_and_can_be_sent_again(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        server.answers["/in"] = status(500)
        ago = sql.now() - timedelta(days=1)
        delivery = delivery_of(
            channel_of(), give_up_at=sql.now() + timedelta(seconds=1), not_before=ago, created_at=ago
        )
        [dead] = tried(sender, delivery)
        assert dead.status == "dead"
        assert dead.reason.startswith("Given up after 1 tries. The receiver answered with")
        del server.answers["/in"]
        for _ in range(2):
            again = redelivery.redeliver(delivery.pk, actor="user:ana")
            with pytest.raises(redelivery.NothingToSendAgain):
                redelivery.redeliver(delivery.pk, actor="user:ana")
            sweep_until(sender, lambda: Delivery.objects.get().status == "delivered")
        assert again.group_key == f"{delivery.group_key}#{delivery.pk}"
        delivered = DeliveryTotal.objects.get(status="delivered")
        assert (delivered.count, delivered.seconds < 60) == (2, True)  # each since it was sent again
        assert len({call.headers["idempotency-key"] for call in server.calls}) == 1


class TestRest:
    def test_comes_after_failures_in_a_row_and_ends_with_one_that_is_taken(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender, settings: Settings
    ) -> None:
        settings.DAYBOOK_CIRCUIT_FAILURES, settings.DAYBOOK_CIRCUIT_RESET = 2, timedelta(seconds=40)
        channel = channel_of()
        server.answers["/in"] = status(500)
        deliveries = [delivery_of(channel) for _ in range(6)]
        sweep_until(sender, lambda: Channel.objects.get().open_until is not None)
        sweep_until(sender, lambda: not sender._calls.under_way)
        asked = len(server.calls)
        assert asked <= 4  # what had begun before the channel was known to fail
        make_due()
        sender.sweep()
        assert len(server.calls) == asked
        failures = Channel.objects.get().failures_in_row
        self._open_the_door(sender, server, asked + 1)  # one trial, which fails: twice as long
        rest = Channel.objects.get().open_until - sql.now()
        assert Channel.objects.get().failures_in_row == failures + 1
        assert rest > timedelta(seconds=40 * 2 ** (failures - 1) - 5)
        del server.answers["/in"]
        Channel.objects.update(open_until=sql.now())
        make_due()
        sweep_until(sender, lambda: Delivery.objects.filter(status="delivered").count() == len(deliveries))
        channel.refresh_from_db()
        assert (channel.failures_in_row, channel.open_until) == (0, None)

    def _open_the_door(self, sender: Sender, server: Receiver, calls: int) -> None:
        Channel.objects.update(open_until=sql.now())
        make_due()
        sweep_until(sender, lambda: len(server.calls) == calls and not sender._calls.under_way)
        sender.sweep()
        assert len(server.calls) == calls

    def test_ends_when_the_channel_gets_another_address(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        channel = channel_of("slack", "/old")
        Channel.objects.update(failures_in_row=9, open_until=sql.now() + timedelta(hours=1))
        delivery = delivery_of(channel)
        sender.sweep()
        assert not server.calls
        changes.change(channel.pk, {"config": {"url": server.url("/new")}}, actor="user:ana")
        tried(sender, delivery)
        assert [call.path for call in server.calls] == ["/new"]


class TestOff:
    def test_sends_nothing_and_drops_what_is_too_late_when_on_again(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender, settings: Settings
    ) -> None:
        channel = channel_of()
        late = delivery_of(channel, give_up_at=sql.now() - timedelta(minutes=1))
        assert claim([]) == []  # nor when there is no time to end it first
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
        fresh = delivery_of(channel)
        sender.sweep()
        assert not server.calls
        assert set(Delivery.objects.values_list("status", flat=True)) == {"waiting"}
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = True
        tried(sender, fresh)
        late.refresh_from_db()
        assert (late.status, late.next_try_at, len(server.calls)) == ("dropped", None, 1)
        assert "switched off" in late.reason

    def test_goes_for_one_channel_one_tenant_and_before_its_time(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
    ) -> None:
        off, of_off_tenant, quiet = channel_of("webhook", "/off", enabled=False), channel_of(), channel_of()
        delivery_of(off)
        delivery_of(quiet, not_before=sql.now() + timedelta(hours=1))
        delivery_of(of_off_tenant, give_up_at=sql.now() + timedelta(seconds=1))
        of_off_tenant.tenant.is_active = False
        of_off_tenant.tenant.save()
        sender.sweep()
        Delivery.objects.filter(channel=of_off_tenant).update(give_up_at=sql.now())
        of_off_tenant.tenant.is_active = True
        of_off_tenant.tenant.save()
        sender.sweep()
        assert not server.calls


class TestEndOverdue:
    def test_says_of_a_channel_that_fails_that_it_did_and_of_others_what_is_known(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(expiry, "AT_A_TIME", 2)
        now = sql.now()
        fails, was_off, well = channel_of(), channel_of(), channel_of()
        Channel.objects.filter(pk=fails.pk).update(failures_in_row=9, open_until=now - timedelta(minutes=1))
        Channel.objects.filter(pk=was_off.pk).update(failures_in_row=9, open_until=now - timedelta(hours=30))
        late = {"give_up_at": now - timedelta(minutes=1), "not_before": now - timedelta(hours=25)}
        made = [
            delivery_of(channel, tries=tries, reason=reason, **late)
            for channel, tries, reason in (
                (fails, 0, ""),
                (fails, 4, "The receiver answered with the status 500."),
                (was_off, 0, ""),
                (was_off, 3, "The receiver answered with the status 500."),
                (well, 0, "The key is away."),
            )
        ]
        assert expiry.end_overdue(until=time.monotonic() + 10) == len(made)
        assert expiry.end_overdue(until=time.monotonic() + 10) == 0
        assert list(Delivery.objects.order_by("id").values_list("status", "reason")) == [
            ("dead", "Given up after 0 tries. The channel went on failing."),
            ("dead", "Given up after 4 tries. The receiver answered with the status 500."),
            ("dropped", expiry.DROPPED),
            ("dropped", "Not sent in time. The receiver answered with the status 500."),
            ("dropped", "Not sent in time. The key is away."),
        ]
        totals = {total.status: (total.count, round(total.seconds / 3_600)) for total in DeliveryTotal.objects.all()}
        assert totals == {"dead": (2, 50), "dropped": (3, 75)}  # since it was due


class TestLog:
    def test_is_forgotten_after_a_month_unless_it_still_waits(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery
    ) -> None:
        channel, old = channel_of(), sql.now() - timedelta(days=31)
        ended = {"status": "dead", "next_try_at": None, "created_at": old}
        delivery_of(channel, ended_at=old, **ended)
        kept = [delivery_of(channel, created_at=old), delivery_of(channel, ended_at=old + timedelta(days=2), **ended)]
        assert old_deliveries.sweep() == 1
        assert set(Delivery.objects.values_list("pk", flat=True)) == {one.pk for one in kept}


def test_a_secret_that_cannot_be_opened_ends_the_delivery_and_says_what_to_do(
    channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver, sender: Sender
) -> None:
    channel, other = channel_of("slack"), channel_of("slack")
    Channel.objects.filter(pk=channel.pk).update(secret=Channel.objects.get(pk=other.pk).secret)
    delivery = delivery_of(channel)
    sweep_until(sender, lambda: Delivery.objects.get().status == "dead")
    delivery.refresh_from_db()
    assert "cannot be opened" in delivery.reason
    assert not server.calls
    assert secrets.open_all(other.secret, tenant_id=other.tenant_id, public_id=other.public_id)

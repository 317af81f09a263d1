"""`/api/v1/notification-channels` and `/notification-deliveries`: secrets in, never out; tests with the real answer."""

from __future__ import annotations

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuditEntry
from notifications.channels import trials
from notifications.channels.examples import STORM
from notifications.channels.reader import InvalidChannel
from notifications.models import Channel, Delivery
from notifications.rules.kinds import ChannelKind, Kind
from scheduler_project.lib import signatures, sql
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.notifications.sending.conftest import FACTS, MakeChannel, MakeDelivery
from tests.receivers import Receiver, redirect, status

pytestmark = pytest.mark.django_db

CHANNELS, DELIVERIES = "/api/v1/notification-channels", "/api/v1/notification-deliveries"


class TestChannels:
    def test_show_no_secret_and_to_readers_no_address_either(
        self, by_key: ApiClient, client_of: ClientOf, make_key: MakeKey, channel_of: MakeChannel
    ) -> None:
        config = {"url": "https://receiver.example/in?token=hunter2", "authorization": "Bearer hunter3"}
        made = by_key.send("POST", CHANNELS, {"name": "Program", "kind": "webhook", "config": config})
        assert made.status_code == 201, made.content
        secret = made.json()["signing_secret"]
        assert secret == Channel.objects.get().newest_secret()
        path = made.headers["Location"]
        reader = client_of(make_key("scheduler:read")[1])
        for client, url in ((by_key, config["url"]), (reader, "https://receiver.example/…")):
            for shown in (client.get(path).json(), client.get(CHANNELS).json()["results"][0]):
                assert shown["config"] == {"url": url}
                assert (shown["has_secret"], shown["newest_delivery"]) == (True, None)
                assert "signing_secret" not in shown
                assert "hunter3" not in json.dumps(shown)
                assert secret not in json.dumps(shown)
        mail = channel_of("email", config={"to": ["ana.example@corp.example", "Ed@corp.example"], "people": False})
        where = f"{CHANNELS}/{mail.pk}"
        assert by_key.get(where).json()["config"] == mail.config
        assert reader.get(where).json()["config"] == {"to": ["a…e@corp.example", "E…@corp.example"], "people": False}
        assert by_key.send("PATCH", path, {"config": {"url": 1}}).json()["error"]["fields"] == {
            "config.url": ["Write a text."]
        }
        rotated = by_key.send("POST", f"{path}/rotate", {"overlap_seconds": 60})
        assert rotated.json()["signing_secret"] not in ("", secret)
        assert by_key.send("DELETE", path).status_code == 204

    def test_are_narrowed_and_show_what_became_of_the_newest_message(
        self, by_key: ApiClient, channel_of: MakeChannel, delivery_of: MakeDelivery
    ) -> None:
        chat, mails = channel_of("slack", name="Chat"), channel_of("email", name="Mail", enabled=False)
        delivery_of(chat)
        newest = delivery_of(chat, status="dead", next_try_at=None, reason="no_service", tries=1)
        by = {query: [row["id"] for row in by_key.get(f"{CHANNELS}?{query}").json()["results"]]
              for query in ("kind=email", "enabled=true", "q=cha", "tenant=acme", "tenant=globex")}  # fmt: skip
        assert by == {
            "kind=email": [mails.pk],
            "enabled=true": [chat.pk],
            "q=cha": [chat.pk],
            "tenant=acme": [chat.pk, mails.pk],
            "tenant=globex": [],
        }
        shown = by_key.get(f"{CHANNELS}/{chat.pk}").json()["newest_delivery"]
        assert (shown["id"], shown["status"], shown["reason"]) == (newest.pk, "dead", "no_service")


class TestTrials:
    def test_answer_what_the_receiver_answered_and_store_nothing(
        self, by_key: ApiClient, channel_of: MakeChannel, server: Receiver
    ) -> None:
        channel = channel_of("slack")
        path = reverse("channel-test", args=[channel.pk])
        server.answers["/in"] = status(404, b"no_service")
        failed = by_key.send("POST", path).json()
        assert (failed["delivered"], failed["status"], failed["answer"]) == (False, 404, "no_service")
        assert failed["seconds"] > 0
        server.answers["/in"] = redirect("http://169.254.169.254/")
        assert "redirects (302)" in by_key.send("POST", path).json()["error"]
        del server.answers["/in"]
        taken = by_key.send("POST", path).json()
        assert (taken["delivered"], taken["status"], taken["error"]) == (True, 200, "")
        said = json.loads(server.calls[-1].body)
        assert said["blocks"][0]["text"]["text"] == f"A test of the channel {channel.name}"
        channel.refresh_from_db()
        assert (channel.failures_in_row, channel.minute_sent) == (0, 3)
        assert not Delivery.objects.exists()
        assert AuditEntry.objects.filter(action="notification_channel.tested").count() == 3

    def test_are_bounded_by_the_channels_minute(
        self, by_key: ApiClient, channel_of: MakeChannel, server: Receiver
    ) -> None:
        channel = channel_of(per_minute=2)
        Channel.objects.update(minute_sent=2, minute_started_at=sql.now() - timedelta(seconds=61))
        answers = [by_key.send("POST", reverse("channel-test", args=[channel.pk])) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[-1].json()["error"]["code"] == "rate_limited"
        assert f"{channel.name} has sent its 2 messages of this minute" in answers[-1].json()["error"]["message"]
        assert 50 < int(answers[-1].headers["Retry-After"]) <= 60
        assert len(server.calls) == 2

    @pytest.mark.django_db(transaction=True)
    def test_keep_no_connection_of_the_database_while_they_wait_for_the_receiver(
        self, by_key: ApiClient, channel_of: MakeChannel, server: Receiver
    ) -> None:
        kept, of_the_request = [], connections["default"]

        def look(handler: BaseHTTPRequestHandler) -> None:
            kept.append(of_the_request.connection)
            status(200)(handler)

        server.answers["/in"] = look
        assert by_key.send("POST", reverse("channel-test", args=[channel_of().pk])).json()["delivered"]
        assert kept == [None]

    def test_of_a_webhook_are_signed_and_of_pagerduty_wake_nobody(
        self, by_key: ApiClient, channel_of: MakeChannel, server: Receiver
    ) -> None:
        hook, pager = channel_of(), channel_of("pagerduty")
        assert by_key.send("POST", reverse("channel-test", args=[hook.pk])).json()["delivered"]
        call = server.calls.pop()
        assert json.loads(call.body)["event"] == "notification.test"
        header = call.headers["x-daybook-signature"]
        at = float(header.partition(",")[0].removeprefix("t="))
        assert signatures.verify(header, [hook.newest_secret()], body=call.body, now=at)
        assert by_key.send("POST", reverse("channel-test", args=[pager.pk])).json()["delivered"]
        events = [json.loads(call.body) for call in server.calls]
        assert [event["event_action"] for event in events] == ["trigger", "resolve"]
        assert len({event["dedup_key"] for event in events}) == 1
        assert "test" in events[0]["dedup_key"]

    def test_of_mail_go_to_the_channels_addresses_or_else_to_who_asks(
        self, cast: Cast, client_of: ClientOf, channel_of: MakeChannel, by_key: ApiClient
    ) -> None:
        cast.ana.email = "ana@example.com"
        cast.ana.save()
        fixed, of_people = channel_of("email"), channel_of("email", config={"to": [], "people": True})
        for channel in (fixed, of_people):
            assert client_of(cast.ana).send("POST", reverse("channel-test", args=[channel.pk])).json()["delivered"]
        assert [message.to for message in mail.outbox] == [["ops@example.com"], ["ana@example.com"]]
        nobody = by_key.send("POST", reverse("channel-test", args=[of_people.pk])).json()
        assert (nobody["delivered"], "Nobody has an address" in nobody["error"]) == (False, True)

    def test_are_refused_while_notifications_are_off(
        self, by_key: ApiClient, channel_of: MakeChannel, server: Receiver, settings: Settings
    ) -> None:
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
        refused = by_key.send("POST", reverse("channel-test", args=[channel_of().pk]))
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "notifications_disabled")
        assert "DAYBOOK_NOTIFICATIONS_ENABLED" in refused.json()["error"]["message"]
        assert not server.calls


class TestPreviews:
    @pytest.mark.parametrize("kind", list(Kind))
    @pytest.mark.parametrize("channel", list(ChannelKind))
    def test_show_each_kind_of_message_in_each_form(self, channel: ChannelKind, kind: Kind) -> None:
        once = trials.preview(channel, tenant="acme", about=kind)
        often = trials.preview(channel, tenant="acme", about=kind, count=6)
        assert once["title"]
        assert once["text"]
        assert "{" not in once["title"] + once["text"]
        assert "6" in often["title"]
        assert json.loads(json.dumps(once["sent"]))

    def test_of_a_storm_say_how_much_came_whatever_the_words_for_one_job_are(self) -> None:
        def storm(title_text: str = "", body_text: str = "") -> tuple[str, str]:
            words = {"title_text": title_text, "body_text": body_text}
            found = trials.preview(ChannelKind.SLACK, tenant="acme", about=STORM, **words)
            return found["title"], found["text"]

        title, text = storm()
        assert title == "4000 more messages of “An example” about 1,200 jobs"
        assert "Nightly export" in text
        for words in (("{job}", "{error}"), ("{job} failed", "Run {execution}")):
            assert storm(*words) == (title, text)
        assert storm("[prod] {title}", "<!here>") == (f"[prod] {title}", "<!here>")

    def test_never_have_an_empty_title(self) -> None:
        found = trials.preview(ChannelKind.SLACK, tenant="acme", title_text="{reason}", about=Kind.FAILED)
        assert found["title"] == "Nightly export failed"

    def test_use_the_words_at_hand_and_a_delivery_that_there_is(
        self, by_key: ApiClient, channel_of: MakeChannel, delivery_of: MakeDelivery, server: Receiver
    ) -> None:
        channel = channel_of("slack", title_text="{job}: {error}", body_text="Look: {link}")
        path = reverse("channel-preview", args=[channel.pk])

        def asked(**body: Any) -> Any:
            return by_key.send("POST", path, body).json()

        assert asked()["title"].startswith("Nightly export: ConnectionError")
        assert asked(title_text="{count} x", count=3)["title"] == "3 x"
        delivery = delivery_of(channel)
        live = asked(delivery=delivery.pk, body_text="{error}")
        assert (live["title"], live["text"]) == (f"Export <all> & more: {FACTS['error']}", FACTS["error"])
        assert live["sent"]["blocks"][1]["text"]["text"] == "ConnectionError: &lt;b&gt;no&lt;/b&gt; &amp; nobody"
        assert asked(delivery=delivery_of(channel_of()).pk)["error"]["fields"]["delivery"]
        assert "must not use" in asked(title_text="{secret}")["error"]["fields"]["title_text"][0]
        with pytest.raises(InvalidChannel):
            trials.preview_of(delivery, body_text="{nobody}")
        assert not server.calls


class TestDeliveries:
    def test_are_listed_by_what_is_asked_for_and_sent_again(
        self, by_key: ApiClient, channel_of: MakeChannel, delivery_of: MakeDelivery
    ) -> None:
        channel, other = channel_of(), channel_of()
        waits = delivery_of(channel, to=["vera@example.com"])
        dead = delivery_of(other, status="dead", next_try_at=None, type="job.late", severity="warning")
        by = {query: [row["id"] for row in by_key.get(f"{DELIVERIES}?{query}").json()["results"]]
              for query in ("", f"channel={channel.pk}", "status=dead", "severity=error", "type=job.late")}  # fmt: skip
        assert by == {
            "": [dead.pk, waits.pk],
            f"channel={channel.pk}": [waits.pk],
            "status=dead": [dead.pk],
            "severity=error": [waits.pk],
            "type=job.late": [dead.pk],
        }
        shown = by_key.get(f"{DELIVERIES}/{waits.pk}").json()
        assert (shown["people"], shown["message"]["title"]) == (1, "Export <all> & more failed")
        assert "vera@" not in json.dumps(shown)
        refused = by_key.send("POST", f"{DELIVERIES}/{waits.pk}/redeliver")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "nothing_to_redeliver")
        again = by_key.send("POST", f"{DELIVERIES}/{dead.pk}/redeliver")
        assert (again.status_code, again.json()["status"], again.json()["delivery"]) == (202, "waiting", str(dead.uid))
        assert AuditEntry.objects.filter(action="notification_channel.redelivered").count() == 1

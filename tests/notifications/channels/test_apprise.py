"""Services of apprise: which may be used, and that all that they call goes by our own client."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_django import Settings

from notifications.channels import apprise, guarded_requests
from notifications.channels.apprise import RefusedService, refusal_of, service_of
from notifications.channels.guarded_requests import GUARDED
from notifications.checks import check_services
from notifications.models import Delivery
from notifications.sending.sender import Sender
from scheduler_project.settings.environment import VARIABLES
from tests.notifications.sending.conftest import MakeChannel, MakeDelivery, make_due, tried
from tests.receivers import Receiver, redirect, status

DISCORD = "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz"
USUAL = VARIABLES["DAYBOOK_APPRISE_SCHEMES"].default


class TestServices:
    @pytest.mark.parametrize("scheme", USUAL)
    def test_that_may_be_used_have_a_host_of_their_own_and_our_client(self, scheme: str) -> None:
        assert refusal_of(scheme) == ""

    @pytest.mark.parametrize(
        ("scheme", "words"),
        [
            *((name, "can call any host") for name in ("json", "jsons", "xml", "form", "mailto", "rocket", "gotify")),
            *((name, "can call any host") for name in ("matrix", "ntfy", "mmost", "workflows", "apprise", "mqtt")),
            *((name, "makes calls of its own") for name in ("aprs", "nostr", "syslog", "dbus")),
            ("pigeon", "knows no service"),
        ],
    )
    def test_that_reach_any_host_are_refused_whatever_is_listed(
        self, scheme: str, words: str, settings: Settings
    ) -> None:
        settings.DAYBOOK_APPRISE_SCHEMES = [*USUAL, scheme]
        assert words in refusal_of(scheme)
        with pytest.raises(RefusedService, match=words):
            service_of(f"{scheme}://169.254.169.254/x/y/z")

    @pytest.mark.parametrize("address", ["", "http://x/", "DISCORD:/x", "file:///etc/passwd", "json://a/b"])
    def test_that_are_not_listed_are_refused_with_those_that_are(self, address: str) -> None:
        with pytest.raises(RefusedService, match="discord://, tgram://"):
            service_of(address)

    @pytest.mark.parametrize("address", ["discord", "discord://short", "discord://?to=json://169.254.169.254"])
    def test_need_the_form_that_the_service_asks_for(self, address: str) -> None:
        with pytest.raises(RefusedService, match="no address of discord://"):
            service_of(address)

    @pytest.mark.parametrize("way", ["{}", "file://{}", "https://example.com/{}"])
    @pytest.mark.parametrize("address", [DISCORD, "tgram://123456789:abcdefg_hijklmnop/12315544/"])
    def test_take_no_words_from_files_that_the_address_names(self, address: str, way: str, tmp_path: Path) -> None:
        words = tmp_path / "words.json"
        words.write_text('{"content": "of this server"}')
        with pytest.raises(RefusedService, match="no address of"):
            service_of(f"{address}?template={way.format(words)}")

    @pytest.mark.parametrize(
        "address",
        [
            "tgram://123456789:abcdefg_hijklmnop/12315544/12315545",
            f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567/15551234568/15551234569",
        ],
    )
    def test_have_one_receiver_since_the_others_would_get_it_again_when_one_fails(self, address: str) -> None:
        with pytest.raises(RefusedService, match="It names 2 receivers; make a channel for each"):
            service_of(address)
        assert len(service_of(f"{address.rpartition('/')[0]}/?retry=3&overflow=split")) == 1

    def test_keep_their_host_whatever_the_address_names(self) -> None:
        service = service_of("discord://json://169.254.169.254/x?url=http://169.254.169.254/&host=169.254.169.254")
        assert service.notify_url.startswith("https://discord.com/")

    def test_have_no_way_around_our_client(self) -> None:
        apprise._apprise()
        modules = [module for name, module in sys.modules.items() if name.startswith("apprise.plugins")]
        assert len(modules) > 100
        assert not [module for module in modules if getattr(module, "requests", None) is requests]
        for name in ("Session", "session", "sessions", "adapters", "api"):
            with pytest.raises(AttributeError):
                getattr(GUARDED, name)

    def test_call_nobody_but_for_a_message(self) -> None:
        with pytest.raises(requests.ConnectionError):
            GUARDED.get("https://example.com/")


def test_the_start_is_stopped_by_a_list_that_cannot_be_used(settings: Settings) -> None:
    assert check_services() == []
    settings.DAYBOOK_APPRISE_SCHEMES = ["discord", "brevo", "json", "pigeon"]
    assert [problem.id for problem in check_services()] == ["daybook.E401"] * 2


@pytest.mark.django_db(transaction=True)
class TestSending:
    @pytest.fixture
    def discord(self, server: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
        """The service itself, but that it lies on loopback."""
        kind: Any = apprise._kinds()["discord"]
        monkeypatch.setattr(kind, "notify_url", server.url("/hooks"))
        self.path = "/hooks/123456789012345678/abcdefghijklmnopqrstuvwxyz"
        server.answers[self.path] = status(204, b"")
        return server

    def test_goes_by_our_client(
        self, discord: Receiver, channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender
    ) -> None:
        channel = channel_of("apprise", config={"url": DISCORD})
        assert channel.config == {"service": "Discord"}
        [sent] = tried(sender, delivery_of(channel))
        assert (sent.status, sent.log[0]["status"]) == ("delivered", 204)
        [call] = discord.calls
        assert call.path.partition("?")[0] == self.path
        said = json.dumps(json.loads(call.body))
        assert "ConnectionError: <b>no</b> & nobody" in said

    def test_is_one_call_however_much_there_is_to_say(
        self, discord: Receiver, channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender
    ) -> None:
        channel = channel_of("apprise", config={"url": f"{DISCORD}?overflow=split"}, body_text="x" * 4_500)
        [sent] = tried(sender, delivery_of(channel))
        assert (sent.status, len(discord.calls)) == ("delivered", 1)

    def test_honours_what_the_service_answers(
        self, discord: Receiver, channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender
    ) -> None:
        delivery = delivery_of(channel_of("apprise", config={"url": DISCORD}))
        discord.answers[self.path] = status(500, b"out of order")
        [sent] = tried(sender, delivery)
        assert (sent.status, sent.log[0]["status"], sent.log[0]["answer"]) == ("waiting", 500, "out of order")
        discord.answers[self.path] = redirect(discord.url("/elsewhere"))
        make_due()
        [sent] = tried(sender, delivery)
        assert (sent.status, sent.log[1]["status"]) == ("waiting", 302)
        discord.answers[self.path] = status(404, b"unknown webhook")
        make_due()
        [sent] = tried(sender, delivery)
        assert (sent.status, sent.log[2]["status"]) == ("dead", 404)
        assert {call.path.partition("?")[0] for call in discord.calls} == {self.path}

    def test_is_judged_again_when_it_is_sent(
        self,
        discord: Receiver,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        sender: Sender,
        settings: Settings,
    ) -> None:
        channel = channel_of("apprise", config={"url": DISCORD})
        settings.DAYBOOK_OUTBOUND_ALLOW = []
        [inside] = tried(sender, delivery_of(channel))
        assert inside.status == "dead"
        assert "not at a public address" in inside.reason
        settings.DAYBOOK_APPRISE_SCHEMES = ["tgram"]
        [unlisted] = tried(sender, delivery_of(channel))
        assert unlisted.status == "dead"
        assert "Services that may be used are tgram://" in unlisted.reason
        assert not discord.calls
        assert "abcdefghij" not in json.dumps(list(Delivery.objects.values("reason", "log")))

    def test_makes_only_so_many_calls(self, server: Receiver) -> None:
        with guarded_requests.watched() as exchange:
            for _ in range(guarded_requests.MOST_CALLS):
                GUARDED.post(server.url("/in"), json={"a": 1}, params={"b": "c"}, auth=("u", "p"), timeout=1)
            with pytest.raises(requests.ConnectionError, match="No more calls"):
                GUARDED.post(server.url("/in"))
        assert len(exchange.answers) == len(server.calls) == guarded_requests.MOST_CALLS
        assert server.calls[0].path == "/in?b=c"
        assert server.calls[0].headers["authorization"].startswith("Basic ")

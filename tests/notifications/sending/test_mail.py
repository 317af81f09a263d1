"""Mail by a real SMTP server: to each person singly, in two forms, and never twice to who has it already."""

from __future__ import annotations

from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
from django.core import mail
from pytest_django import Settings

from notifications.channels import email
from notifications.models import Channel
from notifications.sending.sender import Sender
from tests.certificates import server_context
from tests.mail_servers import MailServer
from tests.notifications.sending.conftest import FACTS, MakeChannel, MakeDelivery, make_due, tried

pytestmark = pytest.mark.django_db(transaction=True)
THREE = {"to": ["ops@example.com", "Ana@example.com", "OPS@example.com", "olaf@example.com"]}


def parts_of(text: str) -> tuple[Message, str, str]:
    message = message_from_string(text)
    plain, html = (part.get_payload(decode=True).decode() for part in message.get_payload())  # type: ignore[union-attr]
    return message, plain, html


class TestMessage:
    def test_goes_to_each_singly_and_says_what_it_is(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, mails: MailServer, sender: Sender
    ) -> None:
        [sent] = tried(sender, delivery_of(channel_of("email", config=THREE)))
        assert (sent.status, sent.reason, sent.log[0]["status"]) == ("delivered", "", 250)
        assert mails.recipients == ["ops@example.com", "Ana@example.com", "olaf@example.com"] == sent.taken_by
        for address, text in zip(mails.recipients, mails.taken, strict=True):
            message, plain, html = parts_of(text)
            assert (message["To"], message["Cc"], message["Bcc"]) == (address, None, None)
            assert message["Subject"] == "Export <all> & more failed"
            assert message["Message-ID"] == f"<{sent.uid}@localhost>"
            assert message["Auto-Submitted"] == "auto-generated"
            assert message["List-Id"] == "Daybook notifications <notifications.acme.localhost>"
            assert message["References"] == "<job-7.acme@localhost>"
            assert message.get_content_type() == "multipart/alternative"
            assert FACTS["error"] in plain
            assert "Failures in a row: 3" in plain
            assert "https://daybook.example/admin/jobs/execution/91/change/" in plain
            assert "ConnectionError: &lt;b&gt;no&lt;/b&gt; &amp; nobody" in html
            assert '<a href="https://daybook.example/admin/jobs/execution/91/change/">' in html
            assert "<b>" not in html
            assert "<img" not in html

    def test_for_people_goes_to_them_alone(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, mails: MailServer, sender: Sender
    ) -> None:
        channel = channel_of("email", body_text="{job} & <co>: {error}")
        tried(sender, delivery_of(channel, to=["vera@example.com"]))
        assert mails.recipients == ["vera@example.com"]
        _, plain, html = parts_of(mails.taken[0])
        assert plain.strip() == f"Export <all> & more & <co>: {FACTS['error']}"
        assert "more &amp; &lt;co&gt;" in html

    def test_cannot_be_given_other_headers_by_a_name(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, mails: MailServer, sender: Sender
    ) -> None:
        name = "Export\r\nBcc: eve@example.com\r\n\r\nHi"
        tried(sender, delivery_of(channel_of("email"), {"job": {"id": 7, "name": name, "slug": "x"}}))
        message, _, _ = parts_of(mails.taken[0])
        assert message["Subject"] == "Export Bcc: eve@example.com Hi failed"
        assert mails.recipients == ["ops@example.com"]

    def test_leaves_out_an_address_that_cannot_be_written_to_and_goes_to_the_others_once(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, mails: MailServer, sender: Sender
    ) -> None:
        """A name in a domain may pass for one and be too long once it is encoded."""
        odd = "ana@" + "\N{LATIN SMALL LETTER E WITH ACUTE}" * 60 + ".com"
        channel = channel_of("email", config={"to": ["ops@example.com", odd, "olaf@example.com"]})
        [sent] = tried(sender, delivery_of(channel))
        assert mails.recipients == ["ops@example.com", "olaf@example.com"] == sent.taken_by
        assert sent.status == "delivered"
        assert sent.reason.startswith(f"2 of 3 have it. a…{odd.removeprefix('ana')}: ")


class TestServer:
    def test_that_puts_one_address_off_gets_only_that_one_again(
        self, channel_of: MakeChannel, delivery_of: MakeDelivery, mails: MailServer, sender: Sender
    ) -> None:
        mails.puts_off, mails.refuses = ["Ana@"], ["olaf@"]
        channel = channel_of("email", config=THREE)
        Channel.objects.update(failures_in_row=4)
        [first] = tried(sender, delivery_of(channel))
        assert Channel.objects.get().failures_in_row == 0  # it has taken one
        assert (first.status, first.log[0]["status"], first.taken_by) == ("waiting", 550, ["ops@example.com"])
        assert first.reason.startswith("1 of 3 have it. o…f@example.com: 550 no such user A…@example.com: 450")
        mails.puts_off = []
        make_due()
        [second] = tried(sender, first)
        assert mails.recipients == ["ops@example.com", "Ana@example.com"]
        assert (second.status, second.reason) == (
            "delivered",
            "2 of 3 have it. o…f@example.com: 550 no such user",
        )

    @pytest.mark.parametrize(
        ("ill", "status", "code", "words", "blamed"),
        [
            ({"verdict": "451 try later"}, "waiting", 451, "451 try later", 0),
            ({"verdict": "421 closing"}, "waiting", 421, "421 closing", 1),
            ({"verdict": "554 <ops@example.com> is full"}, "dead", 554, "554 <o…@example.com> is full", 0),
            ({"refuses": ["ops@"]}, "dead", 550, "0 of 1 have it. o…@example.com: 550 no such user", 0),
            ({"puts_off": ["ops@"]}, "waiting", 450, "450 come again", 0),
            ({"greeting": "421 closed"}, "waiting", 421, "421", 1),
        ],
    )
    def test_that_refuses_is_heard_and_the_channel_blamed_only_for_what_ails_the_server(
        self,
        ill: dict[str, object],
        status: str,
        code: int,
        words: str,
        blamed: int,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        mails: MailServer,
        sender: Sender,
    ) -> None:
        for name, value in ill.items():
            setattr(mails, name, value)
        [sent] = tried(sender, delivery_of(channel_of("email")))
        assert (sent.status, sent.log[0]["status"]) == (status, code)
        assert words in sent.reason
        assert Channel.objects.get().failures_in_row == blamed
        assert not mails.taken

    def test_that_hangs_is_left_in_time_and_then_left_alone_without_blame(
        self,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        mails: MailServer,
        sender: Sender,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(email, "COMMAND_LIMIT", 0.3)
        settings.DAYBOOK_CIRCUIT_FAILURES = 2
        mails.is_hanging = True
        channel = channel_of("email")
        first = delivery_of(channel)
        [late] = tried(sender, first)
        assert "The mail server" in late.reason
        assert 0.2 < late.log[0]["seconds"] < 5
        make_due()
        tried(sender, first)
        Channel.objects.update(open_until=None)
        make_due()
        [spared] = tried(sender, first)
        assert "The circuit mail is open" in spared.reason
        assert Channel.objects.get().failures_in_row == 2
        assert mails.connections == 2

    def test_that_is_slow_keeps_nobody_past_the_limit_of_a_try(
        self,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        mails: MailServer,
        sender: Sender,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(email, "TIME_LIMIT", email.TIME_LIMIT * 0)
        mails.delay = 0.01
        [sent] = tried(sender, delivery_of(channel_of("email")))
        assert (sent.status, sent.reason) == (
            "waiting",
            "0 of 1 have it. o…@example.com: The mail server takes too long.",
        )


class TestTls:
    @pytest.fixture
    def authority(self, mails: MailServer, settings: Settings, tmp_path: Path) -> Path:
        mails.tls, authority = server_context("localhost", tmp_path)
        settings.EMAIL_HOST, settings.EMAIL_USE_TLS = "localhost", True
        return authority

    def test_is_spoken_before_the_mail_goes(
        self,
        authority: Path,
        channel_of: MakeChannel,
        delivery_of: MakeDelivery,
        mails: MailServer,
        sender: Sender,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        [sent] = tried(sender, delivery_of(channel_of("email")))
        assert (sent.status, mails.spoken_in) == ("delivered", ["TLSv1.3"])

    def test_is_not_spoken_with_a_server_that_nobody_vouches_for(
        self, authority: Path, channel_of: MakeChannel, delivery_of: MakeDelivery, mails: MailServer, sender: Sender
    ) -> None:
        [sent] = tried(sender, delivery_of(channel_of("email")))
        assert sent.status == "waiting"
        assert "certificate verify failed" in sent.reason
        assert not mails.taken

    def test_that_the_server_does_not_speak_is_not_done_without(
        self, authority: Path, channel_of: MakeChannel, delivery_of: MakeDelivery, mails: MailServer, sender: Sender
    ) -> None:
        mails.tls = None
        [sent] = tried(sender, delivery_of(channel_of("email")))
        assert sent.status == "waiting"
        assert "STARTTLS" in sent.reason
        assert not mails.taken


def test_goes_by_any_backend_of_django(
    channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender, own_circuits: None
) -> None:
    [sent] = tried(sender, delivery_of(channel_of("email")))
    assert sent.status == "delivered"
    assert [message.to for message in mail.outbox] == [["ops@example.com"]]


def test_for_nobody_is_refused(channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender) -> None:
    channel = channel_of("email", config={"to": ["ops@example.com"], "people": False})
    [sent] = tried(sender, delivery_of(channel, to=["vera@example.com"]))
    assert (sent.status, Channel.objects.get().failures_in_row) == ("dead", 0)
    assert "Nobody has an address" in sent.reason

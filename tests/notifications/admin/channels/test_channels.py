"""The pages of channels: who may, what is never shown again, and what the buttons do."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuditEntry
from notifications.channels import changes, secrets
from notifications.models import Channel, Rule
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.notifications.admin.conftest import MakeChannel, delivery_of
from tests.receivers import Receiver, status

pytestmark = pytest.mark.django_db

FORM = {"enabled": "on", "per_minute": "60", "title_text": "", "body_text": ""}


def of(name: str, *ids: object) -> str:
    return reverse(f"admin:notification_{name}", args=ids)


def opened(channel: Channel) -> dict[str, str]:
    return secrets.open_all(channel.secret, tenant_id=channel.tenant_id, public_id=channel.public_id)


class TestList:
    def test_explains_what_channels_are_while_there_is_none(self, as_ana: Browser, as_vera: Browser) -> None:
        text = as_ana.text(of("channels"))
        assert "No channels yet" in text
        for kind in ("email", "slack", "webhook", "pagerduty", "apprise"):
            assert f"{of('channel_new')}?kind={kind}" in text
        assert of("channel_new") not in as_vera.text(of("channels"))

    def test_says_how_each_does(self, as_ana: Browser, channel_of: MakeChannel, cast: Cast) -> None:
        mail, resting, off = channel_of(), channel_of("Rests"), channel_of("Off")
        channel_of("Theirs", tenant=cast.globex)
        Channel.objects.filter(pk=resting.pk).update(failures_in_row=5, open_until="2099-01-01T00:00:00Z")
        Channel.objects.filter(pk=off.pk).update(is_enabled=False)
        Channel.objects.filter(pk=mail.pk).update(failures_in_row=1, minute_started_at=sql.now(), minute_sent=7)
        delivery_of(mail, "delivered")
        dead, *_ = delivery_of(mail), delivery_of(mail, "waiting"), delivery_of(resting, "waiting")
        Rule.objects.create(tenant=cast.acme, name="Failures", kinds=["failed"]).channels.add(mail)
        rows = {row["channel"].name: row for row in as_ana.get(of("channels")).context["rows"]}
        assert set(rows) == {"Off", "Ops mail", "Rests"}
        assert [rows[name]["state"].words for name in ("Off", "Ops mail", "Rests")] == [
            "Nothing is sent by it.", "1 try failed in a row", "5 tries failed in a row",
        ]  # fmt: skip
        first = rows["Ops mail"]
        assert (first["channel"].last_id, first["sent"], first["channel"].used_by) == (dead.pk, 7, 1)
        assert rows["Rests"]["channel"].waiting == 1
        text = as_ana.text(of("channels"))
        for words in ("Circuit open", "Failing", "Switched off", "7 of 60", "No rule uses it", "none yet"):
            assert words in text


class TestNewChannel:
    def test_asks_for_the_kind_first(self, as_ana: Browser) -> None:
        text = as_ana.text(of("channel_new"))
        assert "?kind=slack" in text
        assert "Create channel" not in text
        assert "Create channel" in as_ana.text(of("channel_new"), kind="slack")

    def test_keeps_secrets_to_itself(self, as_ana: Browser) -> None:
        url = "https://hooks.slack.com/services/T0/B0/verysecret"
        answer = as_ana.post(f"{of('channel_new')}?kind=slack", {**FORM, "name": "Ops", "config-url": url})
        made = Channel.objects.get()
        assert answer.headers["Location"] == of("channel", made.pk)
        assert (made.tenant.slug, made.updated_by, opened(made)) == ("acme", "user:ana", {"url": url})
        for page in (of("channel", made.pk), of("channels")):
            text = as_ana.text(page)
            assert "hooks.slack.com" in text
            assert "verysecret" not in text
        assert "never shown. Leave it empty to keep it." in as_ana.text(of("channel", made.pk))
        assert "verysecret" not in str(vars(AuditEntry.objects.get(action="notification_channel.created")))

    def test_shows_the_secret_that_it_signs_with_once(self, as_ana: Browser) -> None:
        body = {**FORM, "name": "CI", "config-url": "https://example.com/in"}
        answer = as_ana.post(f"{of('channel_new')}?kind=webhook", body)
        made = Channel.objects.get()
        assert made.newest_secret() in answer.content.decode()
        assert made.newest_secret() not in as_ana.text(of("channel", made.pk))

    @pytest.mark.parametrize(
        ("kind", "changes", "problem"),
        [
            ("slack", {"config-url": ""}, "may not be empty"),
            ("slack", {"config-url": "ftp://x"}, "http"),
            ("webhook", {"config-url": "http://127.0.0.1/"}, "127.0.0.1"),
            ("email", {"config-to": "nobody"}, "is no address of mail"),
            ("email", {}, "let the rule&#x27;s people"),
            ("apprise", {"config-url": "json://127.0.0.1/"}, "may be used"),
            ("email", {"config-to": "a@example.com", "name": ""}, "to put right"),
            ("email", {"config-to": "a@example.com", "per_minute": "0"}, "from 1 to 6000"),
            ("email", {"config-to": "a@example.com", "title_text": "{nothing}"}, "nothing"),
        ],
    )
    def test_names_what_is_wrong(self, as_ana: Browser, kind: str, changes: dict[str, str], problem: str) -> None:
        body = {**FORM, "name": "Ops", **changes}
        text = as_ana.post(f"{of('channel_new')}?kind={kind}", body).content.decode()
        assert "to put right" in text
        assert problem in text
        assert not Channel.objects.exists()

    def test_is_of_the_tenant_that_was_chosen(self, as_root: Browser, cast: Cast) -> None:
        body = {**FORM, "name": "Ops", "config-to": "a@example.com\nb@example.com", "config-people": "on"}
        as_root.post(f"{of('channel_new')}?kind=email", {**body, "tenant": cast.globex.pk})
        made = Channel.objects.get()
        assert (made.tenant, made.config["to"]) == (cast.globex, ["a@example.com", "b@example.com"])


class TestChange:
    def test_keeps_a_secret_that_was_left_empty(self, as_ana: Browser, channel_of: MakeChannel) -> None:
        channel = channel_of("CI", "webhook", url="https://example.com/in", authorization="Bearer one")
        body = {**FORM, "name": "CI 2", "config-url": "https://example.com/other", "config-authorization": ""}
        assert as_ana.post(of("channel", channel.pk), body).status_code == 302
        channel.refresh_from_db()
        assert (channel.name, channel.config["url"]) == ("CI 2", "https://example.com/other")
        assert opened(channel) == {"authorization": "Bearer one"}
        as_ana.post(of("channel", channel.pk), {**body, "config-authorization": "Bearer two"})
        channel.refresh_from_db()
        assert opened(channel) == {"authorization": "Bearer two"}
        as_ana.post(of("channel", channel.pk), {**body, "remove-authorization": "on"})
        channel.refresh_from_db()
        assert opened(channel) == {}

    def test_is_not_overwritten_by_who_saw_it_before_somebody_switched_it_off(
        self, as_ana: Browser, channel_of: MakeChannel
    ) -> None:
        channel = channel_of()
        form = as_ana.get(of("channel", channel.pk)).context["form"]
        seen = {**FORM, "name": "Mine", "expected_updated_at": form["expected_updated_at"].value()}
        changes.change(channel.pk, {"enabled": False}, actor="user:olaf")
        page = as_ana.post(of("channel", channel.pk), {**seen, "config-to": "ops@example.com"})
        assert "user:olaf has changed Ops mail in the meantime" in page.content.decode()
        channel.refresh_from_db()
        assert (channel.name, channel.is_enabled) == ("Ops mail", False)
        seen["expected_updated_at"] = channel.updated_at.isoformat()
        assert as_ana.post(of("channel", channel.pk), {**seen, "config-to": "ops@example.com"}).status_code == 302

    def test_switches_off_what_cannot_be_opened(self, as_ana: Browser, channel_of: MakeChannel) -> None:
        channel = channel_of("Ops", "slack", url="https://hooks.slack.com/x")
        Channel.objects.filter(pk=channel.pk).update(secret="v1.broken")
        as_ana.post(of("channel", channel.pk), {**FORM, "name": "Ops", "enabled": "", "config-url": ""})
        channel.refresh_from_db()
        assert not channel.is_enabled

    def test_makes_another_secret_only_for_what_signs(self, as_ana: Browser, channel_of: MakeChannel) -> None:
        webhook, mail = channel_of("CI", "webhook", url="https://example.com/in"), channel_of()
        before = webhook.newest_secret()
        answer = as_ana.post(of("channel_rotate", webhook.pk), {"overlap": "hour"})
        webhook.refresh_from_db()
        assert webhook.newest_secret() != before
        assert webhook.newest_secret() in answer.content.decode()
        assert before in webhook.secrets(sql.now())
        assert as_ana.told(as_ana.post(of("channel_rotate", mail.pk))) == [
            "Ops mail signs nothing; change its settings to give it another secret."
        ]

    def test_asks_before_it_removes(self, as_ana: Browser, channel_of: MakeChannel, cast: Cast) -> None:
        channel = channel_of()
        delivery_of(channel, "waiting")
        Rule.objects.create(tenant=cast.acme, name="Nightly failures", kinds=["failed"]).channels.add(channel)
        text = as_ana.text(of("channel_remove", channel.pk))
        assert "1 delivery that waits is not sent" in text
        assert "Nightly failures" in text
        as_ana.post(of("channel_remove", channel.pk))
        assert not Channel.objects.exists()
        assert Rule.objects.exists()


class TestTrial:
    def test_shows_the_real_answer(self, as_ana: Browser, channel_of: MakeChannel, server: Receiver) -> None:
        channel = channel_of("CI", "webhook", url=server.url("/in"))
        server.answers["/in"] = status(418, b"<i>I am a teapot</i>")
        page = as_ana.post(of("channel_test", channel.pk)).content.decode()
        assert "It was not taken." in page
        assert "Status 418" in page
        assert "&lt;i&gt;I am a teapot&lt;/i&gt;" in page
        server.answers["/in"] = status(200)
        assert "The receiver took it." in as_ana.post(of("channel_test", channel.pk)).content.decode()
        Channel.objects.update(minute_started_at=sql.now(), minute_sent=channel.per_minute)
        page = as_ana.post(of("channel_test", channel.pk)).content.decode()
        assert "CI has sent its 60 messages of this minute. Try again in" in page
        assert len(server.calls) == 2

    def test_is_refused_with_the_reason_while_switched_off(
        self, as_ana: Browser, channel_of: MakeChannel, server: Receiver, settings: Settings
    ) -> None:
        channel = channel_of("CI", "webhook", url=server.url("/in"))
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
        page = as_ana.post(of("channel_test", channel.pk)).content.decode()
        assert "No test was sent." in page
        assert "switched off by DAYBOOK_NOTIFICATIONS_ENABLED" in page
        assert server.calls == []
        text = as_ana.text(of("channel", channel.pk))
        assert '<button class="button plain" disabled' in text

    def test_shows_words_as_they_are_written(self, as_ana: Browser, as_vera: Browser) -> None:
        page = of("channel_preview", "slack")
        body = {"title_text": "{job}: {kind}", "body_text": "<b>{count}</b>", "about": "recovered"}
        text = as_ana.post(page, body).content.decode()
        assert "Nightly export: A run succeeded after failures" in text
        assert "&lt;b&gt;1&lt;/b&gt;" in text
        assert "must not use {x}" in as_ana.post(page, {"title_text": "{x}"}).content.decode()
        assert as_ana.get(page).status_code == 405
        assert as_vera.post(page, body).status_code == 403


class TestAccess:
    def test_others_only_look(
        self, as_vera: Browser, as_olaf: Browser, as_gita: Browser, channel_of: MakeChannel
    ) -> None:
        channel = channel_of("CI", "webhook", url="https://example.com/secret-path")
        pages = ["channel", "channel_test", "channel_rotate", "channel_remove"]
        body = {**FORM, "name": "Mine", "config-url": "https://example.com/"}
        for browser, expected in ((as_vera, 403), (as_olaf, 403), (as_gita, 404)):
            for name in pages:
                assert browser.post(of(name, channel.pk), body).status_code == expected, name
        assert as_vera.get(of("channel_new")).status_code == 403
        text = as_vera.text(of("channel", channel.pk))
        assert "Save changes" not in text
        assert "https://example.com/…" in text
        assert "secret-path" not in text
        mails = as_vera.text(of("channel", channel_of().pk))
        assert "o…@example.com" in mails
        assert "ops@example.com" not in mails
        assert "CI" not in as_gita.text(of("channels"))
        assert Channel.objects.get(pk=channel.pk).name == "CI"

    @pytest.mark.parametrize("name", ["channel_test", "channel_rotate"])
    def test_nothing_is_done_by_get(self, as_ana: Browser, channel_of: MakeChannel, name: str) -> None:
        assert as_ana.get(of(name, channel_of().pk)).status_code == 405


def test_each_page_says_that_notifications_are_off(
    as_ana: Browser, channel_of: MakeChannel, settings: Settings
) -> None:
    settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
    channel = channel_of()
    pages: list[Any] = [of("channels"), of("channel", channel.pk), of("deliveries"), of("rules")]
    for page in pages:
        assert "Notifications are switched off by DAYBOOK_NOTIFICATIONS_ENABLED." in as_ana.text(page)

"""What a channel may be, and every change of one: judged by path, audited, and without a secret that comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts import sealing
from accounts.models import AuditEntry
from notifications.channels import changes, registry, secrets
from notifications.channels.changes import NothingToRotate, TooManyChannels
from notifications.channels.reader import InvalidChannel
from notifications.models import Channel, Rule
from notifications.rules.kinds import ChannelKind
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.notifications.sending.conftest import MakeChannel, MakeDelivery

pytestmark = pytest.mark.django_db

SLACK = {"name": "Chat", "kind": "slack", "config": {"url": "https://hooks.slack.com/services/T0/B0/hunter2"}}
DISCORD = "discord://123456789012345678/abcdefghijklmnopqrstuvwxyz"


def opened(channel: Channel) -> dict[str, str]:
    channel.refresh_from_db()
    return secrets.open_all(channel.secret, tenant_id=channel.tenant_id, public_id=channel.public_id)


def problems_of(cast: Cast, data: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidChannel) as refused:
        changes.create(data, tenant=cast.acme, actor="user:ana")
    return refused.value.fields


class TestInput:
    @pytest.mark.parametrize(
        ("change", "path", "words"),
        [
            ({"name": ""}, "name", "may not be empty"),
            ({"name": "x" * 101}, "name", "at most 100"),
            ({"kind": "pigeon"}, "kind", "Write one of email, slack"),
            ({"config": []}, "config", "Write an object."),
            ({"config": {}}, "config.url", "may not be empty"),
            ({"config": {"url": 7}}, "config.url", "Write a text."),
            ({"config": {"url": "ftp://example.com"}}, "config.url", "begin with http:// or https://"),
            ({"config": {"url": "http://169.254.169.254/latest"}}, "config.url", "not at a public address"),
            ({"config": {"url": "https://u:p@example.com/"}}, "config.url", "user name or password"),
            ({"config": {"url": "https://example.com:25/"}}, "config.url", "Port 25"),
            ({"config": {"url": "https://example.com/", "ur1": "x"}}, "config.ur1", "Known are url."),
            ({"title_text": "{job} {secret}"}, "title_text", "must not use {secret}"),
            ({"title_text": "two\nlines"}, "title_text", "control characters"),
            ({"title_text": "x" * 251}, "title_text", "at most 250"),
            ({"body_text": "{job.name}"}, "body_text", "must not use {job.name}"),
            ({"body_text": "{job!r}"}, "body_text", "without ! and :"),
            ({"body_text": "{"}, "body_text", "brace"),
            ({"body_text": 7}, "body_text", "Write a text."),
            ({"enabled": "yes"}, "enabled", "true or false"),
            ({"per_minute": 0}, "per_minute", "from 1 to 6000"),
            ({"per_minute": True}, "per_minute", "from 1 to 6000"),
            ({"colour": "red"}, "colour", "Unknown field"),
        ],
    )
    def test_is_refused_by_path(
        self, change: dict[str, Any], path: str, words: str, cast: Cast, settings: Settings
    ) -> None:
        settings.DAYBOOK_OUTBOUND_ALLOW = []
        found = problems_of(cast, {**SLACK, **change})
        assert list(found) == [path]
        assert words in found[path][0]
        assert not Channel.objects.exists()

    @pytest.mark.parametrize(
        ("kind", "config", "path", "words"),
        [
            ("email", {"people": False}, "config.to", "Write an address"),
            ("email", {"to": "ops@example.com"}, "config.to", "Write a list"),
            ("email", {"to": ["ops"]}, "config.to", "'ops' is no address"),
            ("email", {"to": ["a@example.com\nBcc: b@example.com"]}, "config.to", "is no address"),
            ("email", {"to": [f"a{n}@example.com" for n in range(51)]}, "config.to", "at most 50"),
            ("email", {"people": 1}, "config.people", "true or false"),
            ("pagerduty", {"routing_key": "k", "region": "moon"}, "config.region", "Write one of us, eu"),
            ("pagerduty", {}, "config.routing_key", "may not be empty"),
            ("webhook", {"url": "https://example.com/", "authorization": "a\nb"}, "config.authorization", "control"),
            ("apprise", {"url": "json://169.254.169.254/"}, "config.url", "Services that may be used are discord://"),
            ("apprise", {"url": "discord://short"}, "config.url", "no address of discord://"),
        ],
    )
    def test_of_each_kind_is_refused_by_path(
        self, kind: str, config: dict[str, Any], path: str, words: str, cast: Cast
    ) -> None:
        found = problems_of(cast, {"name": "x", "kind": kind, "config": config})
        assert list(found) == [path]
        assert words in found[path][0]

    def test_has_a_type_for_each_kind_with_fields_that_say_what_they_are(self) -> None:
        assert {one.kind for one in registry.all_types()} == set(ChannelKind)
        for one in registry.all_types():
            assert one.label
            assert one.about
            for field in one.fields:
                assert field.label
                assert field.help
                assert field.form in ("text", "url", "addresses", "boolean", "choice")
                assert bool(field.choices) == (field.form == "choice")


class TestChange:
    def test_keeps_what_it_does_not_name_and_shows_no_secret(self, cast: Cast) -> None:
        channel, signs_with = changes.create(SLACK, tenant=cast.acme, actor="user:ana")
        assert signs_with == ""
        assert channel.config == {"host": "hooks.slack.com"}
        assert sealing.is_sealed(channel.secret)
        sealed = channel.secret
        changes.change(channel.pk, {"enabled": False, "per_minute": 5}, actor="user:ana")
        channel.refresh_from_db()
        assert (channel.is_enabled, channel.per_minute, channel.secret) == (False, 5, sealed)
        changes.change(channel.pk, {"config": {}, "body_text": "{error}"}, actor="user:ana")
        assert opened(channel) == SLACK["config"]
        changes.change(channel.pk, {"config": {"url": "https://chat.example/in"}}, actor="user:ana")
        assert opened(channel) == {"url": "https://chat.example/in"}
        assert channel.config == {"host": "chat.example"}
        told = list(AuditEntry.objects.filter(target="notification_channel").order_by("id"))
        assert [entry.action.partition(".")[2] for entry in told] == ["created", "changed", "changed", "changed"]
        assert all((entry.tenant_id, entry.actor) == (cast.acme.pk, "user:ana") for entry in told)
        everything = json.dumps([entry.changes for entry in told])
        assert "secrets" in told[-1].changes
        assert "hunter2" not in everything
        assert "/in" not in everything

    def test_can_take_a_secret_that_is_not_needed_away(self, cast: Cast) -> None:
        config = {"url": "https://example.com/in", "authorization": "Bearer x"}
        channel, secret = changes.create(
            {"name": "x", "kind": "webhook", "config": config}, tenant=cast.acme, actor="user:ana"
        )
        assert secret == channel.newest_secret()
        changes.change(channel.pk, {"config": {"authorization": ""}}, actor="user:ana")
        assert opened(channel) == {}
        assert channel.config == {"url": "https://example.com/in"}

    def test_keeps_what_one_host_is_sent_from_another(self, cast: Cast) -> None:
        config = {"url": "https://example.com/in", "authorization": "Bearer x"}
        channel, _ = changes.create(
            {"name": "x", "kind": "webhook", "config": config}, tenant=cast.acme, actor="user:ana"
        )
        changes.change(channel.pk, {"config": {"url": "https://example.com/other"}}, actor="user:ana")
        elsewhere = {"url": "https://evil.example/in"}
        with pytest.raises(InvalidChannel) as refused:
            changes.change(channel.pk, {"config": elsewhere}, actor="user:ana")
        assert list(refused.value.fields) == ["config.authorization"]
        changes.change(channel.pk, {"config": {**elsewhere, "authorization": ""}}, actor="user:ana")
        channel.refresh_from_db()
        assert (channel.config["url"], opened(channel)) == (elsewhere["url"], {})

    def test_can_mend_a_channel_whose_secret_cannot_be_opened(self, cast: Cast) -> None:
        channel, _ = changes.create(SLACK, tenant=cast.acme, actor="user:ana")
        other, _ = changes.create({**SLACK, "name": "Other"}, tenant=cast.acme, actor="user:ana")
        Channel.objects.filter(pk=channel.pk).update(secret=other.secret)
        changes.change(channel.pk, {"enabled": False}, actor="user:ana")
        with pytest.raises(sealing.CannotOpen):
            changes.change(channel.pk, {"config": {}}, actor="user:ana")
        changes.change(channel.pk, {"config": SLACK["config"]}, actor="user:ana")
        assert opened(channel) == SLACK["config"]

    def test_makes_no_other_kind_and_no_second_of_a_name(self, cast: Cast) -> None:
        channel, _ = changes.create(SLACK, tenant=cast.acme, actor="user:ana")
        with pytest.raises(InvalidChannel, match="stays as it is"):
            changes.change(channel.pk, {"kind": "email", "config": {}}, actor="user:ana")
        assert problems_of(cast, SLACK) == {"name": [changes.IS_TAKEN]}
        changes.create(SLACK, tenant=cast.globex, actor="user:gita")
        other, _ = changes.create({**SLACK, "name": "Other"}, tenant=cast.acme, actor="user:ana")
        with pytest.raises(InvalidChannel, match="Another channel"):
            changes.change(other.pk, {"name": "Chat"}, actor="user:ana")

    def test_lets_a_channel_try_again_at_once(self, cast: Cast) -> None:
        channel, _ = changes.create(SLACK, tenant=cast.acme, actor="user:ana")
        resting = {"failures_in_row": 9, "open_until": sql.now()}
        for change, is_fresh in (
            ({"name": "Chat 2"}, False),
            ({"enabled": False}, False),
            ({"enabled": True}, True),
            ({"config": {"url": "https://example.com/other"}}, True),
        ):
            Channel.objects.filter(pk=channel.pk).update(**resting)
            changes.change(channel.pk, change, actor="user:ana")
            channel.refresh_from_db()
            assert (channel.failures_in_row == 0, channel.open_until is None) == (is_fresh, is_fresh), change

    def test_rotates_only_what_signs(self, cast: Cast) -> None:
        channel, _ = changes.create(SLACK, tenant=cast.acme, actor="user:ana")
        with pytest.raises(NothingToRotate):
            changes.rotate(channel.pk, actor="user:ana")

    def test_has_an_end_with_the_tenants_patience(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changes, "MOST_PER_TENANT", 1)
        changes.create(SLACK, tenant=cast.acme, actor="user:ana")
        with pytest.raises(TooManyChannels):
            changes.create({**SLACK, "name": "Other"}, tenant=cast.acme, actor="user:ana")

    def test_of_the_last_kind_takes_the_log_and_the_rules_word_of_it_along(
        self, cast: Cast, channel_of: MakeChannel, delivery_of: MakeDelivery
    ) -> None:
        channel = channel_of()
        delivery_of(channel), delivery_of(channel)
        rule = Rule.objects.create(tenant=cast.acme, name="x", kinds=["failed"])
        rule.channels.add(channel)
        changes.delete(channel.pk, actor="user:ana")
        assert not Channel.objects.exists()
        assert list(rule.channels.all()) == []
        assert AuditEntry.objects.filter(action="notification_channel.deleted").exists()


class TestRotationOfKeys:
    def test_seals_channels_anew_and_names_those_that_cannot_be_opened(
        self, cast: Cast, capsys: pytest.CaptureFixture[str]
    ) -> None:
        channel, _ = changes.create(SLACK, tenant=cast.acme, actor="user:ana")
        changes.create({"name": "Mail", "kind": "email", "config": {}}, tenant=cast.acme, actor="user:ana")
        before = channel.secret
        call_command("rotate_keys", "--plan")
        assert "channels: 1 secrets" in capsys.readouterr().out
        call_command("rotate_keys")
        assert "channels: 1 secrets moved" in capsys.readouterr().out
        assert opened(channel) == SLACK["config"]
        assert sealing.key_id_of(channel.secret) != sealing.key_id_of(before)
        Channel.objects.filter(pk=channel.pk).update(public_id="another")
        with pytest.raises(CommandError, match="Keep all keys"):
            call_command("rotate_keys")
        assert f"Channel {channel.pk} (Chat): its secret cannot be opened" in capsys.readouterr().err

"""Fixtures: channels that lead to receivers on loopback, and deliveries that wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from notifications.channels import changes
from notifications.models import Channel, Delivery
from notifications.rules.answers import GIVE_UP_AFTER
from notifications.sending.sender import Sender
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.circuits import own_circuits
from tests.mail_servers import MailServer, mail_server
from tests.receivers import Receiver, receiver

__all__ = ["own_circuits"]

MakeChannel = Callable[..., Channel]
MakeDelivery = Callable[..., Delivery]
FACTS = {
    "kind": "failed",
    "job": {"id": 7, "name": "Export <all> & more", "slug": "export"},
    "execution": {"id": 91},
    "tenant": "acme",
    "at": "2026-11-21T09:00:00+00:00",
    "error": "ConnectionError: <b>no</b> & nobody",
    "failures_in_row": 3,
    "reason": "",
    "count": 1,
    "rule": "Exports",
    "path": "/admin/jobs/execution/91/change/",
}


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> None:
    settings.DAYBOOK_OUTBOUND_ALLOW = ["127.0.0.1"]
    settings.DAYBOOK_PUBLIC_URL = "https://daybook.example"


@pytest.fixture
def server(settings: Settings) -> Iterator[Receiver]:
    with receiver() as running:
        settings.DAYBOOK_PAGERDUTY_URL = running.url("")
        yield running


@pytest.fixture
def mails(settings: Settings, own_circuits: None) -> Iterator[MailServer]:
    with mail_server() as running:
        settings.EMAIL_BACKEND = "scheduler_project.lib.mail.GuardedBackend"
        settings.DAYBOOK_MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


@pytest.fixture
def channel_of(cast: Cast, server: Receiver) -> MakeChannel:
    """A channel of acme, at a path of the receiver where its kind has one."""
    numbers = iter(range(1, 1_000_000))

    def make(kind: str = "webhook", path: str = "/in", **changed: Any) -> Channel:
        configs: dict[str, dict[str, Any]] = {
            "webhook": {"url": server.url(path)},
            "slack": {"url": server.url(path)},
            "pagerduty": {"routing_key": "R0UT1NG"},
            "email": {"to": ["ops@example.com"]},
        }
        config = {**configs.get(kind, {}), **changed.pop("config", {})}
        data = {"name": f"{kind} {next(numbers)}", "kind": kind, "config": config, **changed}
        return changes.create(data, tenant=cast.acme, actor="user:ana")[0]

    return make


@pytest.fixture
def delivery_of() -> MakeDelivery:
    """One that waits, of a failed run unless told."""
    numbers = iter(range(1, 1_000_000))

    def make(channel: Channel, facts: dict[str, Any] | None = None, **columns: Any) -> Delivery:
        now = sql.now()
        values = {
            "type": "job.failed",
            "severity": "error",
            "group_key": f"group {next(numbers)}",
            "next_try_at": now,
            "not_before": now,
            "give_up_at": now + GIVE_UP_AFTER,
            **columns,
        }
        return Delivery.objects.create(
            tenant_id=channel.tenant_id, channel=channel, facts={**FACTS, **(facts or {})}, **values
        )

    return make


@pytest.fixture
def sender() -> Sender:
    return Sender()


def sweep_until(sender: Sender, is_done: Callable[[], bool], seconds: float = 15) -> None:
    ends_at = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < ends_at, list(Delivery.objects.values("status", "reason", "tries", "log"))
        sender.sweep()


def tried(sender: Sender, *deliveries: Delivery) -> list[Delivery]:
    """Send what is due until each of them has an answer."""
    ids = [delivery.pk for delivery in deliveries]
    before = dict(Delivery.objects.filter(pk__in=ids).values_list("pk", "tries"))

    def is_done() -> bool:
        rows = Delivery.objects.filter(pk__in=ids).values_list("pk", "tries", "log")
        return all(tries > before[pk] and len(log) >= tries for pk, tries, log in rows)

    sweep_until(sender, is_done)
    return [Delivery.objects.get(pk=pk) for pk in ids]


def make_due() -> None:
    Delivery.objects.filter(status="waiting").update(next_try_at=sql.now() - timedelta(seconds=1))

"""Fixtures: webhooks that point to receivers on loopback, and runs that end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from jobs import webhooks
from jobs.models import Webhook
from jobs.recovery.deliveries import Deliveries
from tests.cast import Cast
from tests.jobs.api.conftest import by_key, job_of, run_of
from tests.receivers import Receiver, receiver

__all__ = ["by_key", "job_of", "run_of"]

MakeWebhook = Callable[..., Webhook]
ALL = list(webhooks.EVENTS)


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> None:
    settings.DAYBOOK_OUTBOUND_ALLOW = ["127.0.0.1"]


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def webhook_of(cast: Cast, server: Receiver) -> MakeWebhook:
    """A webhook of acme for everything, at a path of the receiver."""

    def make(path: str = "/in", **changes: Any) -> Webhook:
        tenant = changes.pop("tenant", cast.acme)
        data = {"name": f"To {path}", "url": server.url(path), "events": ALL, **changes}
        return webhooks.create(data, tenant=tenant, actor="user:ana")[0]

    return make


@pytest.fixture
def sender() -> Deliveries:
    return Deliveries()

"""Fixtures of the console's tests: signed-in members of the cast, jobs, channels and what went out by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from notifications.channels import changes
from notifications.models import Channel, Delivery
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import as_ana, as_gita, as_olaf, as_root, as_vera, echo, job_of, run_of, sign_in
from tests.receivers import Receiver, receiver

__all__ = ["as_ana", "as_gita", "as_olaf", "as_root", "as_vera", "echo", "job_of", "run_of", "sign_in"]

MakeChannel = Callable[..., Channel]


@pytest.fixture
def server(settings: Settings) -> Iterator[Receiver]:
    settings.DAYBOOK_OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiver() as running:
        yield running


@pytest.fixture
def channel_of(cast: Cast) -> MakeChannel:
    """A channel of acme; mail to an address, unless told otherwise."""

    def make(name: str = "Ops mail", kind: str = "email", *, tenant: Any = None, **config: Any) -> Channel:
        settings = config or {"to": ["ops@example.com"]}
        data = {"name": name, "kind": kind, "config": settings}
        return changes.create(data, tenant=tenant or cast.acme, actor="user:ana")[0]

    return make


def delivery_of(channel: Channel, status: str = "dead", **more: Any) -> Delivery:
    now = sql.now()
    log = [{"at": now.isoformat(), "seconds": 0.2, "status": 500, "answer": "<b>no</b>", "error": ""}]
    facts = {"kind": "failed", "job": {"id": 1, "name": "Night load", "slug": "night-load"}, "error": "It <i>broke</i>"}
    return Delivery.objects.create(
        **{
            "channel": channel, "tenant": channel.tenant, "type": "job.failed", "severity": "error", "facts": facts,
            "group_key": f"group {Delivery.objects.count()}", "status": status, "tries": 1, "log": log,
            "reason": "Given up after 31 tries." if status == "dead" else "", "give_up_at": now,
            "next_try_at": now if status == "waiting" else None, "ended_at": None if status == "waiting" else now,
            **more,
        }
    )  # fmt: skip

"""The live channel while Redis restarts: runs are told all the same, and the rest goes on by itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers

from notifications.live import broadcast
from scheduler_project.lib.loop import Loop
from scheduler_project.settings.base import channel_layers as layers_at
from tests import live
from tests.cast import MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.notifications.live.conftest import Message, Web
from tests.own_servers import OwnServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def leading_there(own_redis: OwnServer, settings: Any, transactional_db: None) -> Iterator[None]:
    settings.CELERY_BROKER_URL = own_redis.url
    settings.CHANNEL_LAYERS = layers_at(own_redis.url)
    channel_layers.backends.clear()
    loop = Loop("live", broadcast.make_sweep(), interval=timedelta(seconds=broadcast.EVERY))
    loop.start()
    yield
    loop.stop()
    channel_layers.backends.clear()


def test_it_finds_its_way_back(
    own_redis: OwnServer, leading_there: None, tmp_path: Path, make_key: MakeKey, job_of: MakeJob, run_of: RunJob
) -> None:
    job, key = job_of(), make_key()[1]
    watched = run_of(job, "running")
    with live.web(tmp_path, REDIS_URL=own_redis.url) as process, Web(process).socket(key) as socket:
        topic = f"job:{job.pk}"
        socket.listen(topic, f"exec:{watched.pk}")
        socket.wait_for(lambda message: message["type"] == "resync")
        own_redis.stop(signal.SIGKILL)  # with the groups, the register and the places in it
        run_of(job)
        with Web(process).socket(key) as another:  # nobody is kept out for it
            another.listen(f"exec:{watched.pk}")
            another.wait_for(lambda message: message["type"] == "status")
        own_redis.start()
        since: set[int] = set()

        def is_told_again(message: Message) -> bool:
            """What happens after the last resync is told; there is one of the web process and one of the leader."""
            if message["type"] == "resync":
                since.add(run_of(job).pk)
            return message["type"] == "changed" and bool(since.intersection(message["data"]["executions"]))

        socket.wait_for(is_told_again)

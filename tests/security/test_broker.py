"""Messages on the queue that nobody of ours has sent: a real worker refuses them and goes on."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from jobs.models import Execution
from jobs.tick import publisher
from tests import live
from tests.jobs.api.conftest import MakeJob, RunJob, job_of, run_of

__all__ = ["job_of", "run_of"]

pytestmark = pytest.mark.django_db(transaction=True)


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.target),)


def publish(body: bytes, content_type: str, encoding: str = "binary", **headers: Any) -> None:
    """Past everything that Celery would do to make it right."""
    with current_app.connection_for_write() as connection:
        connection.Producer(auto_declare=False).publish(
            body, routing_key="default", content_type=content_type, content_encoding=encoding,
            headers={"task": "scheduler.run_job", "id": "x", "lang": "py", **headers}, declare=[],
        )  # fmt: skip


def test_a_worker_refuses_what_is_no_json_and_lives(tmp_path: Path, job_of: MakeJob, run_of: RunJob) -> None:
    bombs = [tmp_path / f"bomb{number}" for number in range(4)]
    bomb = [pickle.dumps(Bomb(target)) for target in bombs]
    yaml = f"!!python/object/apply:os.mkdir ['{bombs[3]}']".encode()
    with live.worker(tmp_path, concurrency=1) as worker:
        publish(bomb[0], "application/x-python-serialize")
        publish(bomb[1], "application/x-pickle")
        publish(bomb[2], "application/data")  # kombu's word for bytes as they are
        publish(yaml, "application/x-yaml", "utf-8")
        publish(b'[["../../etc/passwd"], {"__reduce__": "x"}, {}]', "application/json", "utf-8")
        for body in (b"{" * 10_000, b"[" * 100_000, b"5", b"null", b"[]", b'["a", 1, 2]', b"\xff\xfe", b'{"task": 1}'):
            publish(body, "application/json", "utf-8")
        publish(b"[[], {}, {}]", "application/json", "utf-8", task="os.system")
        execution = run_of(job_of(parameters={"text": "still here"}))
        publisher.publish([execution.pk])
        live.wait_for(lambda: Execution.objects.get(pk=execution.pk).status == "succeeded", what="the run")
        log = worker.text()
        assert worker.process.poll() is None
    assert not any(target.exists() for target in bombs)
    assert log.count("was thrown away: its content is") == 4, log[-3000:]
    assert log.count("it cannot be read") >= 3, log[-3000:]

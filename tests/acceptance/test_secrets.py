"""Secrets are planted everywhere that takes one, and then looked for everywhere that keeps something."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import redis
from django.conf import settings
from django.db import connection
from django_celery_results.models import TaskResult

from accounts import keys
from accounts.models import Tenant
from accounts.scopes import Scope
from jobs.models import DeadLetter, EventCursor, Execution, WebhookDelivery
from scheduler_project.embedded.account import server_account
from scheduler_project.embedded.binaries import postgres_programs
from scheduler_project.lib import signatures
from tests import live
from tests.live import LiveWeb, wait_for
from tests.receivers import receiver

pytestmark = pytest.mark.acceptance

MANUAL = {"template": "leaky", "schedule": {"kind": "manual"}}
OVER = ("succeeded", "failed", "timed_out", "cancelled", "lost", "dead")


class Plants:
    """Canaries by where they were put."""

    def __init__(self) -> None:
        self.all: dict[str, str] = {}

    def new(self, where: str) -> str:
        self.all[where] = f'can"ary/ö+{uuid.uuid4().hex}'
        return self.all[where]

    def forms(self) -> Iterator[tuple[str, bytes]]:
        for where, canary in self.all.items():
            core = canary.rpartition("+")[2]
            raw = canary.encode()
            shifted = (base64.b64encode(bytes(n) + raw)[(n * 8 + 5) // 6 :][: len(raw) * 8 // 6 - 2] for n in range(3))
            for text in (core, canary, quote(canary), quote_plus(canary), json.dumps(canary)[1:-1]):
                yield where, text.encode()
            for text in shifted:
                yield where, text
                yield where, text.replace(b"+", b"-").replace(b"/", b"_")


class Api:
    """Calls the web process and keeps all that it ever answered."""

    def __init__(self, web: LiveWeb, key: str) -> None:
        self._web = web
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.answers: list[bytes] = []

    def send(self, method: str, path: str, body: Any = None, *, status: int, **headers: str) -> Any:
        link = HTTPConnection("127.0.0.1", self._web.port, timeout=20)
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        link.request(method, f"/api/v1/{path}", sent, {**self._headers, **headers})
        answer = link.getresponse()
        text = answer.read()
        self.answers += [text, str(answer.getheaders()).encode()]
        link.close()
        assert answer.status == status, text
        return json.loads(text) if text else None


def test_no_secret_is_found_anywhere(running: ExitStack, tmp_path: Path) -> None:
    plants, journal = Plants(), tmp_path / "journal"
    tenant = Tenant.objects.create(slug="acme", name="Acme")
    _, key = keys.create(tenant=tenant, name="a program", scopes=Scope.values)
    (tmp_path / "file").write_text(plants.new("file") + "\n")
    plants.new("environment")
    shared = {
        "DAYBOOK_SECRETS": f"acme/vendor=env:CANARY,file=file:{tmp_path}/file",
        "DAYBOOK_SECRETS_ROOT": str(tmp_path),
        "DAYBOOK_OUTBOUND_ALLOW": "127.0.0.1",
        "DAYBOOK_STORE_CELERY_RESULTS": "true",
        "DAYBOOK_LOG_LEVEL": "DEBUG",
    }
    server = running.enter_context(receiver())
    web = running.enter_context(live.web(tmp_path, DAYBOOK_LOG_FORMAT="json", **shared))
    running.enter_context(live.scheduler(tmp_path, **shared))
    running.enter_context(live.worker(tmp_path, CANARY=plants.all["environment"], **shared))
    api = Api(web, key)
    mirror = EventCursor.objects.filter(name="celery_results")
    wait_for(mirror.exists, seconds=30, what="the mirror, which tells nothing of what was before it")

    events = ["succeeded", "failed", "timed_out", "dead"]
    api.send("POST", "webhooks", {"name": "Hook", "url": server.url("/in"), "events": events}, status=201)
    made = {}
    for how in ("succeed", "fail", "retry", "hang"):
        parameters = {
            "path": str(journal),
            "how": how,
            "password": plants.new(f"password of {how}"),
            "keys": ["env:CANARY", f"file:{tmp_path}/file", plants.new(f"key of {how}")],
            "server": {"pin": plants.new(f"pin of {how}")},
        }
        policies = {"max_retries": 1 if how == "retry" else 0, "timeout_seconds": 2 if how == "hang" else 60}
        job = {**MANUAL, "name": how, "parameters": parameters, "policies": policies}
        made[how] = api.send("POST", "jobs", job, status=201, **{"Idempotency-Key": f"make-{how}"})["id"]
        api.send("POST", f"jobs/{made[how]}/run", {}, status=202)
    changed = {"parameters": {"path": str(journal), "password": plants.new("changed")}}
    api.send("PATCH", f"jobs/{made['succeed']}", changed, status=200)
    api.send("POST", f"jobs/{made['succeed']}/run", {}, status=202)
    override = {"parameters": {"password": plants.new("of one run")}}
    api.send("POST", f"jobs/{made['succeed']}/run", override, status=202)
    filled = {"name": "Push", "mapping": {"password": "/secret"}}
    hook = api.send("POST", f"jobs/{made['succeed']}/hooks", filled, status=201)
    for body, status in (({"secret": plants.new("event hook")}, 202), ({"secret": plants.new("bad hook") * 9}, 400)):
        text = json.dumps(body).encode()
        signature = signatures.sign([hook["secret"]], at=int(time.time()), body=text)
        api.send("POST", hook["path"].removeprefix("/api/v1/"), text, status=status, **{signatures.HEADER: signature})
    task = {"template": "leaky", "payload": {"path": str(journal), "password": plants.new("task")}}
    api.send("POST", "tasks", task, status=202, **{"Idempotency-Key": "task"})
    export = {"model": "jobs.Execution", "file_name": "all", "format": "csv"}
    exporting = {"name": "export", "template": "data_export", "schedule": {"kind": "manual"}, "parameters": export}
    exported = api.send("POST", "jobs", exporting, status=201)["id"]

    refused = plants.new("refused")
    for body in (
        {**MANUAL, "name": "bad", "parameters": {"path": 7, "password": refused}},
        {**MANUAL, "name": "bad", "parameters": {"path": "x", "password": refused * 9}},
        {**MANUAL, "name": "bad", "parameters": {"path": "x", "password": [refused]}},
        {**MANUAL, "name": "bad", "schedule": {"kind": "cron"}, "parameters": {"path": "x", "password": refused}},
        f'{{"name": "bad", "parameters": {{"password": "{uuid.uuid4().hex}'.encode(),
    ):
        api.send("POST", "jobs", body, status=400)

    wait_for(lambda: Execution.objects.filter(status__in=OVER).count() == 8, seconds=60, what="the runs")
    letter = wait_for(lambda: DeadLetter.objects.filter(job_id=made["fail"]).first(), what="the dead letter")
    again = {"parameters": {"path": str(journal), "password": plants.new("replay")}}
    api.send("POST", f"dead-letters/{letter.pk}/replay", again, status=201)
    api.send("POST", f"jobs/{exported}/run", {}, status=202)
    wait_for(lambda: Execution.objects.filter(status__in=OVER).count() == 10, seconds=30, what="replay and export")
    wait_for(lambda: WebhookDelivery.objects.filter(status="delivered").count() == 10, seconds=30, what="deliveries")
    wait_for(lambda: TaskResult.objects.count() == 10, seconds=30, what="the results of Celery")
    ended = Counter(Execution.objects.values_list("status", flat=True))
    assert ended == {"succeeded": 8, "failed": 1, "timed_out": 1}
    for execution in Execution.objects.all():
        for path in ("", "/log", "/explain"):
            api.send("GET", f"executions/{execution.pk}{path}", status=200)
    for path in ("jobs", "executions", "dead-letters", f"dead-letters/{letter.pk}", "webhooks", "tasks"):
        api.send("GET", path, status=200)
    for job_id in made.values():
        for path in ("", "/revisions"):
            api.send("GET", f"jobs/{job_id}{path}", status=200)

    hashes = set(journal.read_text().split())
    used = {where: canary for where, canary in plants.all.items() if where not in ("refused", "bad hook")}
    assert {where for where, canary in used.items() if hashlib.sha256(canary.encode()).hexdigest() in hashes} == {*used}
    kept = {
        "the database": _dump(tmp_path),
        "Redis": _redis(),
        "the answers": b"\n".join(api.answers),
        "what the webhook heard": b"\n".join(call.body for call in server.calls),
        "the export": b"".join(file.read_bytes() for file in settings.DAYBOOK_EXPORT_ROOT.rglob("all-*.csv")),
        **{f"the log {log.name}": log.read_bytes() for log in tmp_path.glob("*.log")},
    }
    assert {"the log web.log", "the log s1.log", "the log w1.log"} <= set(kept)
    for what in ("the database", "the answers"):
        assert b"open-marker" in kept[what], "the search finds what may be there"
    assert b"said *** " in kept["the log w1.log"]
    hits = [(where, form, what) for where, form in plants.forms() for what, content in kept.items() if form in content]
    assert hits == []


def _dump(folder: Path) -> bytes:
    """All of the test's database as plain SQL."""
    where = connection.settings_dict
    programs = postgres_programs(server_account(), folder)
    program = programs / "pg_dump" if (programs / "pg_dump").exists() else Path(shutil.which("pg_dump") or "")
    command = [program, "--host", where["HOST"], "--port", str(where["PORT"]), "--username", where["USER"]]
    asked = subprocess.run([*command, where["NAME"]], env={"PGPASSWORD": where["PASSWORD"]}, capture_output=True)
    assert asked.returncode == 0, asked.stderr
    return asked.stdout


def _redis() -> bytes:
    """Every key with all that it holds."""
    client = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    found: list[object] = []
    readers = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    for name in client.scan_iter(count=1000):
        found += [name, readers[client.type(name)](name)]
    return repr(found).encode()

"""The examples of docs/api.md, run with curl against a live server in the order of the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import get_resolver, resolve
from django.utils import timezone

from accounts.models import Tenant
from jobs.execution import registration
from jobs.execution.registration import Report
from jobs.models import DeadLetter, Execution, Job, Worker
from templates_registry.models import JobType, TaskFunction
from tests.cast import MakeKey
from tests.jobs.api.conftest import MakeJob
from tests.jobs.api.test_scope_matrix import (
    ALIASES,
    PUBLIC,
    RULES,
    channel_and_sending_of,
    hook_and_delivery_of,
    letter_of,
    missed_tick_of,
    served,
    task_of,
)

PAGE = Path(settings.BASE_DIR) / "docs" / "api.md"
GUIDE = PAGE.with_name("auth.md")  # run by tests/accounts/api/test_guide.py
AUDIT = PAGE.with_name("audit.md")  # by tests/accounts/audit/test_guide.py
BLOCK = re.compile(r"^```(sh|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def examples(page: Path = PAGE) -> Iterator[tuple[str, Any]]:
    """Each command with the answer that the page shows for it, or None."""
    blocks = BLOCK.findall(page.read_text())
    for number, (kind, text) in enumerate(blocks):
        if kind == "sh":
            following = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
            yield text, json.loads(following[1]) if following[0] == "json" else None


def assert_contains(answer: Any, shown: Any, path: str = "") -> None:
    """The answer has every key that the page shows, with a value of the same type; of lists, the first item counts."""
    if isinstance(shown, dict):
        assert isinstance(answer, dict), path
        assert set(shown) <= set(answer), path
        for key, value in shown.items():
            assert_contains(answer[key], value, f"{path}.{key}")
    elif isinstance(shown, list):
        assert isinstance(answer, list), path
        if shown:
            assert_contains(answer[0], shown[0], f"{path}[0]")
    elif isinstance(shown, str) and re.fullmatch(r"[a-z_]+", shown):
        assert answer == shown, path  # a word, such as a status
    else:
        assert type(answer) is type(shown), path


def worker() -> Worker:
    memory = [{"pid": 4711, "rss": 102_000_000, "pss": 47_000_000}]
    report = Report(
        pool="prefork", max_tasks_per_child=500, max_memory_mb=512, heard_ago=1.0, runs_done=1204, memory=memory
    )
    registration.beat("celery@app-1:1f0c9a", queues=["default"], concurrency=4, report=report)
    Worker.objects.update(heartbeat_at=timezone.now() + timedelta(minutes=5))  # the page takes longer than a worker may
    return Worker.objects.get()


def dead_letters_of(tenant: Tenant) -> dict[str, str]:
    """Two letters of one group, two of others (the execution of one runs again), and an execution that waits."""
    _, letter, other, ended = (letter_of(task_of(tenant)) for _ in range(4))
    for one in (other, ended):
        DeadLetter.objects.filter(pk=one.pk).update(fingerprint=f"of {one.pk}")
    waiting = task_of(tenant)
    Execution.objects.filter(pk=waiting.pk).update(attempt=1)
    return {
        "LETTER": str(letter.pk),
        "OTHER": str(other.pk),
        "WAITING": str(waiting.pk),
        "ENDED": str(ended.execution_id),
    }


@pytest.mark.django_db(transaction=True)
def test_every_example_does_what_the_page_says(
    live_server: Any, make_key: MakeKey, job_of: MakeJob, tmp_path: Path
) -> None:
    surroundings = {"PATH": "/usr/bin:/bin", "DAYBOOK": live_server.url, "KEY": make_key()[1]}
    upstream = job_of(name="Load the orders")
    surroundings |= {"UPSTREAM": str(upstream.pk), "TENANT": str(upstream.tenant_id)}
    surroundings["WORKER"] = str(worker().pk)
    surroundings["JOBTYPE"] = str(JobType.objects.get(name="interval").pk)
    surroundings["FUNCTION"] = str(TaskFunction.objects.create(name="reports.build", for_all_tenants=True).pk)
    surroundings |= dead_letters_of(upstream.tenant)
    surroundings["DELIVERY"] = str(hook_and_delivery_of(upstream)["delivery"].pk)
    surroundings["SENDING"] = str(channel_and_sending_of(upstream)["sending"].pk)
    for command, shown in examples():
        done = subprocess.run(
            ["/bin/sh", "-euc", command],
            env=surroundings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        answer = json.loads(done.stdout) if done.stdout else {}
        is_error = isinstance(answer.get("error"), dict)
        assert is_error == (shown is not None and "error" in shown), (command, answer)
        if shown is not None:
            assert_contains(answer, shown)
        if "schedule_text" in answer and "id" in answer and "-copy" not in answer["slug"]:
            surroundings["JOB"] = str(answer["id"])
            if "TICK" not in surroundings:
                surroundings["TICK"] = str(missed_tick_of(Job.objects.get(pk=answer["id"])).pk)
        elif "payload" in answer:
            surroundings["TASK"] = str(answer["id"])
        elif "run_key" in answer:
            surroundings["EXECUTION"] = str(answer["id"])
        elif "stopped_by" in answer:
            surroundings["REPLAY"] = str(answer["id"])
        elif "at_once" in answer:
            surroundings["BACKFILL"] = str(answer["id"])
        elif "gate_patience_seconds" in answer:
            surroundings["DEPENDENCY"] = str(answer["id"])
        elif "is_shared" in answer:
            surroundings["VIEW"] = str(answer["id"])
        elif "size" in answer:
            surroundings["POOL"] = str(answer["id"])
        elif "weekdays" in answer:
            surroundings["CALENDAR"] = str(answer["id"])
        elif "accepts_github" in answer and "secret" in answer:
            surroundings |= {"HOOK": str(answer["id"]), "SECRET": answer["secret"]}
            surroundings["HOOK_URL"] = live_server.url + answer["path"]
        elif "ttl_at" in answer:
            surroundings["NOTE"] = str(answer["id"])
        elif "in_row" in answer and answer["id"] is not None:
            surroundings["RULE"] = str(answer["id"])
        elif "signing_secret" in answer:
            surroundings["CHANNEL"] = str(answer["id"])
        elif "failures_in_row" in answer and "secret" in answer:
            surroundings["WEBHOOK"] = str(answer["id"])
    assert Job.objects.get(pk=surroundings["JOB"]).archived_at is not None


def test_every_endpoint_has_an_example() -> None:
    commands = " ".join(command for page in (PAGE, GUIDE, AUDIT) for command, _ in examples(page))
    commands = re.sub(r"\$(?!DAYBOOK)[A-Z]+", "7", commands).replace("database_cleanup", "echo")
    called = {
        (method.lower() or "get", path)
        for method, path in re.findall(r'curl -sS (?:-X ([A-Z]+) )?"\$DAYBOOK([^"?]*)', commands)
    }
    shown = {(method, resolve(path).url_name) for method, path in called}
    there_are = set(served(get_resolver().url_patterns)) - set(ALIASES)  # those are on a page of their own
    assert {endpoint for endpoint in there_are if RULES[endpoint] != PUBLIC} <= shown

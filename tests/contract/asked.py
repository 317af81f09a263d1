"""Asks each endpoint once, on the stage of the scope matrix, and makes of request and answer an example to show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from accounts import tokens
from accounts.models import Membership
from accounts.scopes import Role
from jobs import hooks
from scheduler_project.api.completion import EXAMPLES
from scheduler_project.lib import signatures, sql
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.contract import stable
from tests.contract.endpoints import described_operations, served_operations
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import ALIASES, FOR_PEOPLE_ONLY, STREAMS, SUPERUSERS_ONLY, Stage, prepare, worker

ONLY_ROOT_SEES = {*FOR_PEOPLE_ONLY, ("get", "limits"), ("post", "execution-approve"), ("post", "execution-refuse")}
BODIES: dict[tuple[str, str], Any] = {
    ("post", "job-list"): {
        "name": "Nightly cleanup",
        "description": "Removes what nobody needs any more.",
        "template": "echo",
        "parameters": {"text": "hello"},
        "schedule": {"kind": "cron", "cron": "0 3 * * *", "timezone": "Europe/Berlin"},
        "policies": {"max_retries": 3},
        "tags": ["nightly"],
    },
    ("post", "job-run"): {"parameters": {"text": "hello"}},
    ("post", "job-clone"): {"name": "Nightly cleanup of the archive"},
    ("post", "job-pause"): {"note": "The database moves.", "until": "2030-01-01T06:00:00Z"},
    ("post", "job-resume"): {"note": "It has moved.", "missed": "last"},
    ("post", "job-enable"): {"note": "Ready.", "missed": "none"},
    ("post", "job-disable"): {"note": "Not needed for now."},
    ("post", "job-restore"): {"note": "The change was wrong.", "expected_revision": 3},
    # Of a schedule that is due each day the answer tells whether today's run has passed.
    ("post", "schedule-preview"): {"schedule": {"kind": "cron", "cron": "0 9 29 2 *"}},
    ("post", "dead-letter-replay"): {"parameters": {"text": "hello again"}},
    ("post", "dead-letter-replay-group"): {"expected_count": 1},
    ("post", "execution-rerun"): {"parameters": {"text": "hello again"}},
    ("post", "execution-refuse"): {"note": "Not before the release."},
    ("post", "event-hook-rotate"): {"overlap_seconds": 3600},
    ("post", "webhook-rotate"): {"overlap_seconds": 3600},
    ("post", "channel-rotate"): {"overlap_seconds": 3600},
    ("post", "key-rotate"): {"overlap_seconds": 3600},
    ("post", "scheduler-reconcile"): {"after": 0},
}
IN_OTHER_WORDS = {
    "name": "Nightly cleanup",
    "template": "echo",
    "task_args": {"text": "hello"},
    "job_type_name": "cron",
    "schedule_config": {"minute": "0", "hour": "3"},
    "timezone": "Europe/Berlin",
    "is_enabled": True,
}
PASSWORD = "correct horse battery"


@pytest.mark.django_db
def written_out(job_of: MakeJob, run_of: RunJob, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
    job = job_of(name="Load the orders")
    backfill_of(job)
    found = asked(Stage(job, run_of(job)), cast, client_of, make_key)
    EXAMPLES.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print(f"\n{len(found)} operations, {EXAMPLES.stat().st_size} bytes")


def asked(stage: Stage, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> dict[str, Any]:
    """By the name of each operation: what was sent, the status, and what was answered."""
    clients = {"key": client_of(make_key()[1]), "root": client_of(cast.root)}
    names = served_operations()
    found = {}
    for address, operation in sorted(described_operations().items()):
        endpoint = (address[0], names[address])
        if endpoint in STREAMS:
            continue
        with transaction.atomic():
            path, body, headers = request_of(endpoint, stage, cast)
            is_roots = endpoint in ONLY_ROOT_SEES or {endpoint, ALIASES.get(endpoint)} & set(SUPERUSERS_ONLY)
            client = clients["root" if is_roots else "key"] if not headers else ApiClient()
            headers.pop("anonymous", "")
            answer = client.send(endpoint[0].upper(), path, body, **headers)
            transaction.set_rollback(True)
        assert answer.status_code < 300, (endpoint, path, body, answer.content)
        found[operation["operationId"]] = example(operation, body, answer)
    return found


def request_of(endpoint: tuple[str, str], stage: Stage, cast: Cast) -> tuple[str, Any, dict[str, str]]:
    """Path, body and headers; those who need no key have headers."""
    _, name = endpoint
    if name.startswith("token"):
        return reverse(name), sign_in(name, cast), {"anonymous": "yes"}
    if name == "hook-call":
        hook, secret = hooks.create(stage.job.pk, {"name": "Shop"}, actor="user:ana")
        body = {"message": "order 7 was paid"}
        at = int(sql.now().timestamp())
        signature = signatures.sign([secret], at=at, body=json.dumps(body).encode())
        return reverse(name, args=[hook.public_id]), body, {signatures.HEADER: signature}
    prepare(endpoint, stage)
    worker()  # is heard of again
    path = stage.path(name)
    if endpoint == ("delete", "ui-job-list"):
        path = f"{path}?id={stage.job.pk}"
    if name == "audit-sample":
        path = f"{path}?action=job.created&target_id={stage.job.pk}"  # one, since they are drawn at random
    canonical = ALIASES.get(endpoint)
    body = IN_OTHER_WORDS if canonical == ("post", "job-list") else BODIES.get(canonical or endpoint)
    return path, stage.bodies.get(endpoint) if body is None else body, {}


def sign_in(name: str, cast: Cast) -> dict[str, Any]:
    user = User.objects.create_user("ada", password=PASSWORD)
    Membership.objects.create(tenant=cast.acme, user=user, role=Role.AUTHOR)
    if name == "token":
        return {"username": "ada", "password": PASSWORD, "scopes": ["scheduler:read"], "tenant": "acme"}
    pair = tokens.start(user)
    return {"refresh": pair.refresh} if name == "token-refresh" else {"token": pair.refresh}


def example(operation: Any, body: Any, answer: Any) -> dict[str, Any]:
    """Only what the document describes: no body where it knows none."""
    made: dict[str, Any] = {"status": answer.status_code}
    content = operation.get("requestBody", {}).get("content", {})
    if body is not None and "application/json" in content:
        made["request"] = stable.request(body)
    if answer.headers.get("Content-Type", "").startswith("application/json") and answer.content:
        made["response"] = stable.answer(answer.json())
    return made

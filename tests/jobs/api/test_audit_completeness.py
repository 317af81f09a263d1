"""The audit trail knows of every change by the API and of every denial. A new endpoint without an entry fails here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from accounts.models import AuditEntry
from accounts.scopes import Scope
from jobs import maintenance, registry
from jobs.models import Backfill
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import JOB, MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import (
    ALIASES,
    FOR_ONESELF,
    GUARDED,
    IN_A_TENANT,
    LISTENING,
    NOTIFIED,
    PUBLIC,
    READ,
    RULES,
    SUPERUSERS_ONLY,
    Endpoint,
    Stage,
    prepare,
)

pytestmark = pytest.mark.django_db

ADDRESS = "127.0.0.1"
# They answer a question with a body, and change nothing.
ASKING = {("post", "job-impact"), ("post", "job-validate"), ("post", "schedule-preview"), ("post", "live-tickets")}
ASKING |= {("post", "rule-preview")}
ASKING |= {("post", "channel-preview")}
# What somebody does with their own inbox concerns nobody else, so it is none of the trail's business.
ASKING |= {("post", "channel-preview")}
OF_OWN_INBOX = [endpoint for endpoint in FOR_ONESELF if endpoint[1] != "notification-preferences"]
UNSAFE = [endpoint for endpoint in GUARDED if endpoint[0] != "get" and endpoint not in OF_OWN_INBOX]
# What concerns no tenant: the whole system, or the tenants themselves.
OF_NO_TENANT = ("scheduler-maintenance", "circuit-reset", "limits", "job-type-", "task-function-", "scheduler-flags")
OF_NO_TENANT += ("scheduler-reconcile", "queue-", "notification-preferences")
BODIES: dict[Endpoint, Any] = {
    ("post", "job-import"): {
        "document": {"format": "daybook-jobs", "version": 1, "jobs": [{**JOB, "name": "Imported", "slug": "imported"}]},
        "tenant": "acme",
    },
    ("put", "job-detail"): {**JOB, "description": "replaced"},
    ("post", "job-backfills"): {"since": "2026-01-01T00:00:00Z", "until": "2026-01-03T00:00:00Z"},
}


@pytest.fixture
def stage(job_of: MakeJob, run_of: RunJob) -> Stage:
    job = job_of()
    backfill_of(job)
    return Stage(job, run_of(job))


def set_up(endpoint: Endpoint, stage: Stage) -> None:
    """So that what is asked for is a change."""
    endpoint = ALIASES.get(endpoint, endpoint)
    prepare(endpoint, stage)
    if endpoint == ("post", "job-resume"):
        registry.pause(stage.job.pk, actor="user:ana")
    if endpoint == ("post", "job-enable"):
        registry.disable(stage.job.pk, actor="user:ana")
    if endpoint == ("post", "job-backfills"):
        Backfill.objects.filter(job=stage.job).update(status="done")


def send(client: ApiClient, endpoint: Endpoint, stage: Stage, *, tenant: bool = False) -> Any:
    method, name = endpoint
    body = BODIES.get(endpoint, stage.bodies.get(endpoint))
    if tenant and endpoint in IN_A_TENANT:
        body = {**body, "tenant": "acme"}
    path = stage.path(name)
    if endpoint == ("delete", "ui-job-list"):
        path = f"{path}?id={stage.job.pk}"
    return client.send(method.upper(), path, body)


def entries_of(answer: Any) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(request_id=answer.headers["X-Request-ID"]).order_by("id"))


def test_every_change_leaves_an_entry_of_who_what_and_from_where(stage: Stage, cast: Cast, client_of: ClientOf) -> None:
    root, problems = client_of(cast.root), []
    for endpoint in UNSAFE:
        if endpoint in ASKING or ALIASES.get(endpoint) in ASKING:
            continue
        with transaction.atomic():
            set_up(endpoint, stage)
            answer = send(root, endpoint, stage, tenant=True)
            found = entries_of(answer)
            transaction.set_rollback(True)
        if answer.status_code not in (200, 201, 202, 204):
            problems.append(f"{endpoint} answers {answer.status_code}: {answer.content[:300]!r}")
            continue
        by_root = [entry for entry in found if entry.actor == "user:root" and entry.outcome == "done"]
        if not by_root:
            problems.append(f"{endpoint} leaves no entry")
        for entry in by_root:
            is_whole = entry.target and (entry.via, entry.address, entry.method) == (
                "api",
                ADDRESS,
                endpoint[0].upper(),
            )
            names_tenant = (
                entry.tenant_id == cast.acme.pk or endpoint[1].startswith(OF_NO_TENANT) or entry.target == "tenant"
            )
            if not (is_whole and names_tenant and entry.path == answer.wsgi_request.path):
                facts = (
                    entry.action,
                    entry.target,
                    entry.tenant_id,
                    entry.via,
                    entry.address,
                    entry.method,
                    entry.path,
                )
                problems.append(f"{endpoint} leaves {facts}")
    assert not problems, "\n" + "\n".join(problems)


def test_what_only_asks_leaves_none(stage: Stage, cast: Cast, client_of: ClientOf) -> None:
    for endpoint in ASKING:
        answer = send(client_of(cast.root), endpoint, stage, tenant=True)
        assert answer.status_code in (200, 201), (endpoint, answer.content)
        assert entries_of(answer) == []


def test_every_denied_change_leaves_an_entry_too(
    stage: Stage, cast: Cast, client_of: ClientOf, make_key: MakeKey
) -> None:
    maintenance.start(actor="user:root", note="x")
    by_scope = {}
    for scope in set(RULES.values()) - {PUBLIC}:
        key, text = make_key(*(set(Scope.values) - {scope}))
        by_scope[scope] = (f"key:{key.prefix}", client_of(text))
    deaf, deaf_text = make_key(*(set(Scope.values) - {READ, NOTIFIED}))
    hears_nothing = (f"key:{deaf.prefix}", client_of(deaf_text))
    foreign, foreign_text = make_key(tenant=cast.globex)
    foreigner = (f"key:{foreign.prefix}", client_of(foreign_text))
    problems = []
    for endpoint in UNSAFE:
        callers = [(hears_nothing if endpoint == LISTENING else by_scope[RULES[endpoint]], cast.acme.pk)]
        if endpoint in SUPERUSERS_ONLY:
            callers.append((foreigner, cast.globex.pk))
        for (actor, client), tenant_id in callers:
            with transaction.atomic():
                answer = send(client, endpoint, stage)
                found = entries_of(answer)
                transaction.set_rollback(True)
            expected = [(actor, "request.denied", "refused", tenant_id, ADDRESS, endpoint[1])]
            facts = [
                (entry.actor, entry.action, entry.outcome, entry.tenant_id, entry.address, entry.target_name)
                for entry in found
            ]
            code = json.loads(answer.content)["error"]["code"] if answer.status_code == 403 else ""
            if facts != expected or not found[0].note.startswith(f"{code}: "):
                problems.append(f"{endpoint} of {actor} answers {answer.status_code} and leaves {facts}")
    assert not problems, "\n" + "\n".join(problems)


def test_a_denied_credential_leaves_an_entry_when_it_is_one_of_ours(client_of: ClientOf, make_key: MakeKey) -> None:
    key, text = make_key(revoked=True)
    answers = {
        who: client_of(who).send("POST", "/api/v1/jobs", JOB) for who in (text, f"sch_live_00000000_{'A' * 43}", None)
    }
    assert {answer.status_code for answer in answers.values()} == {401}
    (entry,) = [entry for answer in answers.values() for entry in entries_of(answer)]
    assert (entry.actor, entry.action, entry.outcome) == (f"key:{key.prefix}", "credential.denied", "refused")
    assert "was revoked" in entry.note
    assert text not in str(vars(entry))

"""What a stranger learns of a tenant: nothing, whichever endpoint, id, filter or body they try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import models

from accounts.audit.models import AuditEntry
from accounts.models import Membership, Tenant
from accounts.scopes import Role
from jobs import calendars, pools
from scheduler_project.api.pagination import PARAMETERS
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.contract.endpoints import described_operations, operation_of, resolved, served_operations
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import GUARDED, Stage, Walk

pytestmark = pytest.mark.django_db

CANARY = "Kanarienvogel"
PLANTED = {"name", "title", "description", "note", "error", "message", "text", "label", "summary", "body", "subject"}
JSON = {"parameters", "result"}
FILLED = 15  # rows that must carry the canary for the walk to mean something

# Fields of bodies that name another row, with what names the canary's row there; all others name nothing.
REFERENCES = {"upstream": "job", "downstream": "job", "job": "job", "pool": "pool", "calendars": "calendar"}
REFERENCES |= {"channels": "channel", "delivery": "sending"}
NO_REFERENCES = {
    "template": "job templates belong to the server, not to a tenant",
    "template_version": "a number of a template",
    "queue": "queues belong to the server too",
    "schedule": "an object",
    "limits": "numbers",
    "config": "settings of a channel, which name addresses outside",
    "tenants": "of a catalogue that only superusers change",
    "user_id": "whom a run is for in a client's own numbering, which names no row",
    "tenant": "tried on its own below",
    "tenant_id": "the same by its number, which test_aliases.py tries",
    "owner": "a member of the job's own tenant; of others the answer is the same as of nobody",
    "users": "members of the rule's own tenant; of others the answer is the same as of nobody",
    "user": "a person, who may be a member of any tenant",
    "expected_revision": "a number of the row that the path names",
    "expected_updated_at": "an instant of the row that the path names",
}


@pytest.fixture
def stage(cast: Cast, job_of: MakeJob, run_of: RunJob) -> Stage:
    """A row of each kind of acme; whatever text of theirs is free to choose has the canary in it."""
    job = job_of()
    backfill_of(job)
    made = Stage(job, run_of(job))
    planted = sum(plant(model, cast.acme) for model in models_of_tenants())
    assert planted >= FILLED
    return made


@pytest.fixture
def outsiders(cast: Cast, client_of: ClientOf, make_key: MakeKey) -> dict[str, ApiClient]:
    """Everything that one can be in globex."""
    boss = User.objects.create_user("boss")
    Membership.objects.create(tenant=cast.globex, user=boss, role=Role.ADMIN)
    return {"a key with all scopes": client_of(make_key(tenant=cast.globex)[1]), "an administrator": client_of(boss)}


def models_of_tenants() -> Iterator[type[models.Model]]:
    for model in apps.get_models():
        names = {field.name for field in model._meta.concrete_fields}
        if "tenant" in names and names & (PLANTED | JSON) and model._meta.managed and model is not AuditEntry:
            yield model


def plant(model: type[models.Model], tenant: Tenant) -> int:
    fields = [
        field.name
        for field in model._meta.concrete_fields
        if field.name in PLANTED and isinstance(field, models.CharField | models.TextField) and not field.choices
    ]
    rows = list(model._default_manager.filter(tenant=tenant))
    for row in rows:
        values: dict[str, Any] = {name: f"{CANARY} {getattr(row, name)}"[:60] for name in fields}
        values |= {name: {"text": CANARY} for name in JSON if isinstance(getattr(row, name, None), dict)}
        model._default_manager.filter(pk=row.pk).update(**values)
    return len(rows)


def test_the_document_and_the_routes_name_the_same_endpoints() -> None:
    assert set(described_operations()) == set(served_operations())


def test_no_answer_to_an_outsider_holds_a_word_of_another_tenant(stage: Stage, outsiders: dict[str, ApiClient]) -> None:
    walk = Walk(stage)
    for endpoint in GUARDED:
        for who, client in outsiders.items():
            answer = walk.send(endpoint, client)
            walk.expect(CANARY.encode() not in answer.content, endpoint, who, answer.content)
            walk.expect(answer.status < 500 or answer.status == 501, endpoint, who, answer.content)
    walk.finish()


def test_its_owner_reads_the_word_all_over(stage: Stage, client_of: ClientOf, make_key: MakeKey) -> None:
    """Or the walk above would look for something that no answer holds."""
    owner = client_of(make_key()[1])
    found = [
        endpoint
        for endpoint in GUARDED
        if endpoint[0] == "get" and CANARY.encode() in Walk(stage).send(endpoint, owner).content
    ]
    assert len(found) >= 30, found


def test_no_filter_reaches_into_another_tenant(stage: Stage, outsiders: dict[str, ApiClient]) -> None:
    """Each parameter of each list, with the number of each foreign row, the foreign tenant, and the foreign word."""
    numbers = sorted({str(row.pk) for row in stage.rows.values()})
    walk = Walk(stage)
    client = outsiders["a key with all scopes"]
    for endpoint in GUARDED:
        operation = operation_of(endpoint)
        if endpoint[0] != "get" or "{" in _path_of(endpoint):
            continue
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] not in PARAMETERS:
                for value in numbers if parameter["schema"].get("type") == "integer" else (CANARY.lower(), "acme"):
                    path = f"{stage.path(endpoint[1]).partition('?')[0]}?{parameter['name']}={value}"
                    answer = walk.send(endpoint, client, path)
                    walk.expect(answer.status in (200, 400, 401, 403, 404), path, answer.status, answer.content)
                    walk.expect(CANARY.encode() not in answer.content, path, answer.content)
    walk.finish()


def test_no_body_names_a_row_of_another_tenant(
    stage: Stage, cast: Cast, job_of: MakeJob, run_of: RunJob, outsiders: dict[str, ApiClient]
) -> None:
    own_job = job_of(cast.globex)
    backfill_of(own_job)
    own = Stage(own_job, run_of(own_job))
    foreign = {
        "job": stage.job.pk,
        "pool": pools.create({"name": "Theirs", "slug": "only-acme", "size": 2}, tenant=cast.acme, actor="x").slug,
        "calendar": calendars.create({"name": "Only acme"}, tenant=cast.acme, actor="x").slug,
        "channel": stage.rows["channel"].pk,
        "sending": stage.rows["sending"].pk,
    }
    walk = Walk(own)
    tried: set[str] = set()
    for endpoint in GUARDED:
        for field in _body_fields(endpoint):
            kind = REFERENCES.get(field)
            if kind:
                value = [foreign[kind]] if field in ("calendars", "channels") else foreign[kind]
                body = {**(own.bodies.get(endpoint) or {}), field: value}
                answer = walk.send(endpoint, outsiders["a key with all scopes"], body=body)
                walk.expect(answer.status in (400, 403, 404), endpoint, field, answer.status, answer.content)
                walk.expect(CANARY.encode() not in answer.content, endpoint, field, answer.content)
                tried.add(field)
    walk.finish()
    assert tried == set(REFERENCES)


def test_every_field_of_a_body_that_sounds_like_a_reference_is_known() -> None:
    kinds = {path.split("/")[3].rstrip("s").replace("-", "_") for _, path in served_operations() if path.count("/") > 2}
    kinds |= {"upstream", "downstream", "owner", "user", "member", "key", "tenant"}
    unknown = {
        field
        for endpoint in GUARDED
        for field in _body_fields(endpoint)
        if (field.removesuffix("s") in kinds or field.endswith(("_id", "_ids")))
        and field not in {*REFERENCES, *NO_REFERENCES}
    }
    assert not unknown, "Say in REFERENCES or NO_REFERENCES what they name."


def test_nobody_writes_into_a_tenant_by_its_name(stage: Stage, outsiders: dict[str, ApiClient]) -> None:
    walk = Walk(stage)
    for endpoint in GUARDED:
        if "tenant" not in _body_fields(endpoint):
            continue
        for who, client in outsiders.items():
            answer = walk.send(endpoint, client, body={**(stage.bodies.get(endpoint) or {}), "tenant": "acme"})
            walk.expect(answer.is_refusal == (403, "other_tenant"), endpoint, who, answer.status, answer.content)
            walk.expect(not answer.writes, endpoint, who, answer.writes)
    assert walk.tried >= 8
    walk.finish()


def test_numbers_of_two_tenants_in_one_path_do_not_mix(
    stage: Stage, cast: Cast, job_of: MakeJob, run_of: RunJob, outsiders: dict[str, ApiClient]
) -> None:
    own_job = job_of(cast.globex)
    backfill_of(own_job)
    own = Stage(own_job, run_of(own_job))
    walk = Walk(own)
    for endpoint in GUARDED:
        if _path_of(endpoint).count("{") < 2:
            continue
        mine, theirs = own.path(endpoint[1]).split("/"), stage.path(endpoint[1]).split("/")
        for place in [place for place, part in enumerate(mine) if part != theirs[place]]:
            path = "/".join(theirs[at] if at == place else part for at, part in enumerate(mine))
            answer = walk.send(endpoint, outsiders["a key with all scopes"], path)
            walk.expect(answer.status in (403, 404), endpoint, path, answer.status, answer.content)
            walk.expect(CANARY.encode() not in answer.content, endpoint, path, answer.content)
    assert walk.tried >= 2
    walk.finish()


def _path_of(endpoint: tuple[str, str]) -> str:
    return next(path for (method, path), name in served_operations().items() if (method, name) == endpoint)


def _body_fields(endpoint: tuple[str, str]) -> list[str]:
    operation = operation_of(endpoint) or {}
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return list(resolved(content.get("schema", {})).get("properties", {}))

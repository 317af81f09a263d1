"""`rotate_keys`: 10,000 secrets go to new keys, although it is killed in between, and the old key can be removed."""

from __future__ import annotations

import base64
import io
import signal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from accounts import sealing
from accounts.models import DataKey, Tenant
from accounts.sealing import Sealer, data_keys
from jobs import registry, rotation, sealed
from jobs.models import Execution, Job, JobRevision
from jobs.rotation import TABLES
from scheduler_project.lib import sql
from tests import live
from tests.live import wait_for

PLACE = "echo parameters.token"
NEW = bytes(range(32))
JOB = {"name": "Job", "template": "echo", "schedule": {"kind": "manual"}}


def fill(job: Job, *, jobs: int, runs: int) -> None:
    """Each with a secret of its own."""
    sealer = Sealer(job.tenant_id)
    parameters = [{"text": "t", "token": sealer.seal(f"secret {number}", place=PLACE)} for number in range(jobs + runs)]
    copies = [
        Job(tenant=job.tenant, slug=f"copy-{number}", name="Copy", template=job.template, spec=job.spec, parameters=one)
        for number, one in enumerate(parameters[:jobs])
    ]
    Job.objects.bulk_create(copies)
    sql.rows(
        """
        INSERT INTO job_executions (tenant_id, job_id, template_id, trigger, parameters, queue, priority, max_attempts)
        SELECT %(tenant)s, %(job)s, %(template)s, 'manual', p, 'default', 6, 1 FROM unnest(%(all)s::jsonb[]) AS p
        """,
        {
            "tenant": job.tenant_id,
            "job": job.pk,
            "template": job.template_id,
            "all": [sql.json(one) for one in parameters[jobs:]],
        },
    )


def rotate(*options: str) -> str:
    out = io.StringIO()
    call_command("rotate_keys", *options, stdout=out, stderr=out)
    return out.getvalue()


def under(key: DataKey) -> int:
    pattern = {"pattern": f"daybook:1:{key.pk.hex}:%"}
    rows = sql.rows("SELECT count(*) AS n FROM dynamic_jobs WHERE parameters ->> 'token' LIKE %(pattern)s", pattern)
    rows += sql.rows("SELECT count(*) AS n FROM job_executions WHERE parameters ->> 'token' LIKE %(pattern)s", pattern)
    return sum(row["n"] for row in rows)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_moves_ten_thousand_secrets_although_it_is_killed(tmp_path: Path, settings: Settings) -> None:
    tenant, _ = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})
    job = registry.create({**JOB, "parameters": {"token": "secret"}}, tenant=tenant, actor="user:test")
    fill(job, jobs=3_000, runs=6_999)
    old = DataKey.objects.get()
    former = settings.DAYBOOK_ENCRYPTION_KEYS
    ring = [("new", NEW), *former.items()]
    text = ",".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in ring)

    with live.manage(tmp_path, "rotate_keys", "--batch", "20", DAYBOOK_ENCRYPTION_KEYS=text) as process:
        wait_for(lambda: under(old) < 10_000, seconds=40, what="the first batch")
        process.send(signal.SIGKILL)
        process.wait(seconds=10)
    assert 0 < under(old) < 10_000
    taking_over = DataKey.objects.get(retired_at=None)
    assert taking_over.is_taking_over
    settings.DAYBOOK_ENCRYPTION_KEYS = dict(ring)
    assert sealed.parameters_of(registry.change(job.pk, {"name": "Meanwhile"}, actor="user:test"))["token"] == "secret"

    told = rotate()
    assert told.startswith("0 new data keys")
    assert "The key test of the provider environment is not needed any more." in told
    assert (under(old), under(taking_over)) == (0, 10_000)
    assert not DataKey.objects.get(retired_at=None).is_taking_over

    settings.DAYBOOK_ENCRYPTION_KEYS = {"new": NEW}
    data_keys.kept.clear()
    found = [rotation.verify(table) for table in TABLES[:2]]
    assert sum(one.seen for one in found) == 10_000
    assert [(one.unreadable, one.moved) for one in found] == [(0, 0), (0, 0)]
    tokens = {sealed.parameters_of(run)["token"] for run in Execution.objects.select_related("template")[:50]}
    assert tokens == {f"secret {number}" for number in range(9_949, 9_999)}
    first = JobRevision.objects.order_by("id")[0].definition["parameters"]["token"]
    assert sealing.key_id_of(first) == old.pk
    assert sealing.open_sealed(first, tenant_id=tenant.pk, place=PLACE) == "secret"


@pytest.mark.django_db
class TestPlainText:
    def test_of_before_is_encrypted_everywhere(self, tenant: Tenant) -> None:
        job = registry.create({**JOB, "parameters": {"token": "hunter2"}}, tenant=tenant, actor="user:test")
        run_id = registry.run_now(job, actor="user:test")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE job_revisions DISABLE TRIGGER job_revisions_are_append_only")
            rotation.decrypt_everything()
            cursor.execute("ALTER TABLE job_revisions ENABLE TRIGGER job_revisions_are_append_only")
        plain = {"text": "hello", "token": "hunter2"}
        assert Job.objects.get().parameters == plain
        assert JobRevision.objects.get().definition["parameters"] == plain
        Execution.objects.filter(pk=run_id).update(status="succeeded", finished_at="2026-01-01T00:00Z")

        assert "jobs: 1 secrets, 1 of them plain text" in rotate("--plan")
        assert Job.objects.get().parameters == plain
        assert rotation.encrypt_plain_text() == 3
        assert rotation.encrypt_plain_text() == 0
        for stored in (
            Job.objects.get().parameters,
            Execution.objects.get().parameters,
            JobRevision.objects.get().definition["parameters"],
        ):
            assert stored["text"] == "hello"
            assert sealing.open_sealed(stored["token"], tenant_id=tenant.pk, place=PLACE) == "hunter2"

    def test_is_all_that_a_revision_lets_be_changed(self, tenant: Tenant) -> None:
        registry.create({**JOB, "parameters": {"text": "t"}}, tenant=tenant, actor="user:test")
        form = "daybook:1:" + "0" * 32 + ":AAAA"
        for change, is_sealing in (
            ("definition = jsonb_set(definition, '{parameters,text}', '\"other\"')", True),
            ("definition = jsonb_set(definition, '{name}', %(form)s::jsonb)", True),
            ("definition = definition #- '{parameters,text}'", True),
            ("definition = jsonb_set(definition, '{parameters,text}', %(form)s::jsonb), note = 'x'", True),
            ("definition = jsonb_set(definition, '{parameters,text}', %(form)s::jsonb)", False),
        ):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('daybook.sealing', %s, true)", ["on" if is_sealing else "off"])
                with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                    cursor.execute(f"UPDATE job_revisions SET {change}", {"form": f'"{form}"'})


@pytest.mark.django_db
def test_keeps_all_keys_when_a_secret_cannot_be_opened(tenant: Tenant) -> None:
    job = registry.create({**JOB, "parameters": {"token": "hunter2"}}, tenant=tenant, actor="user:test")
    moved = {"text": job.parameters["token"], "token": Sealer(tenant.pk).seal("x", place="other parameters.token")}
    Job.objects.update(parameters=moved)
    with pytest.raises(CommandError, match="Keep all keys"):
        rotate()
    assert Job.objects.get().parameters == moved

"""`manage.py verify_ledger`: what it prints, and how it exits."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.utils import InternalError

from accounts.models import Tenant
from jobs import registry
from jobs.models import Execution, Job, LedgerViolation, Tick
from jobs.verification import reading
from tests.jobs.world import MINUTELY, MakeJob, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(world: World, make_job: MakeJob) -> Job:
    job = make_job(name="Nightly", schedule=MINUTELY, policies={"overlap": "allow"})
    for _ in range(3):
        world.decides(minutes=1)
    world.decides(minutes=4)
    return job


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_ledger", *arguments, stdout=out)
    except SystemExit as ending:
        return int(ending.code or 0), out.getvalue()
    return 0, out.getvalue()


def vanish(job: Job, count: int) -> None:
    ids = list(Tick.objects.filter(job=job).order_by("due_at").values_list("pk", flat=True)[:count])
    Execution.objects.filter(job=job).delete()
    Tick.objects.filter(job=job).exclude(pk__in=ids).update(outcome="missed", reason="misfire_none", execution_id=None)
    Tick.objects.filter(pk__in=ids).delete()


class TestTable:
    def test_has_a_line_for_each_outcome_and_the_sum(self, job: Job) -> None:
        code, text = run()
        rows = {line[:18].strip(): line[18:].split() for line in text.splitlines()}
        assert code == 0
        assert rows["due"] == ["7"]
        assert rows["fired"] == ["5"]
        assert rows["coalesced"] == ["2", "misfire_last", "2"]
        assert rows["shadow"] == ["0"]
        assert rows["recorded"] == ["7"]
        assert text.endswith("No violation: every due tick is accounted for.\n")

    def test_tells_what_is_not_decided_yet(self, world: World, job: Job) -> None:
        world.goes_on(minutes=2)
        code, text = run()
        assert code == 0
        assert "undecided" in text
        assert "in 1 job, 60.0 s behind at most" in text

    def test_names_the_first_violations_and_counts_the_rest(self, world: World, job: Job) -> None:
        world.decides(minutes=20)
        vanish(job, 22)
        code, text = run()
        assert code == 1
        assert "22 violations: unrecorded 22" in text
        assert text.count(f"job {job.pk} (Nightly), ") == 20
        assert text.endswith("and 2 more\n")

    def test_says_the_same_as_json(self, job: Job) -> None:
        code, text = run("--json")
        figures = json.loads(text)
        assert (code, figures["holds"], figures["due"], figures["outcomes"]["fired"]) == (0, True, 7, 5)
        vanish(job, 1)
        code, text = run("--json")
        figures = json.loads(text)
        assert (code, figures["holds"], figures["violations"]) == (1, False, {"unrecorded": 1})
        assert figures["first_violations"][0]["name"] == "Nightly"

    def test_narrows_to_a_window(self, world: World, job: Job) -> None:
        since, until = world.now - timedelta(minutes=2), world.now
        figures = json.loads(run("--json", "--since", since.isoformat(), "--until", until.isoformat())[1])
        assert figures["due"] == 2


class TestJob:
    def test_is_named_by_id_slug_or_tenant_and_slug(self, job: Job, make_job: MakeJob) -> None:
        make_job()
        for name in (str(job.pk), job.slug, f"default/{job.slug}"):
            assert json.loads(run("--json", "--job", name)[1])["jobs"] == 1

    def test_must_be_one_and_known(self, job: Job) -> None:
        with pytest.raises(CommandError, match="There is no job nothing") as refusal:
            run("--job", "nothing")
        assert refusal.value.returncode == 2
        other = Tenant.objects.create(slug="other", name="Other")
        data = {"name": "Nightly", "template": "echo", "schedule": {"kind": "manual"}}
        registry.create(data, tenant=other, actor="user:test")
        with pytest.raises(CommandError, match="write one of default/nightly, other/nightly"):
            run("--job", "nightly")


class TestInput:
    def test_is_refused_when_it_makes_no_sense(self, db: None) -> None:
        with pytest.raises(CommandError, match="'yesterday' is no instant"):
            run("--since", "yesterday")
        with pytest.raises(CommandError, match="--since lies in the future"):
            run("--since", "2126-02-01")
        with pytest.raises(CommandError, match="--since is not before --until") as refusal:
            run("--since", "2026-02-01", "--until", "2026-01-01")
        assert refusal.value.returncode == 2


class TestProgress:
    def test_is_shown_to_somebody_who_watches(self, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jobs.management.commands.verify_ledger._is_watched", lambda: True)
        errors = StringIO()
        call_command("verify_ledger", stdout=StringIO(), stderr=errors)
        assert errors.getvalue() == "\r1 jobs, 7 ticks\n"


class TestReading:
    def test_cannot_write(self, db: None) -> None:
        with pytest.raises(InternalError, match="read-only transaction"), reading.snapshot():
            LedgerViolation.objects.all().delete()

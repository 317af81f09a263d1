"""Two months of history, written straight into the tables: nothing here ran, but it looks as if it had."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import psycopg
from django.contrib.auth.models import User
from django.db import connection

from accounts.models import Membership, Tenant
from accounts.scopes import Role
from jobs import calendars, dependencies, drafts, registry
from jobs.drafts import Entered
from jobs.models import (
    Attempt,
    DeadLetter,
    Execution,
    ExecutionLease,
    Job,
    JobDraft,
    JobRevision,
    LeaseHistory,
    LogLine,
    QueueCanary,
    SchedulerCandidate,
    SchedulerEvent,
    SchedulerLease,
    Tick,
    Worker,
)  # fmt: skip
from jobs.rules import durations, fingerprint
from jobs.rules.schedule import occurrences
from jobs.rules.states import AttemptOutcome
from jobs.tick.leader import NAME
from scheduler_project.lib import sql
from tests.screenshots import telling
from tests.screenshots.cast import ACME, ERRORS, FOLLOWS, GLOBEX, PEOPLE
from tests.screenshots.telling import Told

DAYS = 60
MOST_RUNS = 1_500  # of one job; a busier one has a shorter history
WORKERS = ("crunch-1@node-a", "crunch-2@node-b", "mail-1@node-a")


@dataclass
class Stage:
    """What the pictures are taken of."""

    root: User
    ana: User
    job: Job
    running: Execution
    failed: Execution
    letter: DeadLetter
    pipeline: Job
    draft: JobDraft
    told: Told


def build() -> Stage:
    chance = random.Random(20)
    now = sql.now()
    acme = Tenant.objects.get_or_create(slug="acme", defaults={"name": "Acme"})[0]
    globex = Tenant.objects.get_or_create(slug="globex", defaults={"name": "Globex"})[0]
    people = _people(acme, globex)
    jobs: dict[str, Job] = {}
    history = _History(chance, now)
    for tenant, entries in ((acme, ACME), (globex, GLOBEX)):
        for name, data, seconds, failing, owner in entries:
            actor = f"user:{owner}"
            job = registry.create({"name": name, **data}, tenant=tenant, actor=actor, owner_id=people[owner].pk)
            jobs[name] = _backdate(job, now)
            history.of_job(job, seconds, failing)
    for upstream, downstream, condition in FOLLOWS:
        edge = {"upstream": upstream, "on": condition}
        _follow(jobs[upstream], jobs[downstream], edge)
    history.of_followers(jobs)
    history.store()
    _remember_outcomes()
    _change_some(jobs, now, acme)
    _processes(now)
    running = _running(jobs, now, chance)
    failed = _failed(jobs["Price feed"], now)
    letter = DeadLetter.objects.get(execution_id=failed.pk)
    root = User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("root")
    told = telling.build(acme, jobs, failed, root, now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    draft = _draft(root, acme, jobs["Pull orders"], told)
    return Stage(root, people["ana"], jobs["Pull orders"], running, failed, letter, jobs["Nightly orders"], draft, told)


def _draft(user: User, tenant: Tenant, like: Job, told: Told) -> JobDraft:
    draft = drafts.start(user_id=user.pk, tenant=tenant, template=like.template)
    fields = {
        "name": ["Weekly figures"], "mode": ["weekly"], "kind": ["cron"], "cron": ["0 9 * * 1"],
        "timezone": ["Europe/Berlin"], "queue": ["default"], "priority": ["normal"], "owner": ["ana"],
        "rule-kinds": ["failed", "recovered"], "rule-ways": ["owner", str(told.mail.pk)], "rule-in_row": ["2"],
    }  # fmt: skip
    parameters = {"model": "jobs.Execution", "file_name": "figures", "format": "csv"}
    drafts.save(draft.pk, Entered(0, frozenset([*fields, *parameters]), fields, parameters, step=5))
    return JobDraft.objects.get(pk=draft.pk)


def _people(acme: Tenant, globex: Tenant) -> dict[str, User]:
    found = {}
    for name, (first, last) in PEOPLE.items():
        mail = f"{name}@acme.example"
        user = User.objects.create(username=name, first_name=first, last_name=last, email=mail, is_staff=True)
        Membership.objects.create(user=user, tenant=acme, role=Role.ADMIN if name == "ana" else Role.AUTHOR)
        found[name] = user
    Membership.objects.create(user=found["olaf"], tenant=globex, role=Role.AUTHOR)
    return found


def _backdate(job: Job, now: datetime) -> Job:
    began_at = now - timedelta(days=DAYS)
    Job.objects.filter(pk=job.pk).update(created_at=began_at)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # revisions do not change otherwise
    JobRevision.objects.filter(job_id=job.pk).update(valid_from=began_at)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = origin")
    return job


def _follow(upstream: Job, downstream: Job, edge: dict[str, Any]) -> None:
    data = {"condition": edge["on"]}
    dependencies.add(upstream.pk, downstream.pk, data, actor="user:mei")


class _History:
    def __init__(self, chance: random.Random, now: datetime) -> None:
        self.chance, self.now = chance, now
        self.runs: list[tuple[Execution, float]] = []
        self.ticks: list[tuple[Tick, Execution | None]] = []
        # the first of a flow, the run that was waited for, the run that followed
        self.followers: list[tuple[Execution, Execution, Execution]] = []

    def of_job(self, job: Job, seconds: float, failing: float) -> None:
        began_at = self.now - timedelta(days=DAYS)
        due = list(islice(occurrences(job.schedule, began_at, self.now - timedelta(minutes=2)), 40_000))[-MOST_RUNS:]
        is_bad = False
        for due_at in due:
            # Troubles come together: after a failure the next run fails more likely.
            is_bad = self.chance.random() < (0.5 if is_bad else failing)
            reason = self._skipped(job, due_at)
            tick = Tick(
                tenant=job.tenant, job=job, due_at=due_at, outcome="skipped" if reason else "fired", reason=reason,
                revision=1, epoch=7, decided_at=due_at + timedelta(seconds=0.2),
            )  # fmt: skip
            run = None if reason else self._run(job, due_at, seconds, is_bad)
            self.ticks.append((tick, run))

    def _skipped(self, job: Job, due_at: datetime) -> str:
        days_ago = (self.now - due_at).days
        if days_ago == 12 and 1 <= due_at.hour < 4:
            return "maintenance"
        if job.name == "Stock levels" and days_ago in (20, 21):
            return "paused"
        return "overlap" if self.chance.random() < 0.002 else ""

    def _run(self, job: Job, due_at: datetime, seconds: float, is_bad: bool, trigger: str = "schedule") -> Execution:
        waited = self.chance.expovariate(1 / 0.4)
        ran = max(seconds * self.chance.lognormvariate(0, 0.25), 0.05)
        started_at = due_at + timedelta(seconds=waited)
        _, error = self.chance.choice(ERRORS)
        kind = next(name for name, text in ERRORS if text == error)
        run = Execution(
            tenant=job.tenant, job=job, template=job.template, trigger=trigger,
            scheduled_for=due_at if trigger == "schedule" else None, revision=1, parameters=job.parameters,
            policy=job.policy, run_key=uuid.UUID(int=self.chance.getrandbits(128)),
            queue=job.queue, priority=job.priority, max_instances=1, status="dead" if is_bad else "succeeded",
            reason="retries_used_up" if is_bad else "", attempt=4 if is_bad else 1, max_attempts=4, fence=1,
            created_at=due_at, available_at=due_at, published_at=due_at, started_at=started_at,
            finished_at=started_at + timedelta(seconds=ran),
            result=None if is_bad else {"rows": int(ran * 310), "file": f"{job.slug}.csv"},
            error=error if is_bad else "", error_class=kind if is_bad else "",
            fingerprint=_fingerprint(kind, error) if is_bad else "",
        )  # fmt: skip
        self.runs.append((run, ran))
        return run

    def of_followers(self, jobs: dict[str, Job]) -> None:
        """The chain of the night, behind each of its first runs."""
        usual = {name: seconds for name, _, seconds, _, _ in ACME}
        starts = [run for run, _ in self.runs if run.job_id == jobs["Nightly orders"].pk and run.status == "succeeded"]
        for first in starts:
            assert first.finished_at is not None
            runs = {"Nightly orders": first}
            for name in ("Build invoices", "Sanctions check", "Book payments", "Send invoices"):
                upstreams = [runs[upstream] for upstream, downstream, _ in FOLLOWS if downstream == name]
                last = max(upstreams, key=lambda run: run.finished_at or self.now)
                assert last.finished_at is not None
                run = self._run(jobs[name], last.finished_at, usual[name], False, trigger="dependency")
                run.result = {"rows": self.chance.randrange(200, 900)}
                runs[name] = run
                self.followers.append((first, last, run))

    def store(self) -> None:
        self.runs.sort(key=lambda entry: entry[0].created_at)
        rows = [run for run, _ in self.runs]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT daybook_make_execution_partitions((SELECT last_value FROM job_executions_id_seq), 2)"
            )
        Execution.objects.bulk_create(rows, batch_size=500)
        with connection.cursor() as cursor:
            # The column has a default that the database sets.
            cursor.executemany(
                "UPDATE job_executions SET created_at = %s WHERE id = %s", [(row.created_at, row.pk) for row in rows]
            )
        for first, last, run in self.followers:
            Execution.objects.filter(pk=run.pk).update(flow_id=first.pk, parent_id=last.pk)
        for tick, fired in self.ticks:
            tick.execution_id = fired.pk if fired else None
        Tick.objects.bulk_create([tick for tick, _ in self.ticks], batch_size=1_000)
        Attempt.objects.bulk_create(list(self._attempts()), batch_size=1_000)
        self._bury()
        self._add_up()

    def _attempts(self) -> Iterator[Attempt]:
        for row, ran in self.runs:
            assert row.started_at is not None
            begun = row.started_at
            count = row.attempt
            for number in range(1, count + 1):
                ended = begun + timedelta(seconds=ran / count * 0.8)
                is_last = number == count
                yield Attempt(
                    execution=row, number=number, fence=number, worker=self.chance.choice(WORKERS[:2]), pid=4_100,
                    started_at=begun, finished_at=row.finished_at if is_last else ended,
                    outcome="succeeded" if row.status == "succeeded" else "failed",
                    error=row.error, error_class=row.error_class, traceback=_traceback(row),
                )  # fmt: skip
                begun = ended + timedelta(seconds=2**number)

    def _bury(self) -> None:
        letters = []
        for row, _ in self.runs:
            if row.status != "dead":
                continue
            assert row.finished_at is not None
            is_old = (self.now - row.finished_at).days > 3
            letters.append(
                DeadLetter(
                    tenant_id=row.tenant_id,
                    job_id=row.job_id,
                    template_id=row.template_id,
                    execution_id=row.pk,
                    fingerprint=row.fingerprint,
                    status="dead",
                    reason=row.reason,
                    error_class=row.error_class,
                    error=row.error,
                    place="builtin/data_export.py in run",
                    attempts=4,
                    died_at=row.finished_at,
                    state="resolved" if is_old else "open",
                    closed_at=row.finished_at if is_old else None,
                    closed_by="user:ana" if is_old else "",
                )
            )
        DeadLetter.objects.bulk_create(letters)

    def _add_up(self) -> None:
        sums: dict[tuple[int, datetime, str], list[Any]] = {}
        for row, ran in self.runs:
            assert row.finished_at is not None
            hour = row.finished_at.replace(minute=0, second=0, microsecond=0)
            known = sums.setdefault((row.tenant_id, hour, row.status), [0, 0.0, [0] * (len(durations.BUCKETS) + 1)])
            known[0] += 1
            known[1] += ran
            known[2][sum(ran > bound for bound in durations.BUCKETS)] += 1
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO run_hours (tenant_id, hour, status, count, seconds, buckets) VALUES (%s,%s,%s,%s,%s,%s)",
                [(*key, count, seconds, buckets) for key, (count, seconds, buckets) in sums.items()],
            )


def _fingerprint(kind: str, error: str) -> str:
    place = "builtin/data_export.py in run"
    return fingerprint.fingerprint(AttemptOutcome.FAILED, error_class=kind, message=error, place=place)


def _traceback(row: Execution) -> str:
    if not row.error:
        return ""
    return (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/exports/feed.py", line 48, in run\n    rows = client.fetch(since)\n'
        f'  File "/srv/app/exports/client.py", line 112, in fetch\n    return self._get(url)\n'
        f"{row.error_class}: {row.error}"
    )


def _remember_outcomes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE dynamic_jobs j SET last_execution_id = v.id, last_status = v.status, last_run_at = v.started_at,
                last_finished_at = v.finished_at
            FROM (SELECT DISTINCT ON (job_id) job_id, id, status, started_at, finished_at FROM job_executions
                  ORDER BY job_id, id DESC) v
            WHERE v.job_id = j.id
            """
        )


def _change_some(jobs: dict[str, Job], now: datetime, acme: Tenant) -> None:
    registry.change(
        jobs["Pull orders"].pk, {"schedule": {"kind": "cron", "cron": "*/15 * * * *", "timezone": "Europe/Berlin"},
        "policies": {"max_retries": 4}}, actor="user:mei", note="The vendor is slow in the morning",
    )  # fmt: skip
    registry.pause(jobs["Supplier reminders"].pk, actor="user:olaf", note="Until the new supplier portal is live")
    Job.objects.filter(pk=jobs["Supplier reminders"].pk).update(paused_at=now - timedelta(days=9))
    freeze = {
        "name": "Year-end freeze", "starts_at": f"{now.year}-12-23T16:00:00Z",
        "ends_at": f"{now.year + 1}-01-02T06:00:00Z",
    }  # fmt: skip
    calendars.create({"name": "Finance", "weekdays": [], "blackouts": [freeze]}, tenant=acme, actor="user:mei")


def _processes(now: datetime) -> None:
    hour = now + timedelta(hours=1)
    SchedulerLease.objects.update_or_create(
        name=NAME,
        defaults={
            "holder": "beat-a:311:9f2c", "epoch": 7, "acquired_at": now - timedelta(days=3, hours=4), "ticked_at": now,
            "expires_at": hour,
        },
    )  # fmt: skip
    LeaseHistory.objects.create(
        name=NAME, epoch=7, holder="beat-a:311:9f2c", acquired_at=now - timedelta(days=3, hours=4), cause="expired"
    )
    for holder in ("beat-a:311:9f2c", "beat-b:298:1a77"):
        SchedulerCandidate.objects.create(holder=holder, started_at=now - timedelta(days=3), seen_at=now)
    for place, name in enumerate(WORKERS):
        Worker.objects.create(
            name=name, hostname=name.partition("@")[2], pid=4_000 + place,
            queues=["mail"] if "mail" in name else ["default"],
            concurrency=2 if "mail" in name else 8, started_at=now - timedelta(days=3), heartbeat_at=now,
            heard_at=now, runs_done=18_224 - 4_000 * place, pool="prefork", release="1.0",
            memory=[{"pid": pid, "rss": 110_000_000, "pss": 67_000_000} for pid in (1, 2)],
        )  # fmt: skip
    for queue in ("default", "mail"):
        QueueCanary.objects.create(queue=queue, asked_at=now, sent_at=now, answered_at=now, answered_by=WORKERS[0])
    SchedulerEvent.objects.create(
        at=now - timedelta(days=3, hours=4), type="leader_changed", level="warning", source="beat-a:311:9f2c",
        message="beat-a:311:9f2c leads since epoch 7; the lease of beat-b had expired.",
    )  # fmt: skip


def _running(jobs: dict[str, Job], now: datetime, chance: random.Random) -> Execution:
    shown: Execution | None = None
    for name, age, done, total, text in (
        ("Pull orders", 24, 5_310, 9_400, "Orders of store 12 of 21"),
        ("Warehouse reload", 3_100, 61, 100, "Table movements"),
        ("Telemetry rollup", 21, 37, 90, "Plant Cleveland"),
    ):
        job = jobs[name]
        started_at = now - timedelta(seconds=age)
        run = Execution.objects.create(
            tenant=job.tenant, job=job, template=job.template, trigger="schedule", scheduled_for=started_at, revision=1,
            parameters=job.parameters, policy=job.policy, run_key=uuid.uuid4(), queue=job.queue, priority=job.priority,
            max_instances=1, status="running", attempt=1, max_attempts=4, fence=1, available_at=started_at,
            published_at=started_at, started_at=started_at,
        )  # fmt: skip
        Execution.objects.filter(pk=run.pk).update(created_at=started_at - timedelta(seconds=0.4))
        worker = chance.choice(WORKERS[:2])
        Attempt.objects.create(execution=run, number=1, fence=1, worker=worker, pid=4_711, started_at=started_at)
        ExecutionLease.objects.create(
            execution_id=run.pk, tenant_id=job.tenant_id, job_id=job.pk, worker=worker, pid=4_711, fence=1, heartbeat=3,
            acquired_at=started_at, expires_at=now + timedelta(hours=1), job_slot=1,
            progress={"done": done, "total": total, "text": text},
        )  # fmt: skip
        shown = shown or run
    assert shown is not None
    _log(shown, now, 180)
    return Execution.objects.get(pk=shown.pk)


def _failed(job: Job, now: datetime) -> Execution:
    run = Execution.objects.filter(job_id=job.pk, status="dead").order_by("-id")[0]
    _log(run, run.finished_at or now, 60, error=run.error)
    if not DeadLetter.objects.filter(execution_id=run.pk, state="open").exists():
        DeadLetter.objects.filter(execution_id=run.pk).update(state="open", closed_at=None, closed_by="")
    return run


def _log(run: Execution, until: datetime, count: int, error: str = "") -> None:
    lines = [
        ("info", f"Page {number}: {311 * number:,} rows read, {29 * number % 97} changed") for number in range(count)
    ]
    lines[0] = ("info", "Connected to feeds.example.com")
    for place in range(17, count, 41):
        lines[place] = ("warning", "The vendor asks for patience: 429, waiting 2 s")
    lines += [("error", error)] if error else []
    spread: Sequence[tuple[str, str]] = lines
    LogLine.objects.bulk_create(
        LogLine(
            execution=run, sequence=place + 1, attempt=run.attempt, level=level, message=text,
            logged_at=until - timedelta(seconds=(len(spread) - place) * 0.12),
        )
        for place, (level, text) in enumerate(spread)
    )  # fmt: skip


BEATS = (
    "UPDATE workers SET heartbeat_at = now()",
    "UPDATE scheduler_candidates SET seen_at = now()",
    "UPDATE scheduler_leases SET ticked_at = now(), expires_at = now() + interval '10 seconds'",
    "UPDATE queue_canaries SET asked_at = now() - interval '1 second', answered_at = now()",
)


@contextmanager
def alive(database_url: str) -> Iterator[None]:
    """While it lasts, the processes of the stage are heard of as living ones are."""
    ended = threading.Event()

    def beat() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection_of_beats:
            while not ended.wait(2):
                for statement in BEATS:
                    connection_of_beats.execute(statement.encode())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join()

"""The systems that are measured: how each is set up, started and asked what it has done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
import redis

from benchmarks import daybook
from benchmarks.processes import Process, environment
from benchmarks.servers import Servers
from scheduler_project.settings.environment import VARIABLES

PEERS = "benchmarks.runs.peers"
OURS = "benchmarks.runs.ours"
SETTINGS = f"{OURS}.settings"
RAW, RAW_TWO = "raw Celery, -c 2", "raw Celery, 2 workers of -c 1"
STORED, KEPT = "Celery + results, as installed", "Celery + results, connections kept"
PROCRASTINATE = "procrastinate, 2 workers"
DAYBOOK, DAYBOOK_TWO = "Daybook, -c 2", "Daybook, 2 workers of -c 1"
DAYBOOK_ONE, DAYBOOK_FOUR = "Daybook, -c 1", "Daybook, -c 4"
MIRROR = "DAYBOOK_STORE_CELERY_RESULTS"
DAYBOOK_MIRROR = "Daybook, -c 2, results mirrored"


@dataclass(frozen=True)
class System:
    """`workers` are command lines of Python; `setting_up` is one that runs first; `counting` counts finished rows."""

    name: str
    module: str
    workers: Sequence[Sequence[str]]
    environment: Mapping[str, str]
    also: Sequence[Sequence[str]] = ()
    setting_up: Sequence[str] = ()
    counting: str = ""
    database: str = ""
    started: list[Process] = field(default_factory=list)

    def run(self, servers: Servers, arguments: Sequence[str], **more: str) -> Process:
        log = servers.folder / f"{'-'.join(arguments[1:4]).replace('/', '-')}-{len(self.started)}.log"
        process = Process(arguments, {**self.environment, **more}, log)
        self.started.append(process)
        return process

    def count(self) -> int | None:
        """How many of its rows say that they are done; None when it keeps none."""
        if not self.counting:
            return None
        with psycopg.connect(self.database, autocommit=True) as connection:
            found = connection.execute(self.counting.encode()).fetchone()
        assert found is not None
        return int(found[0])

    def stop(self) -> None:
        for process in reversed(self.started):
            process.stop()


def _celery(app: str, processes: int, *, node: str = "one", queues: str = "") -> list[str]:
    command = ["-m", "celery", "-A", app, "worker", "-c", str(processes), "-n", f"{node}@%h", "--loglevel", "WARNING"]
    return [*command, *(["-Q", queues] if queues else [])]


def _peer(servers: Servers, **more: str) -> dict[str, str]:
    return environment(BENCH_BROKER_URL=servers.broker(1), C_FORCE_ROOT="1", **more)


def raw(servers: Servers, *, name: str = RAW, workers: Sequence[int] = (2,)) -> System:
    module = f"{PEERS}.plain"
    commands = [_celery(module, size, node=f"node{number}") for number, size in enumerate(workers)]
    return System(name, module, commands, _peer(servers))


def stored(servers: Servers, *, name: str = STORED, keep: bool = False) -> System:
    module, database = f"{PEERS}.stored", servers.database("peer")
    values = {"DJANGO_SETTINGS_MODULE": f"{PEERS}.stored_settings", "BENCH_DATABASE_URL": database}
    return System(
        name,
        module,
        [_celery(module, 2)],
        _peer(servers, **values, BENCH_KEEP="1" if keep else ""),
        setting_up=["-m", "django", "migrate", "--verbosity", "0"],
        counting="SELECT count(*) FROM django_celery_results_taskresult WHERE status = 'SUCCESS'",
        database=database,
    )


def procrastinate(servers: Servers) -> System:
    module, database = f"{PEERS}.procrastinated", servers.database("peer")
    command = ["-m", "procrastinate", "--app", f"{module}.app"]
    return System(
        PROCRASTINATE,
        module,
        [[*command, "worker", "--concurrency", "1", "--name", name] for name in ("one", "two")],
        _peer(servers, BENCH_DATABASE_URL=database),
        setting_up=[*command, "schema", "--apply"],
        counting="SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'",
        database=database,
    )


def ours(servers: Servers, *, name: str = DAYBOOK, workers: Sequence[int] = (2,), mirror: bool = False) -> System:
    database = daybook.use(servers, "ours")
    values = daybook.settings_for(database, servers.broker(0), "worker", settings=SETTINGS)
    commands = [
        _celery("scheduler_project", size, node=f"node{number}", queues="default")
        for number, size in enumerate(workers)
    ]
    daybook.make_jobs(
        [{"kind": "cron", "cron": "0 0 1 1 *"}],
        1,
        template="bench_nothing",
        parameters={},
        policies={"overlap": "allow"},
    )
    return System(
        name,
        f"{OURS}.produce",
        commands,
        environment(**values | ({MIRROR: "true"} if mirror else {})),
        also=[["-m", "celery", "-A", "scheduler_project", "beat", "--pidfile=", "--loglevel", "WARNING"]],
        counting="SELECT count(*) FROM job_executions WHERE status = 'succeeded'",
        database=database,
    )


Make = Callable[[Servers], System]

ALL: dict[str, Make] = {
    RAW: raw,
    DAYBOOK: ours,
    RAW_TWO: lambda servers: raw(servers, name=RAW_TWO, workers=(1, 1)),
    DAYBOOK_TWO: lambda servers: ours(servers, name=DAYBOOK_TWO, workers=(1, 1)),
    PROCRASTINATE: procrastinate,
    STORED: stored,
    KEPT: lambda servers: stored(servers, name=KEPT, keep=True),
}
if MIRROR in VARIABLES:
    ALL[DAYBOOK_MIRROR] = lambda servers: ours(servers, name=DAYBOOK_MIRROR, mirror=True)
POOL_SIZES: dict[str, Make] = {
    DAYBOOK_ONE: lambda servers: ours(servers, name=DAYBOOK_ONE, workers=(1,)),
    DAYBOOK: ours,
    DAYBOOK_FOUR: lambda servers: ours(servers, name=DAYBOOK_FOUR, workers=(4,)),
    DAYBOOK_TWO: ALL[DAYBOOK_TWO],
}


def clear(servers: Servers) -> None:
    """What the last system left behind."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    servers.drop("peer")

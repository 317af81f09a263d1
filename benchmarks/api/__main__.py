"""`make bench-api`: submissions and lists under 50 clients with 1,000,000 executions. The last line is JSON."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from dataclasses import dataclass
from typing import Any

from benchmarks import daybook, servers
from benchmarks.api import clients, history
from benchmarks.api.clients import Answers
from benchmarks.outage.turns import percentile
from benchmarks.processes import Process, environment, family, processor_seconds
from scheduler_project.embedded.processes import free_port, wait_until

STARTED = time.monotonic()
WEB = ("-m", "uvicorn", "scheduler_project.asgi:application", "--lifespan", "off", "--no-access-log")
SCHEDULE = {"kind": "cron", "cron": "0 4 * * *"}
BODY = {"template": "database_cleanup", "payload": daybook.PARAMETERS}
# Nothing here is to be refused: only how long an answer takes is asked.
UNLIMITED = {"DAYBOOK_QUEUE_LIMIT": "100000000", "DAYBOOK_RATE_LIMIT": "1000000", "DAYBOOK_BEHIND_TLS_PROXY": "true"}


def main() -> None:
    options = _options()
    with servers.running() as running:
        daybook.set_up(running)
        url = daybook.use(running, "api")
        daybook.make_jobs([SCHEDULE], history.JOBS)
        history.fill(options.executions)
        _say(f"{options.executions:,} executions of {history.JOBS} jobs")
        key = _key()
        port = free_port()
        values = daybook.settings_for(url, running.broker(0), "web") | UNLIMITED
        arguments = [*WEB, "--port", str(port), "--workers", str(options.processes)]
        with Process(arguments, environment(**values), running.folder / "web.log") as web:
            if not wait_until(lambda: _is_up(port, key), seconds=60):
                raise SystemExit(f"The web does not answer:\n{web.log.read_text()[-4000:]}")
            used = Used(web.pid, running.postgres_pid)
            figures = _measure(port, key, used, options)
            web.expect_alive()
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-api ARGS=...", description=__doc__)
    parser.add_argument("--executions", type=int, default=1_000_000, help="how long the history is")
    parser.add_argument("--clients", type=int, default=50, help="connections that are open at once")
    parser.add_argument("--processes", type=int, default=2, help="of the web")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement")
    parser.add_argument(
        "--rates", type=float, nargs="*", default=[50.0, 167.0], help="requests a second of all clients"
    )
    return parser.parse_args()


@dataclass(frozen=True)
class Used:
    """Processor time, which a busy machine hardly changes."""

    web: int
    database: int

    def seconds(self) -> tuple[float, float]:
        return processor_seconds(family(self.web)), processor_seconds(family(self.database))


def _measure(port: int, key: str, used: Used, options: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {"executions": options.executions, "clients": options.clients}
    print(f"\n{'':<36}{'asked':>10}{'answered/s':>12}{'p50':>8}{'p95':>8}{'p99 ms':>8}{'web cpu':>9}{'db cpu ms':>10}")
    for name, request in _requests(key).items():
        clients.ask(port, request, clients=options.clients, seconds=1)  # warm
        for rate in (*options.rates, None):
            before = used.seconds()
            answers = clients.ask(port, request, clients=options.clients, seconds=options.seconds, rate=rate)
            web, database = (
                (now - then) * 1000 / len(answers.seconds) for now, then in zip(used.seconds(), before, strict=True)
            )
            strange = {status: count for status, count in answers.statuses.items() if status >= 300}
            if strange:
                raise SystemExit(f"{name}: {strange}")
            asked = f"{rate:.0f}/s" if rate else "at once"
            p50, p95, p99 = (percentile(answers.seconds, percent) * 1000 for percent in (50, 95, 99))
            row = f"{name:<36}{asked:>10}{answers.per_second:>12.0f}{p50:>8.1f}{p95:>8.1f}{p99:>8.1f}"
            print(f"{row}{web:>9.2f}{database:>10.2f}", flush=True)
            figures |= _named(name, asked, answers)
    return figures


def _named(name: str, asked: str, answers: Answers) -> dict[str, float]:
    label = f"{name} {asked}".replace(" ", "_").replace("/s", "").replace(",", "")
    return {
        f"{label}_per_s": round(answers.per_second, 1),
        **{f"{label}_p{percent}_ms": round(percentile(answers.seconds, percent) * 1000, 1) for percent in (50, 95, 99)},
    }


def _requests(key: str) -> dict[str, clients.Request]:
    from jobs.models import Execution, Job

    job = Job.objects.order_by("id").values_list("id", flat=True)[7]
    newest = Execution.objects.order_by("-id").values_list("id", flat=True)[0]
    lists = ["executions", f"executions?job={job}", "executions?status=failed", "jobs"]
    turns = itertools.cycle([_bytes(key, "GET", path) for path in lists])
    return {
        "submit": lambda number: _bytes(key, "POST", "tasks", BODY),
        "list": lambda number: next(turns),
        "one execution": lambda number: _bytes(key, "GET", f"executions/{newest - number % 1000}"),
    }


def _bytes(key: str, method: str, path: str, body: object = None) -> bytes:
    content = json.dumps(body).encode() if body is not None else b""
    head = (
        f"{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(content)}\r\n"
    )
    if content:
        head += "Content-Type: application/json\r\n"
    return head.encode() + b"\r\n" + content


def _key() -> str:
    from accounts import keys
    from accounts.models import Tenant
    from accounts.scopes import Scope

    return keys.create(tenant=Tenant.objects.get(slug="default"), name="bench", scopes=Scope.values)[1]


def _is_up(port: int, key: str) -> bool:
    try:
        answers = clients.ask(port, lambda _: _bytes(key, "GET", "jobs?limit=1"), clients=1, seconds=0.01)
    except OSError:
        return False
    return answers.statuses.total() > 0


def _say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:6.1f}  {text}", flush=True)


if __name__ == "__main__":
    main()

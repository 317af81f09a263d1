"""`make bench-console`: what each page weighs, how soon an open page shows what a worker does while 100 runs a second
go by, and how soon pages open with 1,000,000 executions. The last line is JSON."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import daybook, servers
from benchmarks.api import history
from benchmarks.console import speed, visitor
from benchmarks.outage.turns import percentile
from benchmarks.processes import Process, environment
from benchmarks.runs import systems
from benchmarks.runs.journal import VARIABLE
from benchmarks.servers import Servers
from scheduler_project.embedded.processes import free_port, wait_until

SETTINGS = "benchmarks.console.settings"
WEB = ("-m", "uvicorn", "scheduler_project.asgi:application", "--lifespan", "off", "--no-access-log")
HEAVIEST = 150_000
SCHEDULE = {"kind": "cron", "cron": "0 4 * * *"}
PAGES = {
    "Dashboard": "/admin/",
    "Jobs": "/admin/jobs/job/",
    "New job": "/admin/jobs/job/add/",
    "Job": "/admin/jobs/job/{job}/",
    "Executions": "/admin/jobs/execution/",
    "Execution": "/admin/jobs/execution/{execution}/change/",
    "Schedule": "/admin/jobs/forecasthour/",
    "Pipelines": "/admin/jobs/dependency/",
    "Dead letters": "/admin/jobs/deadletter/",
    "Workers & queues": "/admin/jobs/worker/",
    "Templates": "/admin/templates_registry/templateversion/",
    "Playground": "/admin/templates_registry/templateversion/playground/",
    "Settings": "/admin/settings/",
    "Audit trail": "/admin/accounts/auditentry/",
    "API keys": "/admin/accounts/apikey/",
    "Inbox": "/admin/notifications/",
    "Notification rules": "/admin/notifications/rules/",
    "Channels": "/admin/notifications/channels/",
    "Deliveries": "/admin/notifications/deliveries/",
}


def main() -> None:
    options = _options()
    with servers.running() as running:
        os.environ["BENCH_STATIC_ROOT"] = str(running.folder / "static")
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread
        daybook.set_up(running, settings=SETTINGS)
        _collect_static()
        system = systems.ours(running)
        base, session, probe = _stage(system.database, running)
        try:
            for worker in system.workers:
                system.run(running, worker, **{VARIABLE: str(running.folder / "journal")})
            for other in system.also:
                system.run(running, other)
            with _web(system.environment, running.folder, base), visitor.browser() as browser:
                weights = _weigh_all(browser, base, session, probe)
                live = _listen(browser, base, session, probe, system, running, options)
                opened = _open_with_history(browser, base, session, options.executions)
        finally:
            system.stop()
    print(json.dumps({"weights": weights, "live": live, "opened": opened}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-console ARGS=...", description=__doc__)
    parser.add_argument("--rate", type=float, default=100, help="runs a second that go by")
    parser.add_argument("--seconds", type=float, default=30, help="for so long")
    parser.add_argument("--executions", type=int, default=1_000_000, help="how long the history of the lists is")
    return parser.parse_args()


def _collect_static() -> None:
    from django.core.management import call_command

    call_command("collectstatic", interactive=False, verbosity=0)


def _stage(database: str, running: Servers) -> tuple[str, str, int]:
    """The address to be, a session of an administrator, and a job whose few runs are looked at among the many."""
    from django.contrib.auth.models import User
    from django.test import Client

    from accounts.models import Tenant
    from jobs import registry

    user = User.objects.create_superuser("bench")
    client = Client()
    client.force_login(user)
    probe = registry.create(
        {
            "name": "Probe",
            "template": "bench_nothing",
            "schedule": {"kind": "manual"},
            "policies": {"overlap": "allow"},
        },
        tenant=Tenant.objects.get(slug="default"),
        actor="user:bench",
    )
    registry.run_now(probe, actor="user:bench")
    return f"http://localhost:{free_port()}", client.cookies["sessionid"].value, probe.pk


@contextmanager
def _web(values: Mapping[str, str], folder: Path, base: str) -> Iterator[Process]:
    port = base.rpartition(":")[2]
    role = {**values, "DJANGO_SETTINGS_MODULE": SETTINGS, "DAYBOOK_ROLE": "web"}
    with Process([*WEB, "--port", port], environment(**role), folder / "web.log") as web:
        if not wait_until(lambda: "running on" in web.log.read_text(), seconds=60):
            raise SystemExit(f"The web does not start:\n{web.log.read_text()[-4000:]}")
        yield web


def _weigh_all(browser: Any, base: str, session: str, probe: int) -> dict[str, Any]:
    from jobs.models import Execution

    execution = Execution.objects.order_by("-id").values_list("pk", flat=True)[0]
    print(f"\n{'a first visit':<20}{'requests':>10}{'raw KB':>9}{'sent KB':>9}{'HTML KB':>9}{'foreign':>9}")
    found: dict[str, Any] = {}
    for name, path in PAGES.items():
        context = visitor.sign_in(browser, base, session)
        weight = visitor.weigh(context, path.format(job=probe, execution=execution))
        context.close()
        mark = "  too heavy" if weight.sent > HEAVIEST else ""
        print(
            f"{name:<20}{weight.requests:>10}{weight.raw / 1000:>9.0f}{weight.sent / 1000:>9.0f}"
            f"{weight.html / 1000:>9.0f}{weight.foreign:>9}{mark}"
        )
        found[name] = vars(weight)
    return found


def _listen(
    browser: Any, base: str, session: str, probe: int, system: systems.System, running: Servers,
    options: argparse.Namespace,
) -> dict[str, Any]:  # fmt: skip
    """The dashboard hears all, the page of the probe shows its own runs; both are of one busy browser."""
    from jobs import registry
    from jobs.models import Job
    from jobs.tick import publisher

    context = visitor.sign_in(browser, base, session, viewport={"width": 1366, "height": 900})
    dashboard, page = context.new_page(), context.new_page()
    dashboard.goto("/admin/")
    page.goto(f"/admin/jobs/job/{probe}/")
    for one in (dashboard, page):
        one.wait_for_selector("html[data-live-state=live]", timeout=20_000)
    job = Job.objects.select_related("template").get(pk=probe)
    sent = running.folder / "sent.bin"
    pace = ["-m", "benchmarks.runs.produce", system.module, "--rate", str(options.rate)]
    with Process(
        [*pace, "--seconds", str(options.seconds), "--sent", str(sent)],
        environment(**system.environment),
        running.folder / "produce.log",
    ) as producer:
        page.wait_for_timeout(3_000)
        ends_at = time.monotonic() + options.seconds - 4
        runs = []
        while time.monotonic() < ends_at:
            execution_id = registry.run_now(job, actor="user:bench")
            publisher.announce_soon([execution_id])
            runs.append(execution_id)
            page.wait_for_timeout(700)
        producer.wait()
    page.wait_for_timeout(3_000)
    _expect_ends(runs)
    return _judge(dashboard, page, probe, runs, options)


def _expect_ends(runs: list[int]) -> None:
    from jobs.models import Execution

    found = Execution.objects.filter(pk__in=runs, status="succeeded").count()
    if not runs or found < len(runs):
        raise SystemExit(f"Of {len(runs)} runs that were looked at {found} have succeeded: the machine is too busy.")


def _judge(dashboard: Any, page: Any, probe: int, runs: list[int], options: argparse.Namespace) -> dict[str, Any]:
    from jobs.models import Execution

    ended = {row.pk: row for row in Execution.objects.filter(pk__in=runs)}
    heard = _heard_after(visitor.notes(page, "heard"), probe, [ended[pk].finished_at for pk in runs])
    seen = visitor.notes(page, "seen")
    shown = [seen[str(pk)] / 1000 - ended[pk].created_at.timestamp() for pk in runs if str(pk) in seen]
    late = {"page of a job": visitor.notes(page, "late"), "dashboard": visitor.notes(dashboard, "late")}
    total = Execution.objects.filter(status="succeeded").count()
    print(
        f"\n{options.rate:.0f} runs a second for {options.seconds:.0f} s ({total:,} succeeded), {len(runs)} looked at"
    )
    print(f"{'':<44}{'p50':>8}{'p95':>8}{'most':>8}")
    figures: dict[str, Any] = {"runs": total, "looked_at": len(runs), "heard": len(heard), "shown": len(shown)}
    for name, seconds in (
        ("end of a run -> message in the browser, s", heard),
        ("run made -> its row on the page, s", shown),
    ):
        figures[name] = _spread(seconds)
        print(f"{name:<44}" + "".join(f"{value:>8.2f}" for value in figures[name].values()))
    for name, milliseconds in late.items():
        key = f"a timer of the {name} is late by, ms"
        figures[key] = _spread(milliseconds)
        print(f"{key:<44}" + "".join(f"{value:>8.0f}" for value in figures[key].values()))
    return figures


def _open_with_history(browser: Any, base: str, session: str, executions: int) -> dict[str, Any]:
    from jobs.models import Execution

    daybook.make_jobs([SCHEDULE], history.JOBS, name="Nightly cleanup")
    history.fill(executions)
    newest = Execution.objects.filter(status="failed").order_by("-id")[0]
    assert newest.job_id is not None
    context = visitor.sign_in(browser, base, session, viewport={"width": 1366, "height": 900})
    print(f"\nWith {executions:,} executions more")
    found = speed.measure(context, job=newest.job_id, execution=newest.pk)
    context.close()
    return found


def _spread(values: list[float]) -> dict[str, float]:
    ascending = sorted(values)
    return {"p50": percentile(ascending, 50), "p95": percentile(ascending, 95), "max": percentile(ascending, 100)}


def _heard_after(messages: list[Any], probe: int, ends: list[Any]) -> list[float]:
    """The n-th end is told by the message with which the ends that were told become n."""
    told: list[float] = []
    for at, topic, events in messages:
        if topic == f"job:{probe}":
            told += [at / 1000] * events.get("execution.succeeded", 0)
    return [at - end.timestamp() for at, end in zip(told, sorted(ends), strict=False)]


if __name__ == "__main__":
    main()

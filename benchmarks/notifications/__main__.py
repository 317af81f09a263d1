"""`make bench-notifications`: a storm of failures beside running jobs, told and not told. The last line is JSON."""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import statistics
import time
from collections import Counter
from typing import Any

from benchmarks import daybook, servers
from benchmarks.notifications import receiver
from benchmarks.processes import Process, environment, processor_seconds

STARTED = time.monotonic()
CAUGHT_UP_WITHIN = 120.0
SURROUNDINGS = {
    "DAYBOOK_OUTBOUND_ALLOW": "127.0.0.1",
    "DAYBOOK_KEY_PROVIDER": "environment",
    "DAYBOOK_ENCRYPTION_KEYS": f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}",
}
PATHS = ("/chat", "/hook")


def main() -> None:
    options = _options()
    with servers.running() as running, receiver.running() as (port, calls):
        os.environ |= SURROUNDINGS
        daybook.set_up(running)
        url = daybook.use(running, "notifications")
        _make(options.jobs, options.owners, port)
        values = environment(**daybook.settings_for(url, running.broker(0), "command") | SURROUNDINGS)
        switch, log = running.folder / "telling", running.folder / "failures.log"
        _say(
            f"{options.failures:,} runs fail in {2 * options.slices} slices, every other one beside the telling of all"
        )
        teller_log = running.folder / "teller.log"
        with Process(["-m", "benchmarks.notifications.teller", str(switch)], values, teller_log) as teller:
            _wait(lambda: "ready" in teller_log.read_text(), teller)
            before = processor_seconds([teller.pid])
            command = ["-m", "benchmarks.notifications.failures", str(options.failures), str(2 * options.slices)]
            with Process([*command, str(switch)], values, log) as failing:
                failing.wait()
            _wait(_is_caught_up, teller)
            used = processor_seconds([teller.pid]) - before
        rates = json.loads(log.read_text().splitlines()[-1])
        ratios = sorted(told / alone for told, alone in zip(rates["told"], rates["alone"], strict=True))
        figures = {
            "failures": options.failures,
            "jobs": options.jobs,
            "owners": options.owners,
            "alone_per_second": round(statistics.median(rates["alone"]), 1),
            "told_per_second": round(statistics.median(rates["told"]), 1),
            "ratio": round(statistics.median(ratios), 3),
            "ratios": [round(ratio, 2) for ratio in ratios],
            "telling_cpu_ms_per_failure": round(1000 * used / options.failures, 2),
        } | _received(calls)
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notifications", description=__doc__)
    parser.add_argument("--failures", type=int, default=10_000, help="failing runs that are told of")
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--owners", type=int, default=5)
    parser.add_argument("--slices", type=int, default=20, help="pairs of them: alone, and then beside the telling")
    return parser.parse_args()


def _make(jobs: int, owners: int, port: int) -> None:
    """A rule that tells every failure: in the inbox of the job's owner, and by two channels."""
    from django.contrib.auth.models import User

    from accounts.models import Membership, Tenant
    from accounts.scopes import Role
    from jobs.models import Job
    from notifications.channels import changes
    from notifications.fanout import fan_out
    from notifications.models import Rule

    daybook.make_jobs([{"kind": "cron", "cron": "0 0 1 1 *"}], jobs, policies={"overlap": "allow"})
    tenant = Tenant.objects.get(slug="default")
    for number in range(owners):
        user = User.objects.create_user(f"owner{number}")
        Membership.objects.create(tenant=tenant, user=user, role=Role.AUTHOR)
        Job.objects.extra(where=["id %% %s = %s"], params=[owners, number]).update(owner=user)
    rule = Rule.objects.create(tenant=tenant, name="All failures", kinds=["failed"], only_changes=False)
    for name, kind, path in (("Chat", "slack", PATHS[0]), ("Hook", "webhook", PATHS[1])):
        data = {"name": name, "kind": kind, "config": {"url": f"http://127.0.0.1:{port}{path}"}}
        rule.channels.add(changes.create(data, tenant=tenant, actor="user:bench")[0])
    fan_out.begin_now()


def _is_caught_up() -> bool:
    from scheduler_project.lib import sql

    unread = """
    SELECT 1 FROM execution_events e JOIN event_cursors c ON c.name = 'notifications'
    WHERE (e.xid, e.id) > (c.xid, c.event_id) AND e.kind = 'failed' LIMIT 1
    """
    return not sql.rows(unread)


def _received(calls: Counter[str]) -> dict[str, Any]:
    from notifications.models import Delivery, Notification

    inboxes = Counter(Notification.objects.values_list("user__username", flat=True))
    counted = sum(Notification.objects.values_list("count", flat=True))
    by_channel: Counter[str] = Counter()
    for name, count in Delivery.objects.values_list("channel__name", "count"):
        by_channel[name] += count
    return {
        "inbox_messages_most": max(inboxes.values()),
        "inbox_counted": counted,
        "channel_calls": {path: calls[path] for path in PATHS},
        "channel_counted": dict(by_channel),
    }


def _wait(is_done: Any, teller: Process) -> None:
    ends_at = time.monotonic() + CAUGHT_UP_WITHIN
    while not is_done():
        teller.expect_alive()
        if time.monotonic() > ends_at:
            raise SystemExit(f"Not caught up after {CAUGHT_UP_WITHIN:.0f} s.")
        time.sleep(0.2)


def _say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:7.1f}  {text}", flush=True)


if __name__ == "__main__":
    main()

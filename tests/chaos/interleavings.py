"""Deterministic courses of two sessions in which each barrier matters. Each leaves a database for the checker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from unittest import mock

from django.db import OperationalError, connection, connections

from accounts.models import Tenant
from jobs import ledger, registry
from jobs.backends.base import Announcement
from jobs.models import Execution, Job
from jobs.tick import publisher
from jobs.tick.leader import Leader, NotLeading
from scheduler_project.lib import sql, transactions
from tests.chaos.sessions import Session
from tests.chaos.tick_mutants import CURSOR, TICKS
from tests.live import wait_for

SHORT = timedelta(seconds=0.5)
LONG = timedelta(seconds=60)
AGO = timedelta(seconds=65)
STANDSTILL = 4.0  # seconds after which a take-over that waits for a suspended leader counts as never


@dataclass
class Scene:
    """What an interleaving uses, and what it saw itself."""

    seen: list[str] = field(default_factory=list)
    made: int = 0

    def job(self, **changes: object) -> Job:
        """A job that was made a minute ago and is due every 20 seconds since then."""
        self.made += 1
        now = sql.now() - AGO
        definition: dict[str, object] = {
            "name": f"Job {self.made}",
            "template": "echo",
            "schedule": {"kind": "interval", "every_seconds": 20},
            "policies": {"overlap": "allow", "misfire": "all", "late_after_seconds": 3600},
            **changes,
        }
        tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
        with mock.patch.object(sql, "now", return_value=now):
            return registry.create(definition, tenant=tenant, actor="user:test", may_run_sub_minute=True)


def lead(name: str, ttl: timedelta) -> Leader:
    """A leader that has just taken the lead."""
    leader = Leader(name, ttl=ttl)
    wait_for(leader.keep, seconds=5, what=f"{name} to lead")
    return leader


def decide(leader: Leader) -> None:
    """T1, as the scheduler's turn does it."""
    with transactions.engine():
        now = leader.fence()
        ledger.decide_due(now=now, epoch=leader.epoch)


def keep_trying(leader: Leader) -> None:
    """Each try gives up on its own at a lock that is held."""

    def has_the_lead() -> bool:
        with suppress(OperationalError):
            return leader.keep()
        connection.close()
        return False

    wait_for(has_the_lead, seconds=20, what=f"{leader.holder} to lead")


def wait_until_expired() -> None:
    wait_for(
        lambda: sql.rows("SELECT 1 FROM scheduler_leases WHERE expires_at <= clock_timestamp()"),
        seconds=5,
        what="the end of the lease",
    )


# --- the courses ------------------------------------------------------------------------------------------------------


def a_deposed_leader_decides(scene: Scene) -> None:
    """It was suspended between renewing its lease and deciding."""
    scene.job()
    old = lead("old", SHORT)
    wait_until_expired()
    decide(lead("new", LONG))
    scene.job()
    try:
        decide(old)
    except NotLeading:
        decide(lead_again("new"))


def lead_again(name: str) -> Leader:
    row = sql.row("SELECT epoch FROM scheduler_leases WHERE holder = %(holder)s", {"holder": name})
    assert row is not None
    leader = Leader(name, ttl=LONG)
    leader.epoch = row["epoch"]
    return leader


def a_leader_is_overtaken_while_it_decides(scene: Scene) -> None:
    scene.job()
    old, new = lead("old", SHORT), Leader("new", ttl=LONG)
    slow = Session(lambda: decide(old), stop_at=TICKS)
    slow.wait_until_stopped()
    wait_until_expired()
    taking = Session(new.keep)
    taking.wait_until_done_or_held()
    scene.job()
    if not taking.is_alive():
        decide(new)
    slow.go_on()
    taking.go_on()
    decide(new)


def a_job_is_disabled_while_its_ticks_are_decided(scene: Scene) -> None:
    job = scene.job()
    leader = lead("one", LONG)
    deciding = Session(lambda: decide(leader), stop_at=TICKS)
    deciding.wait_until_stopped()
    changing = Session(lambda: registry.disable(job.pk, actor="user:test"))
    changing.wait_until_done_or_held()
    deciding.go_on()
    changing.go_on()
    assert changing.error is None, changing.error
    decide(leader)


def two_decide_at_once(scene: Scene) -> None:
    """Whoever is not fenced off does."""
    scene.job()
    old = lead("old", SHORT)
    slow = Session(lambda: decide(old), stop_at=TICKS)
    slow.wait_until_stopped()
    wait_until_expired()
    new = Leader("new", ttl=LONG)

    def take_and_decide() -> None:
        wait_for(new.keep, seconds=5, what="the new one to lead")
        decide(new)

    other = Session(take_and_decide)
    other.wait_until_done_or_held()
    slow.go_on()
    other.go_on()


def the_leader_dies_before_it_writes_ticks(scene: Scene) -> None:
    scene.job()
    leader = lead("one", LONG)
    Session(lambda: decide(leader), crash_at=TICKS).go_on()
    decide(leader)


def the_leader_dies_before_it_moves_on(scene: Scene) -> None:
    scene.job()
    leader = lead("one", LONG)
    Session(lambda: decide(leader), crash_at=CURSOR).go_on()
    decide(leader)


def the_leader_is_suspended_while_it_decides(scene: Scene) -> None:
    """The limit is shortened, since nobody wants to wait for it."""
    scene.job()
    shorter = transactions.LIMITS.replace(
        "idle_in_transaction_session_timeout = '5s'", "idle_in_transaction_session_timeout = '1s'"
    )
    old, new = lead("old", SHORT), Leader("new", ttl=LONG)
    with mock.patch.object(transactions, "LIMITS", shorter):
        suspended = Session(lambda: decide(old), stop_at=TICKS)
        suspended.wait_until_stopped()
        wait_until_expired()
        taking = Session(lambda: keep_trying(new))
        if not taking.is_done_within(STANDSTILL):
            scene.seen.append("no_take_over")
        suspended.go_on()
    taking.go_on()
    assert taking.error is None, taking.error
    decide(new)


def a_job_is_changed_while_nobody_decides(scene: Scene) -> None:
    job = scene.job()
    registry.change(job.pk, {"schedule": {"kind": "interval", "every_seconds": 30}}, actor="user:test")
    decide(lead("one", LONG))


def a_run_is_in_the_way(scene: Scene) -> None:
    scene.job(policies={"overlap": "skip", "late_after_seconds": 3600})
    decide(lead("one", LONG))


class Onlooker:
    """A broker that looks, from a session of its own, whether what it is told of is there."""

    name = "onlooker"

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen
        self.told = 0

    def announce(self, announcements: Sequence[Announcement]) -> None:
        ids = [announcement.execution_id for announcement in announcements]
        found: list[int] = []

        def look() -> None:
            found.extend(Execution.objects.filter(pk__in=ids).values_list("pk", flat=True))
            connections.close_all()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        self.told += len(ids)
        if set(found) != set(ids):
            self.seen.append("announced_before_it_is_there")

    def waiting(self, queue: str) -> int:
        return 0

    def is_provisioned(self) -> bool:
        return True


def a_message_overtakes_its_commit(scene: Scene) -> None:
    scene.job()
    onlooker = Onlooker(scene.seen)
    leader = lead("one", LONG)
    with mock.patch.object(publisher, "get_backend", return_value=onlooker):
        decide(leader)
        publisher.publish_waiting()
    assert onlooker.told, "Nothing was announced."


Interleaving = Callable[[Scene], None]

# Each with the mutants that it has to turn red, and by which violations.
CASES: list[tuple[Interleaving, tuple[str, ...], set[str]]] = [
    (a_deposed_leader_decides, ("no_fence",), {"tick_of_a_deposed_leader"}),
    (a_deposed_leader_decides, ("no_fence", "no_row_lock"), {"tick_of_a_deposed_leader"}),
    (a_deposed_leader_decides, ("no_fence", "no_unique"), {"tick_of_a_deposed_leader"}),
    (a_leader_is_overtaken_while_it_decides, ("fence_without_lock",), {"tick_written_after_the_lead"}),
    (a_job_is_disabled_while_its_ticks_are_decided, ("no_row_lock",), {"wrong_cursor"}),
    (a_job_is_disabled_while_its_ticks_are_decided, ("no_row_lock", "no_unique"), {"double_tick"}),
    (a_leader_is_overtaken_while_it_decides, ("fence_without_lock", "no_unique"), {"tick_written_after_the_lead"}),
    (two_decide_at_once, ("fence_without_lock", "no_row_lock", "no_unique"), {"double_tick", "double_execution"}),
    (the_leader_dies_before_it_writes_ticks, ("no_unique",), {"missing_guard"}),
    (the_leader_dies_before_it_writes_ticks, ("cursor_before_ticks",), {"unaccounted_tick"}),
    (the_leader_dies_before_it_moves_on, ("cursor_after_commit",), {"wrong_fired_count"}),
    (the_leader_dies_before_it_moves_on, ("cursor_after_commit", "no_unique"), {"double_tick", "double_execution"}),
    (the_leader_is_suspended_while_it_decides, ("no_idle_timeout",), {"no_take_over"}),
    (a_job_is_changed_while_nobody_decides, ("edit_without_deciding",), {"unaccounted_tick"}),
    (a_run_is_in_the_way, ("unrecorded_skips",), {"unaccounted_tick"}),
    (a_message_overtakes_its_commit, ("publish_before_commit",), {"announced_before_it_is_there"}),
]

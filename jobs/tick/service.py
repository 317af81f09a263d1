"""The loops around the turn: publishing in every candidate that leads, and the leader's sweeps."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import Error

from accounts import idempotency, keys
from accounts.audit import retention, sealing
from accounts.request_log import storing
from accounts.sign_in import leftovers as sign_ins
from jobs.backends.base import Backend, get_backend
from jobs.backends.celery import CeleryBackend
from jobs.recovery import (
    backfills,
    celery_results,
    deadlines,
    leftovers,
    old_calls,
    old_drafts,
    old_events,
    partitions,
    projections,
    silent_workers,
    slow_runs,
)
from jobs.recovery.deliveries import Deliveries
from jobs.recovery.forecasts import Keeper
from jobs.recovery.reaper import Reaper
from jobs.recovery.reconciler import EVERY, Reconciler
from jobs.recovery.replays import Replays
from jobs.recovery.resync import Resync
from jobs.recovery.silent_workers import SilentWorkers
from jobs.recovery.slow_runs import SlowRuns
from jobs.recovery.successions import Successions
from jobs.recovery.switches import Switches
from jobs.recovery.upgrade import Upgrade
from jobs.tick import diary, publisher, sweeps
from jobs.tick.canaries import Canaries
from jobs.tick.publisher import Publisher
from jobs.tick.sweeps import Sweep
from jobs.tick.turn import Turn
from scheduler_project.lib import telemetry, transactions
from scheduler_project.lib.loop import Loop


class Service:
    """What a scheduler process runs. The turn itself is driven from outside, by Celery beat or APScheduler."""

    def __init__(self, backend: Backend | None = None) -> None:
        backend = backend or get_backend()
        self.turn = Turn(on_fired=self._wake_publisher)
        lease = settings.DAYBOOK_RUN_LEASE
        reap_every = min(timedelta(seconds=5), lease / 8)
        reconciler = Reconciler(self.turn.leader)
        reaper = Reaper(lease=lease, interval=reap_every)
        self._publisher = Loop(
            "publisher", self._leading(Publisher(backend).turn), interval=timedelta(seconds=publisher.EVERY)
        )
        self._sweeps = [
            *self._canaries(backend),
            *(self._loop_of(one) for one in sweeps.of_others()),
            Loop("reaper", self._leading(reaper.sweep), interval=reap_every),
            Loop("deadlines", self._leading(deadlines.sweep), interval=timedelta(seconds=2)),
            Loop("projections", self._leading(projections.sweep), interval=timedelta(seconds=1)),
            Loop("successions", self._leading(Successions().sweep), interval=timedelta(seconds=1)),
            Loop("switches", self._leading(Switches().sweep), interval=timedelta(seconds=1)),
            Loop("resync", self._leading(Resync().sweep), interval=timedelta(seconds=2)),
            Loop("backfills", self._leading(backfills.sweep), interval=timedelta(seconds=1)),
            Loop("replays", self._leading(Replays().sweep), interval=timedelta(seconds=1)),
            Loop("reconciler", self._leading(reconciler.sweep), interval=EVERY),
            Loop("upgrade", self._leading(Upgrade().sweep), interval=timedelta(seconds=1)),
            *self._mirror(),
            self._loop_of(Sweep("webhooks", lambda: Deliveries().sweep, timedelta(seconds=1), finishes=True)),
            Loop("old calls", self._leading(old_calls.sweep), interval=old_calls.EVERY),
            Loop("old drafts", self._leading(old_drafts.sweep), interval=old_drafts.EVERY),
            Loop("leftovers", self._leading(leftovers.sweep), interval=timedelta(minutes=10)),
            Loop("slow runs", self._leading(SlowRuns().sweep), interval=slow_runs.EVERY),
            Loop("silent workers", self._leading(SilentWorkers().sweep), interval=silent_workers.EVERY),
            Loop("forecasts", self._leading(Keeper().sweep), interval=timedelta(minutes=1)),
            Loop("idempotency", self._leading(idempotency.sweep), interval=timedelta(minutes=1)),
            Loop("last used", self._leading(keys.write_last_used), interval=timedelta(seconds=10)),
            Loop("sign-ins", self._leading(sign_ins.sweep), interval=timedelta(minutes=1)),
            Loop("partitions", self._leading(partitions.sweep), interval=timedelta(minutes=1)),
            Loop("audit seals", self._leading(sealing.sweep), interval=sealing.EVERY),
            Loop("audit retention", self._leading(retention.sweep), interval=retention.EVERY),
            Loop("request log", self._leading(storing.sweep), interval=storing.EVERY),
            Loop("old events", self._leading(old_events.sweep), interval=old_events.EVERY),
        ]

    def _canaries(self, backend: Backend) -> list[Loop]:
        """Without a broker nobody can be deaf."""
        if not isinstance(backend, CeleryBackend):
            return []
        every = min(timedelta(seconds=5), settings.DAYBOOK_CANARY_EVERY)
        return [Loop("canaries", self._leading(Canaries(backend.ask).sweep), interval=every)]

    def _mirror(self) -> list[Loop]:
        if not settings.DAYBOOK_STORE_CELERY_RESULTS:
            return []
        return [Loop("celery results", self._leading(celery_results.sweep), interval=timedelta(seconds=1))]

    def start(self) -> None:
        telemetry.listen(diary.overhear)
        # Before any tick: once a month's are in the default partition, it can get none of its own.
        with suppress(Error):
            partitions.sweep()
        # All that was loaded stays for good. A full collection would walk it each time, a tenth of a second in a turn.
        gc.collect()
        gc.freeze()
        for loop in (self._publisher, *self._sweeps):
            loop.start()

    def stop(self) -> None:
        """Give the lead up first, so that a standby goes on while the loops here end."""
        try:
            self.turn.end()
        except Error:  # then the lease runs out
            transactions.forget_connection()
        for loop in (self._publisher, *self._sweeps):
            loop.stop()

    def _loop_of(self, sweep: Sweep) -> Loop:
        verb = sweep.make()
        if not sweep.finishes:
            return Loop(sweep.name, self._leading(verb), interval=sweep.every)
        leads = partial(getattr, self.turn.leader, "is_leading")
        return Loop(sweep.name, partial(verb, leads=leads), interval=sweep.every, finishes=True)

    def _wake_publisher(self) -> None:
        self._publisher.wake()

    def _leading(self, verb: Callable[[], object]) -> Callable[[], object]:
        return lambda: verb() if self.turn.leader.is_leading else None

"""Compares the counters of the scheduling with the events that they count."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs import scheduler_events


class Command(BaseCommand):
    help = "Check that each cumulative counter equals the sum of its events, those dropped by age included."

    def handle(self, *args: Any, **options: Any) -> None:
        differences = scheduler_events.find_differences()
        for found in differences:
            of = f" of tenant {found.tenant_id}" if found.tenant_id else ""
            self.stdout.write(
                f"{found.type}{of}: {found.counted} counted, {found.recorded} recorded and {found.dropped} dropped"
            )
        if differences:
            raise CommandError(f"{len(differences)} counters are not the sums of their events.")
        self.stdout.write("Every counter is the sum of its events.")

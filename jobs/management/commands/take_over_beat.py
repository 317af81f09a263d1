"""Runs adopted jobs again, after another beat that ran their rows has been stopped."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from jobs.recovery import adoption
from scheduler_project.lib import origin


class Command(BaseCommand):
    help = (
        "Make the adopted jobs live again that are only observed because another beat ran their rows. "
        "Stop that beat first: if it still runs, they are put back within a few minutes."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = adoption.take_over(actor=origin.by_command("take_over_beat"))
        self.stdout.write(f"{count} adopted jobs are live again.")

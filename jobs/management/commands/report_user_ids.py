"""Says in which types the ids of users are stored, per tenant; with `--backfill`, brings them into one form."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from jobs import user_ids


class Command(BaseCommand):
    help = "Report the types of the user ids of runs, per tenant, and optionally write all of them in one form."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--backfill", action="store_true", help="Write every id in its one form, some at a time. Can be begun anew."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["backfill"]:
            changed = sum(user_ids.bring_into_one_form())
            self.stdout.write(f"{changed} rows were brought into the one form.")
        self.stdout.write(f"{'tenant':24} {'type':8} {'runs':>10} {'users':>10} {'other forms':>12}")
        for found in user_ids.report():
            self.stdout.write(
                f"{found.tenant:24} {found.kind:8} {found.runs:>10} {found.users:>10} {found.to_change:>12}"
            )

"""Switches the scheduler on or off while everything runs: `manage.py set_flag scheduler.enabled off --note "why"`."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs import runtime_flags


class Command(BaseCommand):
    help = "Show the switches of the whole system, or set one. A change counts at once in every process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", choices=sorted(runtime_flags.DESCRIBED))
        parser.add_argument("value", nargs="?", choices=["on", "off"])
        parser.add_argument("--note", default="", help="Why; everybody who is refused reads it.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["name"] is None:
            self._show()
            return
        if options["value"] is None:
            raise CommandError(f"Say what {options['name']} is to be: on or off.")
        try:
            flag = runtime_flags.switch(
                options["name"],
                options["value"] == "on",
                actor=f"system:{getpass.getuser()}",
                note=options["note"],
            )
        except runtime_flags.FixedFlag as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{flag.name} is {'on' if flag.value else 'off'}.")

    def _show(self) -> None:
        for flag in runtime_flags.current():
            by = f" by {flag.set_by}: {flag.note}" if flag.set_by else ""
            self.stdout.write(f"{flag.name:24} {'on' if flag.value else 'off':4} ({flag.source}{by})")

"""`manage.py rotate_keys`: new keys for all secrets, in short batches, beside everything else that goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import audit
from accounts.sealing import CannotOpen, KeysUnavailable, providers, rewrapping
from jobs import rotation
from jobs.rotation import DRAFTS, TABLES, Moved, Table

ACTOR = "system:rotate_keys"
EVERYWHERE = (*TABLES, DRAFTS)
ROUNDS = 3  # what was stored with the former key while the first round went by


class Command(BaseCommand):
    help = (
        "Give each tenant a new data key, wrap the older ones by the active key of the provider, and encrypt anew what "
        "jobs, runs to come and channels hold; what is still plain text is encrypted everywhere. Can be cut off at any "
        "time and called again. Verifies at the end, says which keys are needed no longer, and exits with 1 when a "
        "secret cannot be opened."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--plan", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--batch", type=int, default=200, help="rows in one transaction (default: 200)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["batch"] <= 10_000:
            raise CommandError("--batch is from 1 to 10000.")
        try:
            if options["plan"]:
                self._plan(options["batch"])
            else:
                self._rotate(options["batch"])
        except (KeysUnavailable, CannotOpen) as error:
            raise CommandError(f"{error} What was done so far stays; call the command again.") from error

    def _plan(self, size: int) -> None:
        active = providers.active()
        self.stdout.write(f"Active: the key {active.active_id()} of the provider {active.name}.")
        self.stdout.write(
            f"{sum(rewrapping.in_use().values())} data keys, {len(rewrapping.outdated())} under another key."
        )
        for table in EVERYWHERE:
            found = rotation.move(table, size=size, plan=True)
            plain = f", {found.encrypted} of them plain text" if found.encrypted else ""
            stays = "; what is encrypted there stays" if table.is_history else ""
            self.stdout.write(f"{table.what}: {found.seen} secrets{plain}{stays}")
        for keeper in rotation.keepers():
            self.stdout.write(f"{keeper.what}: {keeper.move(size, True).seen} secrets")

    def _rotate(self, size: int) -> None:
        made, wrapped = rewrapping.replace_active(), rewrapping.rewrap()
        self.stdout.write(f"{made} new data keys, {wrapped} wrapped anew.")
        for table in EVERYWHERE:
            moved = self._move(table, size)
            self.stdout.write(f"{table.what}: {moved.moved} secrets moved, {moved.encrypted} that were plain text")
        for keeper in rotation.keepers():
            moved = self._rounds(partial(keeper.move, size, False))
            self.stdout.write(f"{keeper.what}: {moved.moved} secrets moved")
        problems = self._verify(size)
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError("Keep all keys: not every secret can be opened.")
        rewrapping.finish()
        self._tell_needed()
        audit.record("keys.rotated", actor=ACTOR, tenant_id=None, target="data_key", note=f"{made} new data keys")

    def _move(self, table: Table, size: int) -> Moved:
        def move() -> Moved:
            return rotation.move(table, size=size, tell=self._progress)

        return self._rounds(move, most=1 if table.is_history else ROUNDS)

    def _rounds(self, move: Callable[[], Moved], *, most: int = ROUNDS) -> Moved:
        total = Moved()
        for _ in range(most):
            moved = move()
            total.moved += moved.moved
            total.encrypted += moved.encrypted
            if not moved.changed:
                break
        return total

    def _verify(self, size: int) -> list[str]:
        problems = rewrapping.verify()
        for table in EVERYWHERE:
            if not table.is_history:
                found = rotation.verify(table, size=size)
                problems += found.problems
                self._tell_verified(table.what, found)
        for keeper in rotation.keepers():
            found = keeper.verify()
            problems += found.problems
            self._tell_verified(keeper.what, found)
        return problems

    def _tell_verified(self, what: str, found: Moved) -> None:
        self.stdout.write(f"verified {what}: {found.seen} secrets, {found.unreadable} cannot be opened")

    def _tell_needed(self) -> None:
        for provider, key_id in rewrapping.idle():
            self.stdout.write(f"The key {key_id} of the provider {provider} is not needed any more.")
        for provider, key_id in sorted(rewrapping.in_use()):
            self.stdout.write(f"Needed: the key {key_id} of the provider {provider}.")

    def _progress(self, table: Table, seen: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{table.what}: {seen:,} secrets", str, ending="")
            self.stderr.flush()

"""`manage.py verify_audit`: is the audit trail as it was sealed?"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit.verifying import Verdict, verify

SHOWN = 1_000
EVERY = 2.0  # seconds


class Command(BaseCommand):
    help = (
        "Check the audit trail against its chain of seals, and name each entry that was changed, moved, removed or "
        "inserted. Ends with 1 when there is any. Keep the head that it prints elsewhere, and give it the next time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", help="check the entries of the months from here on, such as 2026-11-01")
        parser.add_argument("--until", help="check the entries of the months up to here")
        parser.add_argument("--head", help="the hash that an earlier check printed: it has to be part of the chain")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        self._told_at = time.monotonic()
        verdict = verify(
            since=_instant("since", options["since"]),
            until=_instant("until", options["until"]),
            head=_hash(options["head"]),
            on_progress=self._tell,
        )
        self.stdout.write(json.dumps(_as_json(verdict)) if options["json"] else _in_words(verdict))
        if not verdict.is_sound:
            raise CommandError(f"The audit trail is not as it was sealed: {_count(len(verdict.findings), 'finding')}.")

    def _tell(self, seals: int, entries: int) -> None:
        if time.monotonic() - self._told_at > EVERY:
            self._told_at = time.monotonic()
            self.stderr.write(f"{seals:,} seals, {entries:,} entries …")


def _in_words(verdict: Verdict) -> str:
    lines = [finding.message for finding in verdict.findings[:SHOWN]]
    if len(verdict.findings) > SHOWN:
        lines.append(f"… and {len(verdict.findings) - SHOWN:,} more.")
    parts = [f"{_count(verdict.entries, 'entry')} in {_count(verdict.seals, 'seal')} checked"]
    if verdict.waiting:
        parts.append(f"{_count(verdict.waiting, 'entry')} too new to be sealed")
    if verdict.dropped:
        parts.append(f"{_count(verdict.dropped, 'entry')} dropped after their retention")
    if verdict.restores:
        parts.append(f"the database was restored {_count(verdict.restores, 'time')}")
    return "\n".join([*lines, f"{'; '.join(parts)}.", f"Head: {verdict.head.hex()}"])


def _as_json(verdict: Verdict) -> dict[str, Any]:
    names = ("seals", "entries", "dropped", "restores", "waiting", "is_sound")
    findings = [vars(finding) for finding in verdict.findings]
    return {**{name: getattr(verdict, name) for name in names}, "head": verdict.head.hex(), "findings": findings}


def _count(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _instant(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--{name}: write a day or an instant, such as 2026-11-01.") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _hash(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise CommandError("--head: write the 64 hexadecimal digits that an earlier check printed.")
    return found

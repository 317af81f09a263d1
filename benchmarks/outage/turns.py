"""The scheduler's turns, read from what it logs: when each ended and how many ticks it decided."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Turn:
    ended_at: float
    ticks: int


class TurnLog:
    """Follows the log file; each `read` goes on where the last one ended."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._position = 0
        self.turns: list[Turn] = []

    def read(self) -> None:
        with self._log.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                if b'"tick.decided"' in line:
                    entry = json.loads(line)
                    self.turns.append(Turn(datetime.fromisoformat(entry["at"]).timestamp(), entry["ticks"]))

    @property
    def ticks(self) -> int:
        return sum(turn.ticks for turn in self.turns)

    def durations(self, *, above: int) -> list[float]:
        """Seconds of the turns that decided more ticks than this, from one end to the next, ascending."""
        pairs = zip(self.turns, self.turns[1:], strict=False)
        return sorted(later.ended_at - earlier.ended_at for earlier, later in pairs if later.ticks > above)


def percentile(ascending: Sequence[float], percent: float) -> float:
    if not ascending:
        return float("nan")
    return ascending[min(int(len(ascending) * percent / 100), len(ascending) - 1)]

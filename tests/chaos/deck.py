"""Which faults come when: as many of each kind as its share of the time, shuffled by the seed, at even pace."""

from __future__ import annotations

import random
from collections import Counter
from math import ceil

from tests.chaos.faults import KINDS, Fault

EIGHT_MINUTES = 480.0
REDEALS = 40  # how often a fault that found nothing to hit is tried again


class Deck:
    def __init__(self, source: random.Random, *, seconds: float) -> None:
        self.struck: Counter[str] = Counter()
        self.aims = {name: ceil(kind.per_eight_minutes * seconds / EIGHT_MINUTES) for name, kind in KINDS.items()}
        self._random = source
        self._cards = [KINDS[name] for name, count in self.aims.items() for _ in range(count)]
        source.shuffle(self._cards)
        self._refusals: Counter[str] = Counter()
        self.pace = seconds / len(self._cards)

    @property
    def is_empty(self) -> bool:
        return not self._cards

    def draw(self) -> Fault:
        return self._cards.pop()

    def count(self, kind: Fault) -> None:
        self.struck[kind.name] += 1

    def give_back(self, kind: Fault) -> None:
        """It found nothing to hit: shuffle it under those that come soon."""
        self._refusals[kind.name] += 1
        if self._refusals[kind.name] <= REDEALS * self.aims[kind.name]:
            near = max(len(self._cards) - 15, 0)
            self._cards.insert(self._random.randint(near, len(self._cards)), kind)

    @property
    def missing(self) -> dict[str, int]:
        """How many of each kind did not come about."""
        return {name: aim - self.struck[name] for name, aim in self.aims.items() if self.struck[name] < aim}

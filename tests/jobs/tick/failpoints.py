"""A scheduler that stands still where a test wants it to: in the middle of T1, before the commit.

`celery beat -S tests.jobs.tick.failpoints:HoldingScheduler` stands as long as there is the file that TEST_HOLD names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from jobs import ledger
from jobs.ledger import Decided
from jobs.tick.scheduler import LedgerScheduler

decide_due = ledger.decide_due


def decide_and_hold(**arguments: Any) -> Decided:
    decided = decide_due(**arguments)
    hold = Path(os.environ["TEST_HOLD"])
    if decided.ticks and hold.exists():
        hold.with_suffix(".held").touch()
        while hold.exists():
            time.sleep(0.01)
    return decided


class HoldingScheduler(LedgerScheduler):
    def setup_schedule(self) -> None:
        ledger.decide_due = decide_and_hold
        super().setup_schedule()

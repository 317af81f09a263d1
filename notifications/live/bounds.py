"""How much one client may ask for, and how much it gets at once."""

from __future__ import annotations

import time
from typing import Final

FRAME_BYTES: Final = 65_536  # of a client's message
MESSAGES_PER_SECOND: Final = 20  # from a client
TOPICS: Final = 50  # of one client
SENT_WITHIN: Final = 10.0  # seconds for a message to leave; whoever reads more slowly is cut off
IDLE: Final = 60.0  # seconds without a topic
UNCHECKED: Final = 60.0  # seconds that a connection may last while PostgreSQL cannot say whether it may
HEARTBEAT: Final = 25.0  # seconds of silence after which a client hears that all is well
STREAM_BYTES: Final = 50_000_000  # of one stream; whoever wants more comes again

APART: Final = 0.5  # seconds between two messages of one topic
RUN_APART: Final = 0.25  # the same for the topic of a run
REPLAY_APART: Final = 0.1  # the same while there is more to catch up with
LOOK_AT_RUNS: Final = 1.0  # seconds after which the log of a run that is listened to is read again
LOOK_AT_INBOX: Final = 15.0  # the same for the inbox, whose changes are told by the channel layer
LINES: Final = 200  # of a log in one message
LINES_BYTES: Final = 131_072  # of them; one line may be longer
IDS: Final = 20  # of executions and jobs in one message


class Rate:
    """So many in any second."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._left = float(per_second)
        self._at = time.monotonic()

    def takes_one_more(self) -> bool:
        now = time.monotonic()
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

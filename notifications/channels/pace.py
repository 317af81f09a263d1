"""What a channel may still send in its minute, for what is sent beside its deliveries."""

from __future__ import annotations

import math

from notifications.models import Channel
from scheduler_project.lib import sql

MINUTE = 60
# The claim of deliveries counts the same minute.
COUNT = """
UPDATE notification_channels SET
    minute_started_at = CASE WHEN minute_started_at > statement_timestamp() - interval '1 minute'
        THEN minute_started_at ELSE statement_timestamp() END,
    minute_sent = CASE WHEN minute_started_at > statement_timestamp() - interval '1 minute'
        THEN minute_sent ELSE 0 END + 1
WHERE id = %(channel)s AND (minute_sent < per_minute OR minute_started_at IS NULL
    OR minute_started_at <= statement_timestamp() - interval '1 minute')
RETURNING id
"""


class MinuteIsSpent(Exception):
    """The channel has sent as much in this minute as it may; `wait` seconds later it may again."""

    def __init__(self, channel: Channel, wait: int) -> None:
        super().__init__(f"{channel.name} has sent its {channel.per_minute} messages of this minute.")
        self.wait = wait


def count_one(channel: Channel) -> None:
    """Raises `MinuteIsSpent`."""
    if sql.row(COUNT, {"channel": channel.pk}) is None:
        channel.refresh_from_db(fields=["minute_started_at"])
        gone = (sql.now() - channel.minute_started_at).total_seconds() if channel.minute_started_at else MINUTE
        raise MinuteIsSpent(channel, max(1, math.ceil(MINUTE - gone)))

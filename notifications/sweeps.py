"""What the leader does for notifications: reading what happened, telling, sending, and clearing away what is old."""

from __future__ import annotations

from datetime import timedelta

from jobs.tick.sweeps import Sweep
from notifications.fanout import fan_out
from notifications.inbox import janitor
from notifications.live import broadcast
from notifications.sending import old_deliveries, sender

SWEEPS = (
    Sweep("live", broadcast.make_sweep, timedelta(seconds=broadcast.EVERY)),
    Sweep("notification sender", sender.make_sweep, sender.EVERY, finishes=True),
    Sweep("old deliveries", lambda: old_deliveries.sweep, old_deliveries.EVERY),
    Sweep("notifications", fan_out.make_sweep, fan_out.EVERY),
    Sweep("inbox janitor", lambda: janitor.sweep, janitor.EVERY),
)

"""The stage of deliveries serves here too."""

from tests.jobs.api.conftest import by_key
from tests.notifications.sending.conftest import channel_of, delivery_of, loopback, mails, own_circuits, sender, server

__all__ = ["by_key", "channel_of", "delivery_of", "loopback", "mails", "own_circuits", "sender", "server"]

"""App configuration."""

from datetime import timedelta

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from jobs import cloning, rotation
        from jobs.tick import service
        from notifications import checks  # noqa: F401 - importing the checks registers them
        from notifications.channels.rotation import KEEPER
        from notifications.fanout import fan_out
        from notifications.inbox import janitor
        from notifications.live import broadcast
        from notifications.rulebook import changes
        from notifications.sending import old_deliveries, sender

        cloning.also_copy(changes.copy_rules)
        rotation.also_keeps(KEEPER)
        service.also_sweep("live", broadcast.make_sweep, every=timedelta(seconds=broadcast.EVERY))
        service.also_sweep("notification sender", sender.make_sweep, every=sender.EVERY)
        service.also_sweep("old deliveries", lambda: old_deliveries.sweep, every=old_deliveries.EVERY)
        service.also_sweep("notifications", fan_out.make_sweep, every=fan_out.EVERY)
        service.also_sweep("inbox janitor", lambda: janitor.sweep, every=janitor.EVERY)

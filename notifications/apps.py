"""App configuration."""

from datetime import timedelta

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"

    def ready(self) -> None:
        from jobs.tick import service
        from notifications.inbox import janitor
        from notifications.live import broadcast

        service.also_sweep("live", broadcast.make_sweep, every=timedelta(seconds=broadcast.EVERY))
        service.also_sweep("inbox janitor", lambda: janitor.sweep, every=janitor.EVERY)

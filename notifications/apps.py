"""App configuration."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = "Notifications"
    copies_along = "notifications.rulebook.changes.copy_rules"
    keeps_sealed = "notifications.channels.rotation.KEEPER"
    sweeps_too = "notifications.sweeps.SWEEPS"

    def ready(self) -> None:
        from notifications import checks  # noqa: F401 - importing the checks registers them

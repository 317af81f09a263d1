"""The app: finds the templates when the process starts, checks them, and stores them after each migration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TemplatesRegistryConfig(AppConfig):
    name = "templates_registry"
    verbose_name = "Templates"

    def ready(self) -> None:
        from scheduler_project.lib import masking
        from templates_registry import checks, registry, secret_checks, secret_names, sync  # noqa: F401 - registers checks

        registry.discover()
        masking.also_hide(secret_names.secret_names)
        post_migrate.connect(sync.after_migrate, sender=self, dispatch_uid="templates_registry.sync")

"""App configurations of the project itself: its commands and checks, and the admin site it uses."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DaybookConfig(AppConfig):
    name = "scheduler_project"
    label = "daybook"
    verbose_name = "Daybook"

    def ready(self) -> None:
        from django.core import checks

        from scheduler_project.api.checks import check_scopes
        from scheduler_project.observability import logs, requests

        checks.register(check_scopes, "api")
        logs.listen()
        requests.listen()


class ConsoleAdminConfig(AdminConfig):
    default_site = "scheduler_project.console.ConsoleAdminSite"

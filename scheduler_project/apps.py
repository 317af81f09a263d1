"""App configurations of the project itself: its commands and checks, and the admin site it uses."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.core.checks import CheckMessage


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


class ConsoleAdminConfig(SimpleAdminConfig):
    """The routes load the pages, so that workers and schedulers, which have none, do not."""

    default_site = "scheduler_project.console.ConsoleAdminSite"

    def ready(self) -> None:
        from django.contrib.admin.checks import check_dependencies
        from django.core import checks

        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(check_pages, checks.Tags.admin)


def check_pages(app_configs: Sequence[AppConfig] | None = None, **options: Any) -> list[CheckMessage]:
    """Django's own check of them, which they have to be loaded for."""
    from django.contrib import admin
    from django.contrib.admin.checks import check_admin_app

    admin.autodiscover()
    return check_admin_app(app_configs, **options)

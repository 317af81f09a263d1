"""App configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class JobsConfig(AppConfig):
    name = "jobs"
    verbose_name = "Jobs"

    def ready(self) -> None:
        from jobs import checks, circuits  # noqa: F401 - importing the checks registers them
        from jobs.execution import known_templates
        from scheduler_project.lib import telemetry

        telemetry.listen(circuits.record)
        post_migrate.connect(known_templates.forget, dispatch_uid="jobs.known_templates")

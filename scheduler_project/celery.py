"""The Celery application."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings.dev")
# Celery runs Django's checks, for which every page of the console and the API is loaded, and looks at no result.
os.environ.setdefault("CELERY_SKIP_CHECKS", "yes")

app = Celery("daybook")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("jobs.execution.worker:AttendantStep")


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Django's LOGGING is in force in every process; a listener here keeps Celery from setting up its own."""

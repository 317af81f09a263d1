"""Settings of the fault test: those of the test suite, and an app that holds its template and its mutants."""

from __future__ import annotations

import os

from scheduler_project.settings import base
from scheduler_project.settings.test import *  # noqa: F403
from scheduler_project.settings.test import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3.0

if os.environ.get("CHAOS_LEASES") == "production":
    DAYBOOK_LEADER_LEASE = base.DAYBOOK_LEADER_LEASE
    DAYBOOK_RUN_LEASE = base.DAYBOOK_RUN_LEASE
    DAYBOOK_HEARTBEAT = base.DAYBOOK_HEARTBEAT

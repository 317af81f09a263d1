"""What a process of Celery loads at its start."""

import os
import subprocess
import sys

LOADED = """
import sys
from scheduler_project.celery import app

app.loader.import_default_modules()
print(*sys.modules)
"""
OF_OTHERS = ("jobs.admin", "jobs.api.urls", "notifications.admin", "notifications.channels.email", "accounts.admin")


def test_loads_no_page_and_no_way_to_send() -> None:
    found = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, env=os.environ)

    loaded = set(found.stdout.split())
    assert "jobs.tasks" in loaded
    assert loaded.isdisjoint(OF_OTHERS)

"""Every migration goes forward, back and forward again on a filled database."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.django_db
def test_history_is_partitioned() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'p' ORDER BY relname")
        assert [row[0] for row in cursor.fetchall()] == [
            "execution_events",
            "execution_log_lines",
            "job_executions",
            "task_executions",
            "ticks",
        ]

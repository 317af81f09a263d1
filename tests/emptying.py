"""Pytest plugin: empties the tables after each test that commits, but for what follows from the code.

Django's own way truncates 79 tables and looks for permissions, content types and templates to make again, which takes a
hundred times as long as deleting the few rows of a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

from jobs.execution import known_templates
from templates_registry.models import JobType, TemplateVersion

FROM_CODE = (ContentType, Permission, TemplateVersion, JobType)  # the rows that come after each migration

_first_rows: dict[str, str] = {}  # of each of their tables: its columns


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        _keep_first_rows()
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty())
        yield


def _keep_first_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS first_rows CASCADE; CREATE SCHEMA first_rows")
        for table in (model._meta.db_table for model in FROM_CODE):
            cursor.execute(f'CREATE TABLE first_rows."{table}" AS TABLE "{table}"')
            columns = connection.introspection.get_table_description(cursor, table)
            _first_rows[table] = ", ".join(f'"{column.name}"' for column in columns)


def empty() -> None:
    """As the superuser that the suite is: a replica fires no trigger, so the audit trail lets its rows go.

    The lock waits for whoever is still writing, as truncating does: their rows must not outlive the test.
    """
    tables = _tables()
    statements = [
        "SET LOCAL session_replication_role = replica",
        f"LOCK TABLE {', '.join(map(connection.ops.quote_name, tables))} IN EXCLUSIVE MODE",
        *(f'DELETE FROM "{table}"' for table in tables),
        *(
            f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM first_rows."{table}"'
            for table, columns in _first_rows.items()
            if table in tables
        ),
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("; ".join(statements))
    ContentType.objects.clear_cache()
    known_templates.forget()


def _tables() -> list[str]:
    return connection.introspection.django_table_names(only_existing=True, include_views=False)

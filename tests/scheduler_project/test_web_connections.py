"""The web's connections to the database, in a real process."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from accounts import keys
from accounts.models import Tenant
from accounts.scopes import Scope
from tests import live

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daybook-web'"


@pytest.mark.django_db(transaction=True)
class TestWebConnections:
    def test_that_were_cut_while_nobody_used_them_cost_no_request(self, tmp_path: Path) -> None:
        """As after a restart of the server: the pool holds some, and the first request for each would fail."""
        tenant = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]
        _, key = keys.create(tenant=tenant, name="test", scopes=Scope.values)
        with live.web(tmp_path) as web:
            for _ in range(3):
                assert web.get("/api/v1/jobs", Authorization=f"Bearer {key}").status == 200
                with connection.cursor() as cursor:
                    cursor.execute(CUT)
                    assert cursor.rowcount >= 1
            assert web.get("/api/v1/jobs", Authorization=f"Bearer {key}").status == 200

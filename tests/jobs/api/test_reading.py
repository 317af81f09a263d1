"""A preview writes nothing. That no GET does, and what each costs, is shown for all of them in tests/contract."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from tests.cast import Cast, ClientOf

pytestmark = pytest.mark.django_db


def test_a_preview_writes_nothing(cast: Cast, client_of: ClientOf) -> None:
    client = client_of(cast.vera)
    body = {"schedule": {"kind": "cron", "cron": "0 9 * * *"}}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        answer = client.send("POST", "/api/v1/schedules/preview", body)
        transaction.set_rollback(True)
    assert answer.status_code == 200

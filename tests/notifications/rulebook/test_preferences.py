"""What people want of notifications, changed from several places at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from notifications.models import Preference
from notifications.rulebook import preferences
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, job_of
from tests.live import wait_for

__all__ = ["job_of"]


@pytest.mark.django_db(transaction=True)
def test_two_mutes_at_once_are_both_kept(cast: Cast, job_of: MakeJob) -> None:
    first, second = job_of().pk, job_of().pk
    Preference.objects.create(user=cast.ana)

    def mute_the_second() -> None:
        try:
            preferences.mute(cast.ana, second, actor="user:ana", is_muted=True)
        finally:
            connection.close()

    other = threading.Thread(target=mute_the_second)
    with transaction.atomic():
        preferences.mute(cast.ana, first, actor="user:ana", is_muted=True)
        other.start()
        wait_for(lambda: sql.rows("SELECT 1 FROM pg_locks WHERE NOT granted"), what="the second to wait")
    other.join(10)
    assert preferences.of_user(cast.ana.pk).muted_jobs == (first, second)

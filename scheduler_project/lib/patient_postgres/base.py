"""The backend. Connections come from the pool; who waits for one gives up as soon as there will be none."""

from __future__ import annotations

import time
from typing import Any

from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

from scheduler_project.lib.patient_postgres.connection import DatabaseIsAway
from scheduler_project.lib.pulse import PULSE

LONGEST = 5.0  # seconds for a place in a pool that is merely busy; the pool itself is asked in shorter turns


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        began = time.monotonic()
        while True:
            if PULSE.is_lost:
                raise DatabaseIsAway
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if not PULSE.is_there():
                    raise DatabaseIsAway from None
                if time.monotonic() - began > LONGEST:
                    raise

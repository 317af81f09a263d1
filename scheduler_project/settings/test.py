"""Settings of the test suite: servers that `tests/conftest.py` starts, the fast profile of leases, fast password hashes."""

from __future__ import annotations

from datetime import timedelta

from scheduler_project.settings.base import *  # noqa: F403
from scheduler_project.settings.base import INSTALLED_APPS, STATE_DIR, database, environment, mail, redis_services

# The addresses are placeholders for tools that only read the code (mypy, makemigrations --check); tests set real ones.
DATABASES = {"default": database(environment["DATABASE_URL"] or "postgres://daybook@127.0.0.1:9/daybook")}
globals().update(redis_services(environment["REDIS_URL"] or "redis://127.0.0.1:9/0"))
globals().update(mail(environment["DAYBOOK_EMAIL_URL"] or "memorymail://"))

INSTALLED_APPS = [*INSTALLED_APPS, "tests.sample"]
SECRET_KEY = "only-for-tests"  # noqa: S105
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = True
DAYBOOK_EXPORT_ROOT = STATE_DIR / "test-exports"

DAYBOOK_LEADER_LEASE = timedelta(seconds=3)
DAYBOOK_RUN_LEASE = timedelta(seconds=4)
DAYBOOK_HEARTBEAT = timedelta(seconds=1)

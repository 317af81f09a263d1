"""Settings of the test suite: servers that `tests/services.py` starts, short leases, fast password hashes."""

from __future__ import annotations

import os
from datetime import timedelta

from scheduler_project.settings.base import *  # noqa: F403
from scheduler_project.settings.base import (
    CELERY_BROKER_TRANSPORT_OPTIONS,
    INSTALLED_APPS,
    STATE_DIR,
    caches,
    channel_layers,
    database,
    environment,
    mail,
)

# The addresses are placeholders for tools that only read the code (mypy, makemigrations --check); tests set real ones.
DATABASES = {"default": database(environment["DATABASE_URL"] or "postgres://daybook@127.0.0.1:9/daybook")}
CELERY_BROKER_URL: str = environment["REDIS_URL"] or "redis://127.0.0.1:9/0"
CACHES = caches(CELERY_BROKER_URL)
CHANNEL_LAYERS = channel_layers(CELERY_BROKER_URL)
globals().update(mail(environment["DAYBOOK_EMAIL_URL"] or "memorymail://"))

INSTALLED_APPS = [*INSTALLED_APPS, "tests.sample"]
SECRET_KEY = "only-for-tests"  # noqa: S105
DAYBOOK_KEY_PROVIDER = os.environ.get("DAYBOOK_KEY_PROVIDER") or "environment"
DAYBOOK_ENCRYPTION_KEYS = environment["DAYBOOK_ENCRYPTION_KEYS"] or {"test": b"only for tests, 32 bytes of key."}
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = True
DAYBOOK_EXPORT_ROOT = STATE_DIR / "test-exports"

# All tests sign in from one address, and some with wrong passwords; those of the limits set the usual ones.
DAYBOOK_SIGN_INS_PER_NAME = DAYBOOK_SIGN_INS_PER_ADDRESS = 10_000

DAYBOOK_LEADER_LEASE = timedelta(seconds=float(os.environ.get("TEST_LEADER_LEASE", 3)))
DAYBOOK_RUN_LEASE = timedelta(seconds=4)
DAYBOOK_HEARTBEAT = timedelta(seconds=1)
DAYBOOK_RATE_LIMIT = int(os.environ.get("TEST_RATE_LIMIT", 1_000_000))  # only tests of the limit meet it
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = float(os.environ.get("TEST_SOFT_SHUTDOWN", 60))

# How long a message may be under way until Redis's transport delivers it again; whoever sets it wants that to happen.
if "TEST_VISIBILITY_TIMEOUT" in os.environ:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        **CELERY_BROKER_TRANSPORT_OPTIONS,
        "visibility_timeout": float(os.environ["TEST_VISIBILITY_TIMEOUT"]),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }

"""The smallest Django project that keeps its tasks' results; BENCH_KEEP keeps its connections too."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["BENCH_DATABASE_URL"])
_keep = bool(os.environ.get("BENCH_KEEP"))

SECRET_KEY = "only-for-the-benchmark"  # noqa: S105
INSTALLED_APPS = ["django.contrib.contenttypes", "django_celery_results"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _database.hostname,
        "PORT": _database.port,
        "USER": _database.username,
        "PASSWORD": _database.password,
        "NAME": _database.path.removeprefix("/"),
        "CONN_MAX_AGE": None if _keep else 0,
    }
}
USE_TZ = True
CELERY_BROKER_URL = os.environ["BENCH_BROKER_URL"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_RESULT_BACKEND = "django-db"
if _keep:
    CELERY_DB_REUSE_MAX = 1_000_000

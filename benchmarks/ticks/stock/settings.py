"""The smallest Django project that runs django-celery-beat's DatabaseScheduler."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["STOCK_DATABASE_URL"])

SECRET_KEY = "only-for-the-benchmark"  # noqa: S105
INSTALLED_APPS = ["django.contrib.contenttypes", "django_celery_beat"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _database.hostname,
        "PORT": _database.port,
        "USER": _database.username,
        "PASSWORD": _database.password,
        "NAME": _database.path.removeprefix("/"),
        "CONN_MAX_AGE": None,
    }
}
USE_TZ = True
TIME_ZONE = "UTC"
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_URL = os.environ["STOCK_BROKER_URL"]
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

"""Settings of `make run`: embedded servers unless DATABASE_URL and REDIS_URL name others."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from scheduler_project.embedded.state import encryption_keys_file, read_services
from scheduler_project.settings.base import *  # noqa: F403
from scheduler_project.settings.base import (
    DAYBOOK_KEY_PROVIDER,
    STATE_DIR,
    caches,
    channel_layers,
    database,
    environment,
    mail,
)

services = read_services(STATE_DIR)
database_url = environment["DATABASE_URL"] or (services and services.database_url)
redis_url = environment["REDIS_URL"] or (services and services.redis_url)
if not database_url or not redis_url:
    raise ImproperlyConfigured(
        "No database or no Redis. Start the embedded ones with `make run` (in another terminal), "
        "or set DATABASE_URL and REDIS_URL."
    )

DATABASES = {"default": database(database_url)}
CELERY_BROKER_URL: str = redis_url
CACHES = caches(CELERY_BROKER_URL)
CHANNEL_LAYERS = channel_layers(CELERY_BROKER_URL)
globals().update(mail(environment["DAYBOOK_EMAIL_URL"] or f"filemail:///{STATE_DIR.resolve()}/mail"))

SECRET_KEY = environment["DAYBOOK_SECRET_KEY"] or (services.secret_key if services else "development-only-secret-key")
if not DAYBOOK_KEY_PROVIDER and encryption_keys_file(STATE_DIR).exists():
    DAYBOOK_KEY_PROVIDER = "file"
    DAYBOOK_ENCRYPTION_KEYS_FILE = str(encryption_keys_file(STATE_DIR))
ALLOWED_HOSTS = environment["DAYBOOK_ALLOWED_HOSTS"] or ["localhost", "127.0.0.1", "[::1]"]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = True

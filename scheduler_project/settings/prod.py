"""Settings of a deployment. What is missing stops the start with its name."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from scheduler_project.settings.base import *  # noqa: F403
from scheduler_project.settings.base import caches, channel_layers, database, environment, logging, mail

for required in ("DAYBOOK_SECRET_KEY", "DATABASE_URL", "DAYBOOK_ALLOWED_HOSTS"):
    if not environment[required]:
        raise ImproperlyConfigured(f"Environment variable {required} must be set in production.")
if not environment["REDIS_URL"]:
    raise ImproperlyConfigured("Environment variable REDIS_URL must be set in production.")

DEBUG = False
DAYBOOK_NEEDS_KEYS = True
SECRET_KEY = environment["DAYBOOK_SECRET_KEY"]
DATABASES = {"default": database(environment["DATABASE_URL"])}
CELERY_BROKER_URL: str = environment["REDIS_URL"]
CACHES = caches(CELERY_BROKER_URL)
CHANNEL_LAYERS = channel_layers(CELERY_BROKER_URL)
globals().update(mail(environment["DAYBOOK_EMAIL_URL"] or "consolemail://"))
LOGGING = logging(environment["DAYBOOK_LOG_FORMAT"] or "json")

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "scheduler_project.lib.static_files.HashedStaticFiles"},
}

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# Browsers take these names over TLS alone and from this host alone, so no neighbour under the domain can plant one.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # probes and scrapes come over plain HTTP from inside
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
if environment["DAYBOOK_BEHIND_TLS_PROXY"]:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

"""Every setting with its value in force, what has set it and what it means; of secrets only whether there are any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from scheduler_project.settings.environment import VARIABLES

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Storage": ("DATABASE_URL", "DATABASE_POOLER", "REDIS_URL", "DAYBOOK_STATE_DIR", "DAYBOOK_EXPORT_ROOT"),
    "Scheduling": (
        *("SCHEDULER_USE_CELERY", "DAYBOOK_SCHEDULER_ENABLED", "DAYBOOK_LEADER_LEASE", "DAYBOOK_RECONCILE_WINDOW"),
        *("DAYBOOK_ANNOUNCE", "DAYBOOK_PUBLISH_WINDOW", "DAYBOOK_QUEUE_LIMIT", "DAYBOOK_CANARY_EVERY"),
        *("DAYBOOK_DEAD_LETTER_ALERT", "DAYBOOK_SCHEDULER_EVENTS_KEPT_DAYS", "DAYBOOK_ADOPT"),
    ),
    "Workers": (
        *("DAYBOOK_WORKER_PROCESSES", "DAYBOOK_WORKER_MAX_TASKS", "DAYBOOK_WORKER_MAX_MEMORY_MB", "DAYBOOK_RUN_LEASE"),
        *("DAYBOOK_HEARTBEAT", "DAYBOOK_LIVENESS_FOLDER", "DAYBOOK_STORE_CELERY_RESULTS"),
    ),
    "Web and API": (
        *("DAYBOOK_ALLOWED_HOSTS", "DAYBOOK_TRUSTED_ORIGINS", "DAYBOOK_BEHIND_TLS_PROXY", "DAYBOOK_TRUSTED_PROXIES"),
        *("DAYBOOK_INTERNAL_NETWORKS", "DAYBOOK_RATE_LIMIT", "DAYBOOK_REQUIRE_IF_MATCH", "DAYBOOK_SECRET_KEY"),
        *("DAYBOOK_PREVIOUS_SECRET_KEYS", "DAYBOOK_DEBUG"),
    ),
    "Signing in": (
        *("DAYBOOK_TOKEN_LIFE", "DAYBOOK_REFRESH_LIFE", "DAYBOOK_SIGN_INS_PER_NAME", "DAYBOOK_SIGN_INS_PER_ADDRESS"),
        "DAYBOOK_CREDENTIAL_CACHE",
    ),
    "Live connections": ("DAYBOOK_LIVE_CONNECTIONS", "DAYBOOK_LIVE_LIFETIME", "DAYBOOK_LIVE_RECHECK"),
    "Notifications": (
        *("DAYBOOK_NOTIFICATIONS_ENABLED", "DAYBOOK_NOTIFICATIONS_KEPT_DAYS", "DAYBOOK_PUBLIC_URL"),
        *("DAYBOOK_EMAIL_URL", "DAYBOOK_EMAIL_FROM", "DAYBOOK_PAGERDUTY_URL", "DAYBOOK_APPRISE_SCHEMES"),
    ),
    "Calls to others": (
        *("DAYBOOK_OUTBOUND_ALLOW", "DAYBOOK_CIRCUIT_FAILURES", "DAYBOOK_CIRCUIT_RESET", "DAYBOOK_POLICY_URL"),
        *("DAYBOOK_POLICY_TIMEOUT", "DAYBOOK_POLICY_FAIL"),
    ),
    "Secrets": (
        *("DAYBOOK_KEY_PROVIDER", "DAYBOOK_ENCRYPTION_KEYS", "DAYBOOK_ENCRYPTION_KEYS_FILE", "DAYBOOK_TRANSIT_URL"),
        *("DAYBOOK_TRANSIT_KEY", "DAYBOOK_TRANSIT_MOUNT", "DAYBOOK_TRANSIT_TOKEN_FILE", "DAYBOOK_TRANSIT_CA_FILE"),
        *("DAYBOOK_DATA_KEY_CACHE", "DAYBOOK_SECRETS", "DAYBOOK_SECRETS_ROOT"),
    ),
    "Records": ("DAYBOOK_AUDIT_MONTHS", "DAYBOOK_REQUEST_LOG_DAYS", "DAYBOOK_LOG_LEVEL", "DAYBOOK_LOG_FORMAT"),
    "This process": ("DAYBOOK_ROLE",),
}
SECRETS = {"DAYBOOK_SECRET_KEY", "DAYBOOK_PREVIOUS_SECRET_KEYS", "DAYBOOK_ENCRYPTION_KEYS"}
# Where things are is for those who run the system, not for every reader of a tenant.
PLACES = {
    *("DATABASE_URL", "REDIS_URL", "DAYBOOK_STATE_DIR", "DAYBOOK_EXPORT_ROOT", "DAYBOOK_LIVENESS_FOLDER"),
    *("DAYBOOK_ALLOWED_HOSTS", "DAYBOOK_TRUSTED_ORIGINS", "DAYBOOK_TRUSTED_PROXIES", "DAYBOOK_INTERNAL_NETWORKS"),
    *("DAYBOOK_EMAIL_URL", "DAYBOOK_OUTBOUND_ALLOW", "DAYBOOK_POLICY_URL", "DAYBOOK_ENCRYPTION_KEYS_FILE"),
    *("DAYBOOK_TRANSIT_URL", "DAYBOOK_TRANSIT_KEY", "DAYBOOK_TRANSIT_MOUNT", "DAYBOOK_TRANSIT_TOKEN_FILE"),
    *("DAYBOOK_TRANSIT_CA_FILE", "DAYBOOK_SECRETS", "DAYBOOK_SECRETS_ROOT"),
}
# In force under another name than the variable's.
ELSEWHERE = {
    "REDIS_URL": "CELERY_BROKER_URL",
    "DAYBOOK_WORKER_PROCESSES": "CELERY_WORKER_CONCURRENCY",
    "DAYBOOK_WORKER_MAX_TASKS": "CELERY_WORKER_MAX_TASKS_PER_CHILD",
    "DAYBOOK_ALLOWED_HOSTS": "ALLOWED_HOSTS",
    "DAYBOOK_TRUSTED_ORIGINS": "CSRF_TRUSTED_ORIGINS",
    "DAYBOOK_SECRET_KEY": "SECRET_KEY",
    "DAYBOOK_PREVIOUS_SECRET_KEYS": "SECRET_KEY_FALLBACKS",
    "DAYBOOK_DEBUG": "DEBUG",
    "DAYBOOK_EMAIL_FROM": "DEFAULT_FROM_EMAIL",
}
HIDDEN = "for superusers"
NONE = "none"


@dataclass(frozen=True)
class Setting:
    name: str
    value: str
    source: str  # environment, profile or default
    meaning: str
    is_code: bool


@dataclass(frozen=True)
class Group:
    title: str
    settings: tuple[Setting, ...]


def groups(*, shows_places: bool) -> Iterator[Group]:
    for title, names in GROUPS.items():
        yield Group(title, tuple(_setting(name, shows_places=shows_places) for name in names))


def _setting(name: str, *, shows_places: bool) -> Setting:
    value = _in_force(name)
    shown = _words(name, value)
    if name in PLACES and not shows_places and shown != NONE:
        shown = HIDDEN
    is_code = name not in SECRETS and shown not in (HIDDEN, NONE) and not isinstance(value, timedelta | bool)
    return Setting(name, shown, _source(name, value), VARIABLES[name].help.replace("`", ""), is_code)


def _in_force(name: str) -> Any:
    if name == "DATABASE_URL":
        database = settings.DATABASES["default"]
        return "postgres://{HOST}:{PORT}/{NAME}".format(**{**database, "PORT": database.get("PORT") or 5432})
    if name == "DAYBOOK_WORKER_MAX_MEMORY_MB":
        return settings.CELERY_WORKER_MAX_MEMORY_PER_CHILD // 1024
    if name == "DAYBOOK_EMAIL_URL":
        return settings.DAYBOOK_MAIL_BACKEND.rpartition(".mail.backends.")[2].partition(".")[0]
    if name == "DAYBOOK_LOG_LEVEL":
        return settings.LOGGING["root"]["level"]
    if name == "DAYBOOK_LOG_FORMAT":
        return settings.LOGGING["handlers"]["console"]["formatter"]
    if name == "DAYBOOK_STATE_DIR":
        return settings.STATE_DIR
    if name == "DAYBOOK_BEHIND_TLS_PROXY":
        return bool(settings.SECURE_PROXY_SSL_HEADER)
    return getattr(settings, ELSEWHERE.get(name, name))


def _source(name: str, value: Any) -> str:
    if name in settings.DAYBOOK_GIVEN:
        return "environment"
    default = VARIABLES[name].default
    is_unset = value in (None, "", [], {}) and default in (None, "", [], {})
    return "default" if is_unset or value == default else "profile"


def _words(name: str, value: Any) -> str:
    if name in SECRETS:
        return _of_secret(value)
    if name == "DAYBOOK_SECRETS":
        return ", ".join(sorted(value)) or NONE
    if value in (None, "", [], {}):
        return NONE
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(str, value))
    return _without_credentials(str(value)) if not isinstance(value, Path) else str(value)


def _of_secret(value: Any) -> str:
    if not value:
        return NONE
    count = len(value) if isinstance(value, list | dict) else 1
    return "set" if count == 1 else f"{count} set"


def _without_credentials(value: str) -> str:
    """An address without user, password and query, which is where addresses carry secrets."""
    if "://" not in value:
        return value
    parts = urlsplit(value)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"

"""Settings that every environment shares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from scheduler_project.settings.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent.parent
environment = Environment(os.environ)
role: str = environment["DAYBOOK_ROLE"]
STATE_DIR = Path(environment["DAYBOOK_STATE_DIR"] or BASE_DIR / ".daybook")

# --- Django -----------------------------------------------------------------------------------------------------------

DEBUG: bool = environment["DAYBOOK_DEBUG"]
ALLOWED_HOSTS: list[str] = environment["DAYBOOK_ALLOWED_HOSTS"]
CSRF_TRUSTED_ORIGINS: list[str] = environment["DAYBOOK_TRUSTED_ORIGINS"]
DAYBOOK_TRUSTED_PROXIES: list[str] = environment["DAYBOOK_TRUSTED_PROXIES"]
DAYBOOK_REQUIRE_IF_MATCH: bool = environment["DAYBOOK_REQUIRE_IF_MATCH"]

INSTALLED_APPS = [
    "scheduler_project.apps.DaybookConfig",
    "scheduler_project.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.postgres",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_celery_results",
    "django_htmx",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "accounts",
    "templates_registry",
    "jobs",
    "notifications",
]

MIDDLEWARE = [
    "scheduler_project.middleware.security_headers",  # around everything, so that no answer is without them
    "scheduler_project.observability.probes.answer_probes",  # first: probes come by address and without a login
    "servestatic.middleware.ServeStaticMiddleware",
    # From here on in a thread.
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "scheduler_project.middleware.request_id",
    "scheduler_project.middleware.zone_of_viewer",
    "accounts.request_log.middleware.record_requests",
    "scheduler_project.api.bounds.refuse_oversized",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "jobs.admin.switched_off.SwitchedOffMiddleware",
    "scheduler_project.api.policies.AskAboutConsole",
    "scheduler_project.outage.TellOutage",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
LOOP_MIDDLEWARE = 3  # so many of the first ones run in the event loop; see scheduler_project.handler

ROOT_URLCONF = "scheduler_project.urls"
ASGI_APPLICATION = "scheduler_project.asgi.application"
WSGI_APPLICATION = "scheduler_project.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "scheduler_project" / "html"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

AUTHENTICATION_BACKENDS = ["accounts.sign_in.backend.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# --- REST API ---------------------------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "scheduler_project.api.authentication.TokenAuthentication",
        "scheduler_project.api.authentication.ApiKeyAuthentication",
        "scheduler_project.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["scheduler_project.api.permissions.HasScope"],
    "DEFAULT_PAGINATION_CLASS": "scheduler_project.api.pagination.EnvelopePagination",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["scheduler_project.api.parsers.StrictJSONParser"],
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is not served; the OpenAPI document says what there is
    "DEFAULT_SCHEMA_CLASS": "scheduler_project.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "scheduler_project.api.errors.handle",
    "DEFAULT_THROTTLE_CLASSES": ["scheduler_project.api.limiting.ByAddress"],
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Daybook",
    "DESCRIPTION": "A job scheduler for Django in which every due tick is accounted for.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["scheduler_project.api.routing.without_trailing_slash"],
    "POSTPROCESSING_HOOKS": [
        "scheduler_project.api.schema.drop_enum_marks",
        "scheduler_project.api.completion.complete",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    # The paths of other schedulers stand below the API's own. Opened, all sections take seconds to draw.
    "SWAGGER_UI_SETTINGS": "{deepLinking: true, filter: true, docExpansion: 'none', "
    "tagsSorter: (a, b) => (a === 'compatibility') - (b === 'compatibility') || a.localeCompare(b)}",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Celery -----------------------------------------------------------------------------------------------------------

CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_ACKS_LATE = False  # the database redelivers, not the broker
CELERY_WORKER_CONSUMER = "jobs.execution.consumer:StrictConsumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_CONCURRENCY: int = environment["DAYBOOK_WORKER_PROCESSES"]
CELERY_WORKER_MAX_TASKS_PER_CHILD: int = environment["DAYBOOK_WORKER_MAX_TASKS"]
CELERY_WORKER_MAX_MEMORY_PER_CHILD: int = environment["DAYBOOK_WORKER_MAX_MEMORY_MB"] * 1024
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 60.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 1
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
    "global_keyprefix": "daybook:",
    "queue_order_strategy": "priority",
    "priority_steps": [0, 3, 6, 9],  # critical, high, normal, low
    "sep": ":",
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "retry_on_timeout": True,
}
CELERY_TIMEZONE = "UTC"
# Celery's Django fixup closes the connection around every task unless told otherwise: 1,002 connections per 1,000 jobs.
CELERY_DB_REUSE_MAX = 1000
CELERY_BEAT_SCHEDULER = "jobs.tick.scheduler:LedgerScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1

# --- Daybook ----------------------------------------------------------------------------------------------------------

DAYBOOK_GIVEN: frozenset[str] = environment.given()
DATABASE_POOLER: str = environment["DATABASE_POOLER"]
SECRET_KEY_FALLBACKS: list[str] = environment["DAYBOOK_PREVIOUS_SECRET_KEYS"]
DAYBOOK_CREDENTIAL_CACHE = environment["DAYBOOK_CREDENTIAL_CACHE"]
DAYBOOK_TOKEN_LIFE = environment["DAYBOOK_TOKEN_LIFE"]
DAYBOOK_REFRESH_LIFE = environment["DAYBOOK_REFRESH_LIFE"]
DAYBOOK_SIGN_INS_PER_NAME: int = environment["DAYBOOK_SIGN_INS_PER_NAME"]
DAYBOOK_SIGN_INS_PER_ADDRESS: int = environment["DAYBOOK_SIGN_INS_PER_ADDRESS"]
SCHEDULER_USE_CELERY: bool = environment["SCHEDULER_USE_CELERY"]
SCHEDULER_USE_CELERY_IS_GIVEN = bool(os.environ.get("SCHEDULER_USE_CELERY"))
DAYBOOK_SCHEDULER_ENABLED: bool | None = environment["DAYBOOK_SCHEDULER_ENABLED"]
DAYBOOK_NOTIFICATIONS_ENABLED: bool | None = environment["DAYBOOK_NOTIFICATIONS_ENABLED"]
DAYBOOK_PUBLIC_URL: str = environment["DAYBOOK_PUBLIC_URL"] or ""
DAYBOOK_APPRISE_SCHEMES: list[str] = environment["DAYBOOK_APPRISE_SCHEMES"]
DAYBOOK_PAGERDUTY_URL: str = environment["DAYBOOK_PAGERDUTY_URL"] or ""
DAYBOOK_NOTIFICATIONS_KEPT_DAYS: int = environment["DAYBOOK_NOTIFICATIONS_KEPT_DAYS"]
DAYBOOK_SCHEDULER_EVENTS_KEPT_DAYS: int = environment["DAYBOOK_SCHEDULER_EVENTS_KEPT_DAYS"]
DAYBOOK_LEADER_LEASE = environment["DAYBOOK_LEADER_LEASE"]
DAYBOOK_RUN_LEASE = environment["DAYBOOK_RUN_LEASE"]
DAYBOOK_HEARTBEAT = environment["DAYBOOK_HEARTBEAT"]
DAYBOOK_RECONCILE_WINDOW = environment["DAYBOOK_RECONCILE_WINDOW"]
DAYBOOK_ANNOUNCE: str = environment["DAYBOOK_ANNOUNCE"]
DAYBOOK_PUBLISH_WINDOW: int = environment["DAYBOOK_PUBLISH_WINDOW"]
DAYBOOK_QUEUE_LIMIT: int = environment["DAYBOOK_QUEUE_LIMIT"]
DAYBOOK_DEAD_LETTER_ALERT: int = environment["DAYBOOK_DEAD_LETTER_ALERT"]
DAYBOOK_ROLE = role
DAYBOOK_INTERNAL_NETWORKS: list[str] = environment["DAYBOOK_INTERNAL_NETWORKS"]
DAYBOOK_RATE_LIMIT: int = environment["DAYBOOK_RATE_LIMIT"]
DAYBOOK_POLICY_URL: str | None = environment["DAYBOOK_POLICY_URL"]
DAYBOOK_POLICY_TIMEOUT = environment["DAYBOOK_POLICY_TIMEOUT"]
DAYBOOK_POLICY_FAIL: str = environment["DAYBOOK_POLICY_FAIL"]
DAYBOOK_OUTBOUND_ALLOW: list[str] = environment["DAYBOOK_OUTBOUND_ALLOW"]
DAYBOOK_CIRCUIT_FAILURES: int = environment["DAYBOOK_CIRCUIT_FAILURES"]
DAYBOOK_CIRCUIT_RESET = environment["DAYBOOK_CIRCUIT_RESET"]
DAYBOOK_SECRETS: dict[str, str] = environment["DAYBOOK_SECRETS"]
DAYBOOK_SECRETS_ROOT: str = environment["DAYBOOK_SECRETS_ROOT"]
DAYBOOK_AUDIT_MONTHS: int = environment["DAYBOOK_AUDIT_MONTHS"]
DAYBOOK_REQUEST_LOG_DAYS: int = environment["DAYBOOK_REQUEST_LOG_DAYS"]
DAYBOOK_ENCRYPTION_KEYS: dict[str, bytes] = environment["DAYBOOK_ENCRYPTION_KEYS"]
DAYBOOK_ENCRYPTION_KEYS_FILE: str = environment["DAYBOOK_ENCRYPTION_KEYS_FILE"] or ""
DAYBOOK_TRANSIT_URL: str = environment["DAYBOOK_TRANSIT_URL"] or ""
DAYBOOK_TRANSIT_KEY: str = environment["DAYBOOK_TRANSIT_KEY"]
DAYBOOK_TRANSIT_MOUNT: str = environment["DAYBOOK_TRANSIT_MOUNT"]
DAYBOOK_TRANSIT_TOKEN_FILE: str = environment["DAYBOOK_TRANSIT_TOKEN_FILE"] or ""
DAYBOOK_TRANSIT_CA_FILE: str | None = environment["DAYBOOK_TRANSIT_CA_FILE"]
DAYBOOK_DATA_KEY_CACHE = environment["DAYBOOK_DATA_KEY_CACHE"]
DAYBOOK_KEY_PROVIDER: str = (
    environment["DAYBOOK_KEY_PROVIDER"]
    or (DAYBOOK_ENCRYPTION_KEYS and "environment")
    or (DAYBOOK_ENCRYPTION_KEYS_FILE and "file")
    or (DAYBOOK_TRANSIT_URL and "transit")
    or ""
)
DAYBOOK_NEEDS_KEYS = False  # in production, templates with secrets do not start without a key provider
DAYBOOK_CANARY_EVERY = environment["DAYBOOK_CANARY_EVERY"]
DAYBOOK_STORE_CELERY_RESULTS: bool = environment["DAYBOOK_STORE_CELERY_RESULTS"]
DAYBOOK_ADOPT: bool = environment["DAYBOOK_ADOPT"]
DAYBOOK_LIVENESS_FOLDER = (
    Path(environment["DAYBOOK_LIVENESS_FOLDER"]) if environment["DAYBOOK_LIVENESS_FOLDER"] else None
)
DAYBOOK_LIVE_CONNECTIONS: int = environment["DAYBOOK_LIVE_CONNECTIONS"]
DAYBOOK_LIVE_LIFETIME = environment["DAYBOOK_LIVE_LIFETIME"]
DAYBOOK_LIVE_RECHECK = environment["DAYBOOK_LIVE_RECHECK"]
DAYBOOK_EXPORT_ROOT = Path(environment["DAYBOOK_EXPORT_ROOT"] or STATE_DIR / "exports")
# What the built-in templates may touch: model -> date field (cleanup) or the fields (export).
DAYBOOK_CLEANUP_MODELS = {
    "sessions.Session": "expire_date",
    "django_celery_results.TaskResult": "date_done",
}
DAYBOOK_EXPORT_MODELS = {
    "jobs.Execution": ["id", "job_id", "trigger", "status", "scheduled_for", "started_at", "finished_at", "attempt"],
    "jobs.Tick": ["job_id", "due_at", "outcome", "reason", "decided_at", "execution_id"],
}


def database(url: str) -> dict[str, Any]:
    """One Django database from an address, with the connection handling that suits this process."""
    import environ

    settings: dict[str, Any] = environ.Env.db_url_config(url)
    options: dict[str, Any] = {
        "connect_timeout": 3,
        "application_name": f"daybook-{role}",
        # A peer that vanished must be noticed within seconds, not after the kernel's two hours.
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 8000,  # milliseconds; the same for a peer that vanished with something under way
        **settings.get("OPTIONS", {}),
    }
    settings["ENGINE"] = "scheduler_project.lib.patient_postgres" if role == "web" else "django.db.backends.postgresql"
    if DATABASE_POOLER == "transaction":
        settings["DISABLE_SERVER_SIDE_CURSORS"] = True
    else:
        options["prepare_threshold"] = 5  # Django's own default is never
    if role == "web":
        from scheduler_project.lib.patient_postgres.connection import PatientConnection

        options["pool"] = {
            "connection_class": PatientConnection,
            "min_size": 2,
            "max_size": 20,
            "timeout": 0.7,  # of one turn; see the backend
            "reconnect_timeout": 3,  # the pool's own waits between attempts double
        }
    else:
        settings["CONN_MAX_AGE"] = None
    # After a restart of the server, one request for each connection in the pool would fail otherwise.
    settings["CONN_HEALTH_CHECKS"] = True
    settings["OPTIONS"] = options
    return settings


def caches(redis_url: str) -> dict[str, Any]:
    """Broker, cache and channel layer share one Redis database number, each under a prefix of its own."""
    return {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url,
            "KEY_PREFIX": "daybook:cache",
            "OPTIONS": {
                "socket_timeout": 1,
                "socket_connect_timeout": 1,
                "serializer": "scheduler_project.lib.json_cache.JsonSerializer",
            },
        }
    }


def channel_layers(redis_url: str) -> dict[str, Any]:
    return {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {
                # Beyond the 5 s for which a reader waits for a message; a peer that vanished must be noticed.
                "hosts": [{"address": redis_url, "socket_timeout": 8, "socket_connect_timeout": 1}],
                "prefix": "daybook:live",
                "capacity": 1_000,
                "expiry": 30,
            },
        }
    }


def mail(url: str) -> dict[str, Any]:
    import environ

    settings: dict[str, Any] = environ.Env.email_url_config(url)
    return {
        "EMAIL_TIMEOUT": 10,  # Django's own default is for ever
        **settings,
        "EMAIL_BACKEND": "scheduler_project.lib.mail.GuardedBackend",
        "DAYBOOK_MAIL_BACKEND": settings["EMAIL_BACKEND"],
    }


def logging(form: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": "scheduler_project.observability.logs.TextFormatter"},
            "json": {"()": "scheduler_project.observability.logs.JsonFormatter"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": environment["DAYBOOK_LOG_LEVEL"]},
        "loggers": {
            "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
            "uvicorn": {"handlers": ["console"], "propagate": False},  # its own would show what ours masks
            "uvicorn.access": {"level": "WARNING", "handlers": ["console"], "propagate": False},
        },
    }


LOGGING = logging(environment["DAYBOOK_LOG_FORMAT"] or "text")
DAYBOOK_MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # behind the circuit breaker; see mail()
DEFAULT_FROM_EMAIL: str = environment["DAYBOOK_EMAIL_FROM"]

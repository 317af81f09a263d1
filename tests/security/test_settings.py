"""What a deployment is set to: Django's own check finds nothing, and cookies are for this host over TLS alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from django.conf import settings
from django.test import Client, RequestFactory
from rest_framework.exceptions import APIException

from notifications.live import entrance

SCRIPT = """
import json, django
from django.core.management import call_command
django.setup()
call_command("check", "--deploy", "--fail-level", "WARNING")
from django.conf import settings
names = [name for name in dir(settings) if name.startswith(("SESSION_", "CSRF_", "SECURE_", "CELERY_", "X_FRAME"))]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


def production() -> dict[str, object]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "COV_"))}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "scheduler_project.settings.prod",
        "DAYBOOK_SECRET_KEY": "k" * 25 + "0123456789abcdefghijklmnopqrstuvwxyz",
        "DAYBOOK_ALLOWED_HOSTS": "daybook.example.com",
        "DATABASE_URL": "postgres://daybook@127.0.0.1:9/daybook",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_production_is_set_to_what_browsers_and_the_broker_need() -> None:
    found = production()
    expected = {
        "SESSION_COOKIE_NAME": "__Host-sessionid", "SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax", "SESSION_COOKIE_PATH": "/", "SESSION_COOKIE_DOMAIN": None,
        "SESSION_SERIALIZER": "django.contrib.sessions.serializers.JSONSerializer",
        "CSRF_COOKIE_NAME": "__Host-csrftoken", "CSRF_COOKIE_SECURE": True, "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_PATH": "/", "CSRF_COOKIE_DOMAIN": None,
        "SECURE_SSL_REDIRECT": True, "SECURE_HSTS_SECONDS": 31_536_000, "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
        "SECURE_CONTENT_TYPE_NOSNIFF": True, "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY", "CELERY_ACCEPT_CONTENT": ["json"], "CELERY_TASK_SERIALIZER": "json",
        "CELERY_RESULT_SERIALIZER": "json", "CELERY_WORKER_CONSUMER": "jobs.execution.consumer:StrictConsumer",
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected


def test_another_host_name_is_refused_everywhere(settings: object) -> None:
    """Pages, the API, and the live channel; addresses in the answer or in a mail could not be trusted otherwise."""
    settings.ALLOWED_HOSTS = ["daybook.example.com", ".internal.example"]  # type: ignore[attr-defined]
    client = Client(raise_request_exception=False)
    for host, is_known in {
        "daybook.example.com": True, "daybook.example.com:8000": True, "a.internal.example": True,
        "evil.example": False, "daybook.example.com.evil.example": False, "daybook.example.com@evil.example": False,
        "evil.example#daybook.example.com": False, "127.0.0.1": False, "xdaybook.example.com": False,
    }.items():  # fmt: skip
        for path in ("/admin/login/", "/api/docs"):
            answer = client.get(path, headers={"Host": host})
            assert (answer.status_code == 400) != is_known, (host, path, answer.status_code)
        request = RequestFactory().get("/ws/live", headers={"Host": host, "Authorization": "Bearer x"})
        assert _is_admitted_by_host(request) == is_known, host
    forwarded = client.get("/admin/login/", headers={"Host": "daybook.example.com", "X-Forwarded-Host": "evil.example"})
    assert forwarded.status_code == 200
    assert b"evil.example" not in forwarded.content


def _is_admitted_by_host(request: object) -> bool:
    try:
        entrance.credentials_of(request, is_stream=False)  # type: ignore[arg-type]
    except APIException:
        return False
    return True

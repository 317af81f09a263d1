"""The WSGI entry, for hosts that cannot serve ASGI (no WebSocket there)."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings.dev")
os.environ.setdefault("DAYBOOK_ROLE", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

import scheduler_project.urls  # noqa: E402, F401  the pages: loaded here, and not by the first request

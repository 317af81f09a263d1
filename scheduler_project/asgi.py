"""The ASGI entry: HTTP, and later WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings.dev")
os.environ.setdefault("DAYBOOK_ROLE", "web")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

application = ProtocolTypeRouter({"http": get_asgi_application()})

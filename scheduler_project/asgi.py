"""The ASGI entry: HTTP and WebSocket."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings.dev")
os.environ.setdefault("DAYBOOK_ROLE", "web")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

http = get_asgi_application()  # before what needs the apps to be loaded

from notifications.live.routing import websocket  # noqa: E402
from scheduler_project.api import bounds  # noqa: E402
from scheduler_project.lib.bounded_bodies import BoundedBodies  # noqa: E402

bounded = BoundedBodies(http, most=bounds.largest_body, refusal=bounds.refusal)
application = ProtocolTypeRouter({"http": bounded, "websocket": websocket})

"""The ASGI entry: HTTP and WebSocket."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings.dev")
os.environ.setdefault("DAYBOOK_ROLE", "web")

import django

django.setup(set_prefix=False)  # before what needs the apps to be loaded

from channels.routing import ProtocolTypeRouter  # noqa: E402

import scheduler_project.urls  # noqa: E402, F401  the pages: loaded here, and not by the first request
from notifications.live.routing import websocket  # noqa: E402
from scheduler_project.api import bounds  # noqa: E402
from scheduler_project.handler import ThreadedHandler  # noqa: E402
from scheduler_project.lib.bounded_bodies import BoundedBodies  # noqa: E402

handler: Any = ThreadedHandler()
bounded = BoundedBodies(handler, most=bounds.largest_body, refusal=bounds.refusal)
application = ProtocolTypeRouter({"http": bounded, "websocket": websocket})

"""Paths of WebSockets."""

from channels.routing import URLRouter
from django.urls import re_path

from notifications.live.consumer import LiveConsumer, nothing_here

websocket = URLRouter(
    [
        re_path(r"^ws/live/?$", LiveConsumer.as_asgi()),
        re_path(r"^", nothing_here),  # type: ignore[arg-type]
    ]
)

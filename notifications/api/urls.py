"""Routes of `/api/v1/live`."""

from notifications.api.live import LiveViewSet
from scheduler_project.api.routing import route

urlpatterns = [
    route("live", LiveViewSet, "live", get="stream"),
    route("live/tickets", LiveViewSet, "live-tickets", post="issue"),
]

"""Routes of notifications under /api/v1/."""

from notifications.api.live import LiveViewSet
from notifications.api.preferences import PreferencesViewSet
from notifications.api.rehearsals import RehearsalViewSet
from notifications.api.rules import DefaultRuleViewSet, RuleViewSet
from scheduler_project.api.routing import ID, route

urlpatterns = [
    route("live", LiveViewSet, "live", get="stream"),
    route("live/tickets", LiveViewSet, "live-tickets", post="issue"),
    route("notification-rules", RuleViewSet, "rule-list", get="list", post="create"),
    route("notification-rules/preview", RehearsalViewSet, "rule-preview", post="rehearse"),
    route(
        "notification-rules/default",
        DefaultRuleViewSet,
        "default-rule",
        get="retrieve",
        put="update",
        patch="partial_update",
        delete="destroy",
    ),
    route(
        f"notification-rules/{ID}",
        RuleViewSet,
        "rule-detail",
        get="retrieve",
        put="update",
        patch="partial_update",
        delete="destroy",
    ),
    route(
        "notification-preferences",
        PreferencesViewSet,
        "notification-preferences",
        get="retrieve",
        put="update",
        patch="partial_update",
    ),
]

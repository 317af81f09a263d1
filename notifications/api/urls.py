"""Routes of notifications under /api/v1/."""

from notifications.api.channels import ChannelViewSet
from notifications.api.deliveries import NotificationDeliveryViewSet
from notifications.api.explanations import ExplanationViewSet
from notifications.api.inbox import NotificationViewSet
from notifications.api.live import LiveViewSet
from notifications.api.preferences import PreferencesViewSet
from notifications.api.rehearsals import RehearsalViewSet
from notifications.api.rules import DefaultRuleViewSet, RuleViewSet
from scheduler_project.api.routing import ID, route

urlpatterns = [
    route("live", LiveViewSet, "live", get="stream"),
    route("live/tickets", LiveViewSet, "live-tickets", post="issue"),
    route("notification-channels", ChannelViewSet, "channel-list", get="list", post="create"),
    route(
        f"notification-channels/{ID}",
        ChannelViewSet,
        "channel-detail",
        get="retrieve",
        patch="partial_update",
        delete="destroy",
    ),
    *(
        route(f"notification-channels/{ID}/{action}", ChannelViewSet, f"channel-{action}", post=action)
        for action in ("rotate", "test", "preview")
    ),
    route("notification-deliveries", NotificationDeliveryViewSet, "sending-list", get="list"),
    route(f"notification-deliveries/{ID}", NotificationDeliveryViewSet, "sending-detail", get="retrieve"),
    route(
        f"notification-deliveries/{ID}/redeliver", NotificationDeliveryViewSet, "sending-redeliver", post="redeliver"
    ),
    route("notifications", NotificationViewSet, "notification-list", get="list", post="create"),
    route("notifications/unread", NotificationViewSet, "notification-unread", get="unread"),
    route("notifications/read", NotificationViewSet, "notification-read-all", post="mark_all_read"),
    route("notifications/clear", NotificationViewSet, "notification-clear", delete="clear"),
    route(f"notifications/{ID}", NotificationViewSet, "notification-detail", get="retrieve"),
    route(f"notifications/{ID}/read", NotificationViewSet, "notification-read", post="mark_read"),
    route(f"jobs/{ID}/notifications", ExplanationViewSet, "job-notifications", get="explain"),
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

"""Who hears of what, and what was sent."""

from notifications.models.channel import Channel
from notifications.models.condition import JobCondition
from notifications.models.delivery import Delivery, DeliveryTotal
from notifications.models.flow import Flow
from notifications.models.inbox import Notification, NotificationChange, NotificationMark, NotificationTotal
from notifications.models.preference import Preference
from notifications.models.rule import Rule

__all__ = [
    "Channel",
    "Delivery",
    "DeliveryTotal",
    "Flow",
    "JobCondition",
    "Notification",
    "NotificationChange",
    "NotificationMark",
    "NotificationTotal",
    "Preference",
    "Rule",
]

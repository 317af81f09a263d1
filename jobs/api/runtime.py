"""What the whole system is set to, for clients that show or hide parts of themselves by it. Nothing is changed here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import runtime_flags
from jobs.api.base import EngineViewSet
from jobs.runtime_flags import NOTIFICATIONS_ENABLED, SCHEDULER_ENABLED, USE_CELERY, Flag
from scheduler_project.api.serializers import InstantField

SECTIONS = (
    (
        "scheduler",
        "Scheduler",
        "Whether jobs run by their schedules, and through what.",
        (SCHEDULER_ENABLED, USE_CELERY),
    ),
    ("notifications", "Notifications", "Whether people are told what happened.", (NOTIFICATIONS_ENABLED,)),
)
LABELS = {
    SCHEDULER_ENABLED: "Scheduler enabled",
    USE_CELERY: "Run through Celery",
    NOTIFICATIONS_ENABLED: "Notifications enabled",
}


class FlagSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True)
    value = serializers.BooleanField(read_only=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=["default", "environment", "database"], read_only=True, help_text="What has set it."
    )
    variable = serializers.CharField(read_only=True, help_text="The environment variable that sets it.")
    description = serializers.CharField(read_only=True)
    note = serializers.CharField(read_only=True, help_text="Why, if somebody has set it while everything ran.")
    set_by = serializers.CharField(read_only=True)
    set_at = InstantField(read_only=True, allow_null=True)


class NotificationsConfigSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField(read_only=True)


class SchedulerConfigSerializer(serializers.Serializer[Any]):
    enabled = serializers.BooleanField(read_only=True)
    use_celery = serializers.BooleanField(read_only=True)


class RuntimeConfigSerializer(serializers.Serializer[Any]):
    notifications = NotificationsConfigSerializer(read_only=True)
    scheduler = SchedulerConfigSerializer(read_only=True)
    flags = FlagSerializer(many=True, read_only=True)


class SettingSerializer(FlagSerializer):
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    type = serializers.ChoiceField(choices=["boolean"], read_only=True)
    read_only = serializers.BooleanField(read_only=True)  # type: ignore[assignment]


class SectionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)
    settings = SettingSerializer(many=True, read_only=True)


class SectionsSerializer(serializers.Serializer[Any]):
    sections = SectionSerializer(many=True, read_only=True)


class RuntimeViewSet(EngineViewSet):
    required_scopes = dict.fromkeys(("config", "sections"), Scope.SCHEDULER_READ)
    operation_ids = {"config": "get_runtime_config", "sections": "list_settings_sections"}
    serializer_class = RuntimeConfigSerializer

    @extend_schema(responses=RuntimeConfigSerializer, tags=["compatibility"])
    def config(self, request: Request) -> Response:
        """The switches of the whole system, each with its value and what has set it."""
        flags = runtime_flags.current()
        values = {flag.name: flag.value for flag in flags}
        return Response(
            {
                "notifications": {"enabled": values[NOTIFICATIONS_ENABLED]},
                "scheduler": {"enabled": values[SCHEDULER_ENABLED], "use_celery": values[USE_CELERY]},
                "flags": FlagSerializer(flags, many=True).data,
            }
        )

    @extend_schema(responses=SectionsSerializer, tags=["compatibility"])
    def sections(self, request: Request) -> Response:
        """The same switches by the section of the settings page that shows them."""
        flags = {flag.name: flag for flag in runtime_flags.current()}
        sections = [
            {"id": id_, "title": title, "description": text, "settings": [_setting(flags[name]) for name in names]}
            for id_, title, text, names in SECTIONS
        ]
        return Response({"sections": sections})


def _setting(flag: Flag) -> dict[str, Any]:
    return {
        **FlagSerializer(flag).data,
        "label": LABELS[flag.name],
        "type": "boolean",
        "read_only": True,
    }

"""`/api/v1/notification-preferences`: what the caller wants of notifications. Keys are nobody, so they have none."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs.api.base import EngineViewSet, split_body
from notifications.api.base import scope_for_oneself
from notifications.api.rule_input import QuietHoursField
from notifications.rulebook import preferences
from notifications.rulebook.preferences import Preferences
from notifications.rulebook.reader import SEVERITIES
from scheduler_project.api.serializers import StrictSerializer


class PreferencesSerializer(StrictSerializer):
    toasts_from = serializers.ChoiceField(
        choices=SEVERITIES, required=False, help_text="Less grave ones wait in the inbox without popping up."
    )
    on_desktop = serializers.BooleanField(required=False, help_text="Whether the browser may show them as its own.")
    muted_jobs = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="Ids of jobs that the caller hears nothing of."
    )
    zone = serializers.CharField(required=False, help_text="Where the quiet hours are; an IANA name.")
    quiet_hours = QuietHoursField(
        required=False, allow_null=True, help_text="Then nothing pops up, and nothing goes out to the caller by mail."
    )


class PreferencesViewSet(EngineViewSet):
    serializer_class = PreferencesSerializer
    required_scopes = {
        "retrieve": Scope.NOTIFICATIONS_READ,
        **dict.fromkeys(("update", "partial_update"), Scope.NOTIFICATIONS_WRITE),
    }
    operation_ids = {
        "retrieve": "get_notification_preferences",
        "update": "replace_notification_preferences",
        "partial_update": "change_notification_preferences",
    }

    @property
    def scope(self) -> str:
        return self.asked_scope(self.request)

    def asked_scope(self, request: Request) -> str:
        return Scope.NOTIFICATIONS_READ if self.action == "retrieve" else scope_for_oneself(request)

    def retrieve(self, request: Request) -> Response:
        """What the caller wants; what holds without any wish when they never said, or for a key."""
        user = self.principal.user
        return self._shown(preferences.of_user(user.pk) if user else Preferences())

    @extend_schema(request=PreferencesSerializer)
    def update(self, request: Request) -> Response:
        """Replace them: what the body leaves out is as before any wish."""
        return self._change(request, replaces=True)

    @extend_schema(request=PreferencesSerializer)
    def partial_update(self, request: Request) -> Response:
        """Change what the body names."""
        return self._change(request, replaces=False)

    def _change(self, request: Request, *, replaces: bool) -> Response:
        user = self.principal.user
        if user is None:
            raise PermissionDenied("A key has no settings of its own; sign in as the user whose settings they are.")
        _, data = split_body(request, StrictSerializer)
        return self._shown(preferences.change(user, data, actor=self.principal.label, replaces=replaces))

    def _shown(self, found: Preferences) -> Response:
        shown: dict[str, Any] = found.to_json()
        return Response(PreferencesSerializer(shown).data)

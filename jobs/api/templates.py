"""`/api/v1/templates`: what can be run."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import queries
from jobs.api.base import EngineViewSet
from jobs.api.parameters import TemplateParameters
from scheduler_project.api.serializers import ObjectField, RowSerializer, SecondsField
from templates_registry.models import TemplateVersion


class TemplateSerializer(RowSerializer):
    min_interval_seconds = SecondsField(source="min_interval")
    timeout_seconds = SecondsField(source="timeout")
    soft_timeout_seconds = SecondsField(source="soft_timeout", allow_null=True)

    class Meta:
        model = TemplateVersion
        fields: tuple[str, ...] = (
            *("name", "version", "title", "category", "description", "is_destructive", "supports_dry_run"),
            *("is_idempotent", "min_interval_seconds", "timeout_seconds", "soft_timeout_seconds", "max_retries"),
            *("on_lost", "is_available"),
        )
        read_only_fields = fields


class TemplateDetailSerializer(TemplateSerializer):
    schema = ObjectField(read_only=True, help_text="JSON Schema (2020-12) of the parameters.")

    class Meta(TemplateSerializer.Meta):
        fields = (*TemplateSerializer.Meta.fields, "schema")
        read_only_fields = fields


class TemplateViewSet(EngineViewSet):
    required_scopes = {
        "list": Scope.SCHEDULER_READ,
        "retrieve": Scope.SCHEDULER_READ,
        "versions": Scope.SCHEDULER_READ,
    }
    operation_ids = {"list": "list_templates", "retrieve": "get_template", "versions": "list_template_versions"}
    parameters = {"list": TemplateParameters}
    paged = frozenset({"list", "versions"})
    queryset = TemplateVersion.objects.none()
    serializer_class = TemplateSerializer

    def list(self, request: Request) -> Response:
        """The templates that the code has, each in its newest version."""
        return self.answer_page(queries.newest_templates(**self.filters).defer("schema"), TemplateSerializer)

    @extend_schema(responses=TemplateDetailSerializer)
    def retrieve(self, request: Request, name: str) -> Response:
        """A template in its newest version, with the schema of its parameters."""
        return Response(TemplateDetailSerializer(self._versions(name)[0]).data)

    @extend_schema(responses=TemplateDetailSerializer(many=True))
    def versions(self, request: Request, name: str) -> Response:
        """Every version there has been, the newest first; jobs of old versions keep theirs."""
        return self.answer_page(self._versions(name), TemplateDetailSerializer)

    def _versions(self, name: str) -> QuerySet[TemplateVersion]:
        versions = TemplateVersion.objects.filter(name=name).order_by("-is_available", "-version")
        if not versions:
            raise NotFound(f"There is no template {name}.")
        return versions

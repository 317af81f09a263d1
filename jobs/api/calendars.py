"""`/api/v1/calendars`: the days and hours on which a tenant's jobs do not run. Read and judged by `jobs.calendars`."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import calendars, narrowing
from jobs.api.base import TenantEngineViewSet, split_body
from jobs.api.inputs import MOST_PREVIEWED, PREVIEWED
from jobs.api.job_output import DueSerializer
from jobs.api.parameters import NamedParameters
from jobs.models import Blackout, Calendar, Job
from scheduler_project.api.errors import Conflict, Invalid
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import InstantField, ObjectField, RowSerializer, StrictSerializer, TextField
from scheduler_project.api.views import TENANT_PARAMETER
from scheduler_project.lib import sql

HOLIDAYS = {"type": "object", "additionalProperties": {"type": "string"}}


# --- bodies; these only document the shape ----------------------------------------------------------------------------


class BlackoutSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    starts_at = InstantField()
    ends_at = InstantField(help_text="From here on jobs run again.")


@extend_schema_field(HOLIDAYS)
class HolidaysField(ObjectField):
    """Names by date."""


class CalendarFieldsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    slug = serializers.RegexField(
        r"^[a-z0-9][a-z0-9-]{0,59}$", required=False, help_text="Jobs name it by this, so it stays; made of the name."
    )
    timezone = serializers.CharField(required=False, help_text="Where its days begin; an IANA name, UTC unless told.")
    weekdays = serializers.ListField(
        required=False, help_text="Working days, 0 (Monday) to 6 or their names. All of them when the list is empty."
    )
    holidays = HolidaysField(required=False, help_text='`{"2026-12-25": "Christmas Day"}`, or a list of dates.')
    blackouts = BlackoutSerializer(many=True, required=False)


class CalendarCreationOptionsSerializer(StrictSerializer):
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class CalendarChangeOptionsSerializer(StrictSerializer):
    expected_updated_at = InstantField(
        required=False, help_text="The change is refused when somebody has changed the calendar since then."
    )


class CalendarCreationSerializer(CalendarCreationOptionsSerializer, CalendarFieldsSerializer):
    pass


class CalendarChangeSerializer(CalendarChangeOptionsSerializer, CalendarFieldsSerializer):
    pass


class CalendarPreviewParameters(StrictSerializer):
    job = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="Id of a job of the same tenant.")
    count = serializers.IntegerField(default=PREVIEWED, min_value=1, max_value=MOST_PREVIEWED)


# --- answers ----------------------------------------------------------------------------------------------------------


class StoredBlackoutSerializer(RowSerializer):
    class Meta:
        model = Blackout
        fields = ("name", "starts_at", "ends_at")
        read_only_fields = fields


class CalendarSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    holidays = HolidaysField(read_only=True)
    blackouts = StoredBlackoutSerializer(many=True, read_only=True)

    class Meta:
        model = Calendar
        fields = (
            *("id", "tenant", "slug", "name", "timezone", "weekdays", "holidays", "blackouts"),
            *("updated_at", "updated_by"),
        )
        read_only_fields = fields


class ClosedSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(read_only=True, help_text="What the tick's row will say.")
    text = serializers.CharField(read_only=True)
    until = InstantField(read_only=True, allow_null=True, help_text="When the calendar opens again, as far as known.")


class JudgedTickSerializer(DueSerializer):
    left_out = ClosedSerializer(source="closed", read_only=True, allow_null=True)


class CalendarPreviewSerializer(serializers.Serializer[Any]):
    ticks = JudgedTickSerializer(many=True, read_only=True)


# --- the view ---------------------------------------------------------------------------------------------------------


class CalendarViewSet(TenantEngineViewSet):
    noun = "calendar"
    queryset = Calendar.objects.none()
    serializer_class = CalendarSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve", "preview"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("create", "update", "partial_update", "destroy"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "list": "list_calendars",
        "retrieve": "get_calendar",
        "create": "create_calendar",
        "update": "replace_calendar",
        "partial_update": "change_calendar",
        "destroy": "delete_calendar",
        "preview": "preview_calendar",
    }
    parameters = {"list": NamedParameters, "preview": CalendarPreviewParameters}
    version_field = "updated_at"
    errors = {
        **{
            action: {409: "Somebody has changed it since `expected_updated_at`, or jobs that name it are catching up."}
            for action in ("update", "partial_update")
        },
        "destroy": {409: "Jobs name the calendar."},
        "preview": {409: "The schedule of the job cannot be evaluated."},
    }

    def list(self, request: Request) -> Response:
        """The calendars of the caller's tenants."""
        return self.answer_page(narrowing.find_named(self.scoped(_calendars()), **self.filters), CalendarSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One calendar with its holidays and blackouts."""
        return Response(CalendarSerializer(self.find(_calendars(), pk)).data)

    @extend_schema(
        request=CalendarCreationSerializer,
        responses={201: CalendarSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """A new calendar. No job is held back by it until the job names it."""
        options, data = split_body(request, CalendarCreationOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        made = calendars.create(data, tenant=tenant, actor=self.principal.label)
        answer = self._shown(made.pk, status.HTTP_201_CREATED)
        answer.headers["Location"] = reverse("calendar-detail", args=[made.pk])
        return answer

    @extend_schema(request=CalendarChangeSerializer)
    def update(self, request: Request, pk: str) -> Response:
        """Replace the calendar: what the body leaves out goes back to its default, but for the slug."""
        return self._change(request, pk, replaces=True)

    @extend_schema(request=CalendarChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names, each as a whole. What is due already is decided before."""
        return self._change(request, pk, replaces=False)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a calendar that no job names."""
        calendar = self.find(Calendar.objects.only("id", "tenant_id"), pk)
        with self.unless_changed(calendar):
            calendars.delete(calendar.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=CalendarPreviewSerializer)
    def preview(self, request: Request, pk: str) -> Response:
        """Which of a job's next ticks the calendar leaves out, whether or not the job names it yet."""
        calendar = self.find(_calendars(), pk)
        job = Job.objects.filter(tenant_id=calendar.tenant_id, pk=self.filters["job"]).first()
        if job is None:
            raise Invalid({"job": [f"The tenant of this calendar has no job {self.filters['job']}."]})
        try:
            ticks = calendars.left_out(calendar, job, now=sql.now(), count=self.filters["count"])
        except ValueError as error:
            raise Conflict(f"The schedule cannot be evaluated: {error}", code="quarantined") from error
        return Response(CalendarPreviewSerializer({"ticks": ticks}).data)

    def _change(self, request: Request, pk: str, *, replaces: bool) -> Response:
        calendar = self.find(Calendar.objects.only("id", "tenant_id"), pk)
        options, data = split_body(request, CalendarChangeOptionsSerializer)
        with self.unless_changed(calendar, says_so_elsewhere="expected_updated_at" in options):
            calendars.change(calendar.pk, data, actor=self.principal.label, replaces=replaces, **options)
        return self._shown(calendar.pk)

    def _shown(self, calendar_id: int, code: int = status.HTTP_200_OK) -> Response:
        return Response(CalendarSerializer(_calendars().get(pk=calendar_id)).data, status=code)


def _calendars() -> QuerySet[Calendar]:
    return Calendar.objects.select_related("tenant").prefetch_related("blackouts")

"""`/api/v1/dead-letters`: what ended without success: find it, replay it, discard it. And `/dead-letters/replays`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import dead_letters
from jobs.api.base import TenantEngineViewSet
from jobs.api.broker import refuse_without_broker
from jobs.api.dead_letter_output import (
    DeadLetterDetailSerializer,
    DeadLetterSerializer,
    DiscardedSerializer,
    GroupSerializer,
    ReplayedSerializer,
    ReplaySerializer,
)
from jobs.api.inputs import DiscardSerializer, GroupDiscardSerializer, GroupReplaySerializer, ReplayStartSerializer
from jobs.api.parameters import DeadLetterParameters, GroupParameters, ReplayParameters
from jobs.models import DeadLetter, DeadLetterReplay
from jobs.tick import publisher
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import StrictSerializer

NOT_OPEN = {409: "The letter is not open."}
NONE_OPEN = {409: "No letter of the group is open, or not as many as expected."}


def shown_letters() -> QuerySet[DeadLetter]:
    return DeadLetter.objects.select_related("tenant", "template", "job").defer(
        *("job__parameters", "job__spec", "job__policy", "job__description")
    )


class DeadLetterViewSet(TenantEngineViewSet):
    noun = "dead letter"
    queryset = DeadLetter.objects.none()
    serializer_class = DeadLetterSerializer
    required_scopes = {
        **dict.fromkeys(("list", "groups", "retrieve"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("replay", "replay_group", "discard", "discard_group", "restore"), Scope.SCHEDULER_RUN),
    }
    operation_ids = {
        "list": "list_dead_letters",
        "groups": "list_groups_of_dead_letters",
        "retrieve": "get_dead_letter",
        "replay": "replay_dead_letter",
        "replay_group": "replay_group_of_dead_letters",
        "discard": "discard_dead_letter",
        "discard_group": "discard_group_of_dead_letters",
        "restore": "restore_dead_letter",
    }
    paged = frozenset({"list", "groups"})
    parameters = {"list": DeadLetterParameters, "groups": GroupParameters}
    errors = {
        "replay": {409: "The letter is not open, or what it takes to run it again is there no more."},
        "replay_group": NONE_OPEN,
        "discard": NOT_OPEN,
        "discard_group": NONE_OPEN,
        "restore": {409: "The letter was not discarded."},
    }

    def list(self, request: Request) -> Response:
        """The dead letters of the caller's tenants, the newest first."""
        return self.answer_page(dead_letters.find(self.scoped(shown_letters()), **self.filters), DeadLetterSerializer)

    @extend_schema(responses=GroupSerializer(many=True))
    def groups(self, request: Request) -> Response:
        """Dead letters of one cause together, those that grew last first."""
        found = dead_letters.find(self.scoped(DeadLetter.objects.all()), **self.filters)
        page: Any = self.paginate_queryset(dead_letters.grouped(found))
        return self.get_paginated_response(GroupSerializer(dead_letters.groups(page or []), many=True).data)

    @extend_schema(responses=DeadLetterDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One dead letter with its parameters, its traceback and its replays."""
        letter = self.find(shown_letters().prefetch_related("runs"), pk)
        context = {"open_in_group": dead_letters.open_in_group_of(letter).count()}
        return Response(DeadLetterDetailSerializer(letter, context=context).data)

    @extend_schema(request=ReplayStartSerializer, responses={201: ReplayedSerializer})
    @idempotent
    def replay(self, request: Request, pk: str) -> Response:
        """Run it again as it was then, or with other parameters. The new execution has the old one as its parent."""
        letter = self._found(pk)
        wishes = self.read_body(ReplayStartSerializer)
        refuse_without_broker()
        execution_id = dead_letters.replay(
            letter.pk,
            actor=self.principal.label,
            request_id=self.request_id,
            parameters=wishes.get("parameters"),
        )
        publisher.announce_soon([execution_id])
        headers = {"Location": reverse("execution-detail", args=[execution_id])}
        answer = ReplayedSerializer({"execution_id": execution_id}).data
        return Response(answer, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=GroupReplaySerializer, responses={201: ReplaySerializer})
    @idempotent
    def replay_group(self, request: Request, pk: str) -> Response:
        """Replay every open letter of this one's group in stages: one, then a tenth, then the rest.

        Each stage begins when all runs of the one before have succeeded; when one fails, no more are begun.
        """
        letter = self._found(pk)
        expected = self.read_body(GroupReplaySerializer).get("expected_count")
        replay = dead_letters.start(
            letter.pk, actor=self.principal.label, request_id=self.request_id, expected=expected
        )
        headers = {"Location": reverse("replay-detail", args=[replay.pk])}
        return Response(_shown([replay])[0], status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=DiscardSerializer, responses=DeadLetterDetailSerializer)
    def discard(self, request: Request, pk: str) -> Response:
        """Nothing more is to be done about it."""
        letter = self._found(pk)
        wishes = self.read_body(DiscardSerializer)
        dead_letters.discard(letter.pk, actor=self.principal.label, note=wishes["note"])
        return self.retrieve(self.request, pk)

    @extend_schema(request=GroupDiscardSerializer, responses=DiscardedSerializer)
    def discard_group(self, request: Request, pk: str) -> Response:
        """Nothing more is to be done about any open letter of this one's group."""
        letter = self._found(pk)
        wishes = self.read_body(GroupDiscardSerializer)
        expected = wishes.get("expected_count")
        count = dead_letters.discard_group(
            letter.pk, actor=self.principal.label, note=wishes["note"], expected=expected
        )
        return Response(DiscardedSerializer({"discarded": count}).data)

    @extend_schema(request=None, responses=DeadLetterDetailSerializer)
    def restore(self, request: Request, pk: str) -> Response:
        """Open a discarded letter again."""
        letter = self._found(pk)
        self.read_body(StrictSerializer)
        dead_letters.restore(letter.pk, actor=self.principal.label)
        return self.retrieve(self.request, pk)

    def _found(self, pk: str) -> DeadLetter:
        return self.find(DeadLetter.objects.only("id", "tenant_id"), pk)


class ReplayViewSet(TenantEngineViewSet):
    noun = "replay"
    queryset = DeadLetterReplay.objects.none()
    serializer_class = ReplaySerializer
    required_scopes = {**dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ), "cancel": Scope.SCHEDULER_RUN}
    operation_ids = {"list": "list_replays", "retrieve": "get_replay", "cancel": "cancel_replay"}
    parameters = {"list": ReplayParameters}
    errors = {"cancel": {409: "The replay has ended."}}

    @extend_schema(responses=ReplaySerializer(many=True))
    def list(self, request: Request) -> Response:
        """Staged replays with their progress, the newest first."""
        found = self.scoped(shown_replays()).filter(**self.filters)
        return self.get_paginated_response(_shown(self.paginate_queryset(found) or []))

    def retrieve(self, request: Request, pk: str) -> Response:
        """One staged replay and how far it is."""
        return Response(_shown([self.find(shown_replays(), pk)])[0])

    @extend_schema(request=None, responses={200: ReplaySerializer})
    def cancel(self, request: Request, pk: str) -> Response:
        """Queue no further runs and cancel those that wait; what runs goes on to its end."""
        self.read_body(StrictSerializer)
        replay = self.find(DeadLetterReplay.objects.only("id", "tenant_id"), pk)
        dead_letters.cancel(replay.pk, actor=self.principal.label)
        return self.retrieve(self.request, pk)


def shown_replays() -> QuerySet[DeadLetterReplay]:
    return DeadLetterReplay.objects.select_related("tenant", "job", "template")


def _shown(found: Iterable[DeadLetterReplay]) -> Any:
    rows = list(found)
    context = {"progress": dead_letters.progress_of([row.pk for row in rows])}
    return ReplaySerializer(rows, many=True, context=context).data

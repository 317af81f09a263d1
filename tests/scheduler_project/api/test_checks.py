"""A view without a rule stops the start."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from accounts.scopes import Scope
from scheduler_project.api import principal
from scheduler_project.api.checks import find_problems
from scheduler_project.api.views import ApiViewSet
from tests.cast import Cast


class Forgetful(ApiViewSet):
    required_scopes = {"list": Scope.SCHEDULER_READ}

    def list(self, request: Any) -> Response:
        return Response([])

    def create(self, request: Any) -> Response:
        return Response([])


class Open(ApiViewSet):
    permission_classes = [AllowAny]
    required_scopes = {"list": Scope.SCHEDULER_READ}

    def list(self, request: Any) -> Response:
        return Response([])


class Plain(APIView):
    def get(self, request: Any) -> Response:
        return Response([])


class Poster(APIView):
    is_public = True
    permission_classes = [AllowAny]

    def get(self, request: Any) -> Response:
        return Response([])


class TestCheck:
    def test_is_content_with_the_project(self) -> None:
        assert run_checks(tags=["api"]) == []

    def test_names_the_actions_that_have_no_scope(self) -> None:
        route = path("things", Forgetful.as_view({"get": "list", "post": "create"}))
        (problem,) = find_problems([path("api/", include([route]))])
        assert (problem.id, problem.msg) == ("api.E002", "Forgetful at api/things declares no scope for create.")

    def test_wants_scopes_checked(self) -> None:
        (problem,) = find_problems([path("things", Open.as_view({"get": "list"}))])
        assert (problem.id, problem.msg) == ("api.E001", "Open at things does not check scopes.")

    def test_looks_at_plain_views_too(self) -> None:
        (problem,) = find_problems([path("plain", Plain.as_view())])
        assert problem.id == "api.E002"

    def test_lets_a_view_be_public_that_says_so(self) -> None:
        assert list(find_problems([path("poster", Poster.as_view())])) == []


@pytest.mark.django_db
class TestPermission:
    def test_denies_what_declares_nothing(self, cast: Cast) -> None:
        class Known:
            def authenticate(self, request: Any) -> Any:
                return cast.root, principal.of_user(cast.root)

            def authenticate_header(self, request: Any) -> str:
                return "Bearer"

        view = Forgetful.as_view({"post": "create"}, authentication_classes=[Known])
        answer = view(APIRequestFactory().post("/things"))
        assert answer.status_code == 403
        assert "declares no scope for create" in answer.data["error"]["message"]

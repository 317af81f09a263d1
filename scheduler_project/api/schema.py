"""How our views are described in the OpenAPI document: their query strings, their errors, their credentials."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from scheduler_project.api import conditional, idempotency
from scheduler_project.api.serializers import ErrorSerializer
from scheduler_project.api.views import ApiViewSet

MARK = "x-spec-enum-id"
BODIES = ("POST", "PUT", "PATCH")
KEY_PARAMETER = OpenApiParameter(
    idempotency.HEADER,
    str,
    OpenApiParameter.HEADER,
    description="A name for this request. Sent again within 24 hours, it is answered again, not carried out again.",
)
KEY_CONFLICT = "Or the Idempotency-Key came with another request, or with one that is still being carried out."


class ApiSchema(AutoSchema):
    def get_operation_id(self) -> str:
        named: dict[str, str] = getattr(self.view, "operation_ids", {})
        return named.get(getattr(self.view, "action", "")) or str(super().get_operation_id())

    def get_override_parameters(self) -> list[Any]:
        given = super().get_override_parameters()
        parameters = getattr(self.view, "parameters", {}).get(getattr(self.view, "action", ""))
        ids = [OpenApiParameter("id", int, OpenApiParameter.PATH)] if "{id}" in self.path else []
        once = [KEY_PARAMETER] if self._is_idempotent() else []
        return [*([parameters] if parameters else []), *ids, *once, *self._conditions(), *given]

    def _conditions(self) -> list[OpenApiParameter]:
        if self._is_conditional():
            return [_header(conditional.IF_MATCH, "Go ahead only if the row's ETag is one of these still.")]
        if self._is_versioned():
            return [_header(conditional.IF_NONE_MATCH, "Answer 304 if the row's ETag is one of these still.")]
        return []

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code, description in self._errors().items():
            error = OpenApiResponse(ErrorSerializer, description=description)
            bodies.setdefault(str(code), self._get_response_for_code(error, str(code)))  # type: ignore[no-untyped-call]
        if self._is_versioned():
            bodies["304"] = {"description": f"The caller has it: its ETag is one of {conditional.IF_NONE_MATCH}."}
        return dict(sorted(bodies.items()))

    def _errors(self) -> dict[int | str, str]:
        if not isinstance(self.view, ApiViewSet):
            return {}
        errors: dict[Any, str] = {
            400: "A parameter or a field is not valid; `fields` names each.",
            401: "No credentials, or ones that are not good.",
            403: "The credentials lack the scope, or the row is another tenant's.",
            "default": "Any other error, in the same form.",
        }
        if "{" in self.path:
            errors[404] = "There is no such row."
        if self.method in BODIES:
            errors[413] = "The body is too large."
            errors[415] = "The body is not application/json."
        if self._is_conditional():
            errors[412] = "The row is not, or no longer, what If-Match names."
            errors[428] = "This installation wants If-Match on changes."
        errors.update(self.view.errors.get(self.view.action, {}))
        if self._is_idempotent():
            errors[409] = " ".join(filter(None, (errors.get(409), KEY_CONFLICT)))
        return errors

    def _is_conditional(self) -> bool:
        view = self.view
        return isinstance(view, ApiViewSet) and bool(view.version_field) and view.action in view.conditional

    def _is_versioned(self) -> bool:
        view = self.view
        return isinstance(view, ApiViewSet) and bool(view.version_field) and view.action == "retrieve"

    def _is_idempotent(self) -> bool:
        action = getattr(self.view, getattr(self.view, "action", None) or "", None)
        return bool(getattr(action, idempotency.MARK, False))


def _header(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description)


def drop_enum_marks(result: Any, **_: Any) -> Any:
    """Choices stand where they are used; the generator's marks for naming them are left out."""
    if isinstance(result, dict):
        return {key: drop_enum_marks(value) for key, value in result.items() if key != MARK}
    return [drop_enum_marks(value) for value in result] if isinstance(result, list) else result


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "scheduler_project.api.authentication.ApiKeyAuthentication"
    name = ["bearerKey", "headerKey"]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """One of them is enough."""
        return [{name: []} for name in self.name]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer sch_live_…`"},
            {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in another header."},
        ]


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "scheduler_project.api.authentication.TokenAuthentication"
    name = "bearerToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token of `POST /api/v1/token`: `Authorization: Bearer eyJ…`",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "scheduler_project.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The console's session; changes also need the header `X-CSRFToken`.",
        }

"""Serves the OpenAPI document, and Swagger UI over it from our own host. Both hold no data and are open to all."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

# Swagger UI styles itself inline and draws its icons from data: addresses. Scripts stay our own.
SWAGGER_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


class SchemaView(SpectacularAPIView):
    """The OpenAPI 3.1 document: YAML, or JSON for `Accept: application/json`."""

    is_public = True
    permission_classes = [AllowAny]
    authentication_classes = []

    def _get_schema_response(self, request: Request) -> Response:
        return Response(_document())


class SwaggerView(SpectacularSwaggerSplitView):
    is_public = True
    permission_classes = [AllowAny]
    authentication_classes = []
    url_name = "api-schema"

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Content-Security-Policy"] = SWAGGER_POLICY
        return response


@cache
def _document() -> dict[str, Any]:
    """The same for every caller, and slow to make."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document

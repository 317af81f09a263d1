"""Base of every view: strict parameters, one scope for each action, rows of the caller's tenants only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.models import Tenant
from scheduler_project.api import conditional, keyset, refusals, sparse
from scheduler_project.api import principal as principals
from scheduler_project.api.errors import Invalid
from scheduler_project.api.guarded import GuardedViewSet
from scheduler_project.api.pagination import NAMES
from scheduler_project.api.principal import Principal
from scheduler_project.api.serializers import RowSerializer, StrictSerializer
from scheduler_project.lib import transactions
from scheduler_project.lib.requests import TENANT_HEADER

Row = TypeVar("Row", bound=Model)

TENANT_PARAMETER = OpenApiParameter(TENANT_HEADER, str, OpenApiParameter.HEADER, description="Slug of the tenant.")
LONG = (keyset.PARAMETER, sparse.PARAMETER, "ids")  # these have bounds of their own
MAX_PARAMETER = 500  # characters of one value in a query string


class ApiViewSet(GuardedViewSet):
    """`required_scopes` has a scope for each action, `parameters` a serializer of the query string where one is read,
    `paged` the actions that answer with the envelope."""

    required_scopes: ClassVar[Mapping[str, str]] = {}
    parameters: ClassVar[Mapping[str, type[StrictSerializer]]] = {}
    paged: ClassVar[frozenset[str]] = frozenset({"list"})
    errors: ClassVar[Mapping[str, Mapping[int, str]]] = {}
    """For the OpenAPI document: errors of single actions beyond those that all have."""
    version_field: ClassVar[str] = ""
    """The column that changes with each edit of a row, and the field that shows it. With one, answers have an ETag and
    changes heed If-Match."""
    conditional: ClassVar[frozenset[str]] = frozenset({"update", "partial_update", "destroy"})
    """The actions that look at If-Match; those of them that answer with the row, `retrieve` and `create` have an
    ETag."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    filters: dict[str, Any]
    wanted_fields: tuple[str, ...]
    """Those that `fields` names; none: all."""

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {**super().default_response_headers, "Cache-Control": "no-store"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.filters = self._read_parameters(request)
        self.wanted_fields = self.filters.pop(sparse.PARAMETER, ())

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        if self._shows_version(response):
            version = conditional.mark(response.data[self.version_field])
            try:
                response = conditional.answer(request, response, version)
            except Invalid as error:  # the condition of a read cannot be understood
                response = self.handle_exception(error)
        return super().finalize_response(request, response, *args, **kwargs)

    def _shows_version(self, response: Any) -> bool:
        data = getattr(response, "data", None)
        if not self.version_field or not isinstance(data, Mapping) or not status.is_success(response.status_code):
            return False
        return self.action in self.conditional | {"retrieve", "create"} and self.version_field in data

    @property
    def principal(self) -> Principal:
        return principals.of_request(self.request)

    @property
    def request_id(self) -> str:
        return str(self.request.META.get("DAYBOOK_REQUEST_ID", ""))

    def read_body(self, serializer: type[StrictSerializer]) -> dict[str, Any]:
        """The validated body. Raises ValidationError."""
        reader = serializer(data=self.request.data)
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def answer_page(self, rows: QuerySet[Any], serializer: type[BaseSerializer[Any]]) -> Response:
        context = {**self.get_serializer_context()}
        if self.wanted_fields and issubclass(serializer, RowSerializer):
            rows = sparse.narrowed(rows, serializer, self.wanted_fields)
            context["only"] = frozenset(self.wanted_fields)
        return self.get_paginated_response(serializer(self.paginate_queryset(rows), many=True, context=context).data)

    def _read_parameters(self, request: Request) -> dict[str, Any]:
        given = request.query_params
        repeated = {name: ["Write it once."] for name in given if len(given.getlist(name)) > 1}
        too_long = {
            name: [f"Write at most {MAX_PARAMETER} characters."]
            for name in given
            if len(given[name]) > MAX_PARAMETER and name not in LONG
        }
        if repeated or too_long:
            raise Invalid({**too_long, **repeated})
        paging = NAMES if self.action in self.paged else ()
        reader = self.parameters.get(self.action or "", StrictSerializer)(
            data={name: value for name, value in given.items() if name not in paging}
        )
        if not reader.is_valid():
            known = ", ".join([*reader.fields, *paging]) or "none"
            raise Invalid(
                {
                    name: messages if name in reader.fields else [f"Unknown parameter. Known are {known}."]
                    for name, messages in reader.errors.items()
                }
            )
        return dict(reader.validated_data)


class TenantScopedViewSet(ApiViewSet):
    """The one place that keeps tenants apart. Lists leave other tenants' rows out; an id of theirs is refused."""

    noun: ClassVar[str] = "row"

    @property
    def scope(self) -> str:
        return self.required_scopes[self.action]

    def scoped(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        tenant_ids = self.principal.tenant_ids(self.scope)
        return rows if tenant_ids is None else rows.filter(tenant_id__in=tenant_ids)

    def find(self, rows: QuerySet[Row], pk: str) -> Row:
        """The row, if the action is open to the caller in its tenant. Raises NotFound, OtherTenant, MissingScope."""
        found = self.scoped(rows).filter(pk=int(pk)).first()
        if found is None:
            raise self._why_not(rows, pk)
        return found

    @contextmanager
    def unless_changed(self, row: Model, *, says_so_elsewhere: bool = False) -> Iterator[None]:
        """Around a change: lets it through when the row, locked, is what `If-Match` asks for. Nobody can change it in
        between. Raises Invalid, PreconditionFailed, PreconditionRequired."""
        condition = conditional.condition(self.request, says_so_elsewhere=says_so_elsewhere)
        if condition is None:
            yield
            return
        with transactions.engine():
            self.lock_before(row)
            rows = type(row)._default_manager.select_for_update(no_key=True).filter(pk=row.pk)
            found = rows.values_list(self.version_field, flat=True).first()
            version = None if found is None else conditional.mark(found)
            condition.judge(version, noun=self.noun, field=self.version_field)
            yield

    def lock_before(self, row: Model) -> None:
        """Lock what the changes of such a row lock before the row itself."""

    def _why_not(self, rows: QuerySet[Row], pk: str) -> Exception:
        tenant_id = rows.filter(pk=int(pk)).values_list("tenant_id", flat=True).first()
        return refusals.of_row(self.principal, self.scope, noun=self.noun, pk=pk, tenant_id=tenant_id)

    def tenant_to_write_to(self, named: str | None) -> Tenant:
        """The tenant of a new row: the key's, the user's only one, or the one named in the body or in `X-Tenant`."""
        named = named or self.request.headers.get(TENANT_HEADER)
        tenants = principals.tenants_of(self.principal)
        if not tenants:
            raise PermissionDenied(f"{self.principal.label} is a member of no active tenant. Ask an administrator.")
        if named is None and len(tenants) > 1:
            slugs = ", ".join(tenant.slug for tenant in tenants[:20])
            raise Invalid({"tenant": [f"Name one of your tenants here or in the header {TENANT_HEADER}: {slugs}."]})
        tenant = next((tenant for tenant in tenants if named in (None, tenant.slug)), None)
        if tenant is None:
            raise refusals.of_tenant(self.principal, self.scope, slug=str(named), tenant_id=None)
        if not self.principal.may(self.scope, tenant.pk):
            raise refusals.of_tenant(self.principal, self.scope, slug=tenant.slug, tenant_id=tenant.pk)
        return tenant

"""Routes of accounts under /api/v1/."""

from __future__ import annotations

from accounts.api.audit import AuditViewSet, RequestViewSet
from accounts.api.keys import KeyViewSet
from accounts.api.limits import LimitsViewSet
from accounts.api.me import MeViewSet
from accounts.api.members import MemberViewSet
from accounts.api.tenants import TenantViewSet
from accounts.api.tokens import TokenViewSet
from scheduler_project.api.routing import ID, route

urlpatterns = [
    route("audit", AuditViewSet, "audit-list", get="list"),
    route("audit/sample", AuditViewSet, "audit-sample", get="sample"),
    route("audit/export", AuditViewSet, "audit-export", get="export"),
    route("audit/seal", AuditViewSet, "audit-seal", get="seal"),
    route(f"audit/{ID}", AuditViewSet, "audit-detail", get="retrieve"),
    route("requests", RequestViewSet, "request-list", get="list"),
    route("me", MeViewSet, "me", get="retrieve"),
    route("token", TokenViewSet, "token", post="create"),
    route("token/refresh", TokenViewSet, "token-refresh", post="refresh"),
    route("token/revoke", TokenViewSet, "token-revoke", post="revoke"),
    route("keys", KeyViewSet, "key-list", get="list", post="create"),
    route(f"keys/{ID}", KeyViewSet, "key-detail", get="retrieve", patch="partial_update", delete="destroy"),
    route(f"keys/{ID}/rotate", KeyViewSet, "key-rotate", post="rotate"),
    route("tenants", TenantViewSet, "tenant-list", get="list", post="create"),
    route(f"tenants/{ID}", TenantViewSet, "tenant-detail", get="retrieve", patch="partial_update"),
    route("limits", LimitsViewSet, "limits", get="everyone", put="replace_everyones"),
    route(f"tenants/{ID}/limits", LimitsViewSet, "tenant-limits", get="retrieve", put="replace"),
    route("members", MemberViewSet, "member-list", get="list", post="create"),
    route(f"members/{ID}", MemberViewSet, "member-detail", get="retrieve", patch="partial_update", delete="destroy"),
]

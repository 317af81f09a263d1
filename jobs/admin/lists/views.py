"""Saved views over a list: opened, saved, renamed, made the default and deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from jobs import saved_views
from jobs.admin.jobs.operations import Caller
from jobs.admin.lists.filter_bar import VIEW
from jobs.models import SavedView
from jobs.rules.states import ListPage
from scheduler_project.lib import sql

EVERYTHING = "all"  # the value of `view` that keeps the default view away


@dataclass(frozen=True)
class Tab:
    view: SavedView
    url: str
    is_current: bool
    is_own: bool
    may_change: bool


class ViewsOfList:
    """Mixed into the admin of a list."""

    list_page: ClassVar[ListPage]
    opts: Any
    admin_site: Any

    def views_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"jobs_{self.opts.model_name}"
        return [
            path("views/save/", view(self.view_save_view), name=f"{name}_view_save"),
            path("views/<int:view_id>/change/", view(self.view_change_view), name=f"{name}_view_change"),
            path("views/<int:view_id>/delete/", view(self.view_delete_view), name=f"{name}_view_delete"),
        ]

    def open_default(self, request: HttpRequest) -> HttpResponse | None:
        """Whoever opens the list by its bare address is led to the default view, if there is one."""
        if request.GET or request.method != "GET":
            return None
        found = self._views(request).filter(owner_id=request.user.pk, is_default=True).first()
        return HttpResponseRedirect(self._url_of_view(found)) if found else None

    def views_context(self, request: HttpRequest) -> dict[str, Any]:
        current, query = request.GET.get(VIEW, ""), saved_views.as_query(request.GET.urlencode())
        found = list(self._views(request).select_related("owner", "tenant"))
        tabs = [
            Tab(
                view,
                self._url_of_view(view),
                is_current=str(view.pk) == current,
                is_own=saved_views.is_own(view, request.user.pk),
                may_change=self._may_change(request, view),
            )
            for view in found
        ]
        chosen = next((tab for tab in tabs if tab.is_current), None)
        tenants = list(access.tenants(request.user, Scope.SCHEDULER_READ).order_by("name")[:50])
        shares_in = [tenant for tenant in tenants if access.may(request.user, Scope.SCHEDULER_WRITE, tenant.pk)]
        return {
            "tabs": tabs,
            "current_view": chosen,
            "is_view_changed": chosen is not None and chosen.view.query != query,
            "view_query": query,
            "everything_url": f"{self._list_url()}?{VIEW}={EVERYTHING}",
            "save_url": reverse(f"admin:jobs_{self.opts.model_name}_view_save"),
            "change_url": self._path_of(chosen, "change"),
            "delete_url": self._path_of(chosen, "delete"),
            "view_tenants": tenants,
            "may_share": bool(shares_in),
        }

    def view_save_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        query, is_shared = request.POST.get("query", ""), request.POST.get("is_shared") == "1"
        tenant = self._tenant(request, Scope.SCHEDULER_WRITE if is_shared else Scope.SCHEDULER_READ)
        if tenant is None:
            raise PermissionDenied("Your role does not allow you to share views there.")
        data = {
            "name": request.POST.get("name", ""),
            "page": self.list_page.value,
            "query": query,
            "is_shared": is_shared,
            "is_default": request.POST.get("is_default") == "1",
        }
        try:
            made = saved_views.create(data, tenant=tenant, owner_id=request.user.pk, actor=Caller.of(request).actor)
        except saved_views.InvalidView as error:
            return self._refuse_view(request, error, query)
        messages.success(request, f"Saved the view {made.name}.")
        return HttpResponseRedirect(self._url_of_view(made))

    def view_change_view(self, request: HttpRequest, view_id: int) -> HttpResponse:
        """A form of the menu may say all about the view, or only that it shall have other filters."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        view = self._find_view(request, view_id)
        data: dict[str, Any] = {name: request.POST[name] for name in ("name", "query") if name in request.POST}
        if "name" in data and saved_views.is_own(view, request.user.pk):
            data["is_default"] = request.POST.get("is_default") == "1"
            may_share = access.may(request.user, Scope.SCHEDULER_WRITE, view.tenant_id)
            data |= {"is_shared": request.POST.get("is_shared") == "1"} if may_share else {}
        try:
            changed = saved_views.change(view.pk, data, actor=Caller.of(request).actor)
        except saved_views.InvalidView as error:
            return self._refuse_view(request, error, view.query)
        messages.success(request, f"Saved the view {changed.name}.")
        return HttpResponseRedirect(self._url_of_view(changed))

    def view_delete_view(self, request: HttpRequest, view_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        view = self._find_view(request, view_id)
        saved_views.delete(view.pk, actor=Caller.of(request).actor)
        messages.success(request, f"Deleted the view {view.name}.")
        return HttpResponseRedirect(f"{self._list_url()}?{VIEW}={EVERYTHING}")

    # --- small things ---

    def _views(self, request: HttpRequest) -> Any:
        of_tenants = access.visible(SavedView.objects.filter(page=self.list_page), request.user)
        return saved_views.visible(of_tenants, request.user.pk)

    def _find_view(self, request: HttpRequest, view_id: int) -> SavedView:
        found: SavedView | None = self._views(request).filter(pk=view_id).first()
        if found is None:
            raise Http404(f"There is no view {view_id}.")
        if not self._may_change(request, found):
            raise PermissionDenied("Your role does not allow you to change views that others share.")
        return found

    def _may_change(self, request: HttpRequest, view: SavedView) -> bool:
        is_own = saved_views.is_own(view, request.user.pk)
        return is_own or (view.is_shared and access.may(request.user, Scope.SCHEDULER_WRITE, view.tenant_id))

    def _tenant(self, request: HttpRequest, scope: Scope) -> Tenant | None:
        """The one that was chosen, else the first in which the viewer may."""
        tenants = access.tenants(request.user, scope).order_by("name")
        chosen = sql.text(request.POST.get("tenant", ""))
        return (tenants.filter(slug=chosen) if chosen else tenants).first()

    def _refuse_view(self, request: HttpRequest, error: saved_views.InvalidView, query: str) -> HttpResponse:
        messages.error(request, " ".join(text for texts in error.fields.values() for text in texts))
        return HttpResponseRedirect(f"{self._list_url()}?{saved_views.as_query(query)}")

    def _list_url(self) -> str:
        return reverse(f"admin:jobs_{self.opts.model_name}_changelist")

    def _url_of_view(self, view: SavedView) -> str:
        return f"{self._list_url()}?{view.query}{'&' if view.query else ''}{VIEW}={view.pk}"

    def _path_of(self, tab: Tab | None, name: str) -> str:
        return reverse(f"admin:jobs_{self.opts.model_name}_view_{name}", args=[tab.view.pk]) if tab else ""

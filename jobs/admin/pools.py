"""Pools in the admin: the list, the form, their removal. Everything is written by `jobs.pools`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import pools
from jobs.admin.jobs.operations import Caller
from jobs.models import Job, Pool
from jobs.pools import InvalidPool, PoolInUse, Use
from scheduler_project.lib import markup

NAMED_JOBS = 20


class PoolForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no generic form at run time
    """The constraints speak through `jobs.pools`, so that the admin and the API refuse alike."""

    class Meta:
        model = Pool
        fields = ("tenant", "name", "slug", "size")
        help_texts = {"slug": "Jobs name the pool by it, so it stays. Made from the name when left empty."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False
        if "size" in self.fields:  # those who may only look have no fields
            self.fields["size"].validators = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        data = {name: value for name, value in cleaned.items() if name in pools.FIELDS and value not in (None, "")}
        try:
            pools.judge(data, is_new=self.instance.pk is None, tenant_id=getattr(cleaned.get("tenant"), "pk", None))
        except InvalidPool as error:
            for name, problems in error.fields.items():
                if name in self.fields and name not in self.errors:
                    self.add_error(name, problems)
        return cleaned


@admin.register(Pool)
class PoolAdmin(TenantAdmin[Pool]):
    form = PoolForm
    list_display = ("pool", "tenant", "slots", "used_by", "changed")
    list_display_links = None
    list_select_related = ("tenant",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    sortable_by = ("pool",)
    actions = None
    change_list_template = "jobs/pools/list.html"

    # --- who may ---

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_anywhere(request.user, Scope.SCHEDULER_WRITE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return self.has_add_permission(request)
        return access.may(request.user, Scope.SCHEDULER_WRITE, obj.tenant_id)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    # --- the list ---

    def get_queryset(self, request: HttpRequest) -> Any:
        used_by = Job.objects.filter(pool=OuterRef("pk"), archived_at=None).order_by("name").values("name")
        return super().get_queryset(request).annotate(names=ArraySubquery(used_by[:4]))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changes = super().get_changelist_instance(request)
        rows: list[Any] = list(changes.result_list)
        uses = pools.use_of(rows)
        for row in rows:
            row.use = uses[row.pk]
        changes.result_list = rows
        return changes

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Pools", **(extra_context or {})})

    @admin.display(description="Pool", ordering="name")
    def pool(self, row: Pool) -> SafeString:
        url = reverse("admin:jobs_pool_change", args=[row.pk])
        return format_html('<a class="row-link" href="{}">{}</a><br><small class="mono">{}</small>', url, row, row.slug)

    @admin.display(description="Slots")
    def slots(self, row: Any) -> SafeString:
        use: Use = row.use
        waiting = f"{use.waiting:,} waiting" if use.waiting else "nothing waits"
        return format_html("{} of {} taken<br><small>{}</small>", use.running, row.size, waiting)

    @admin.display(description="Jobs")
    def used_by(self, row: Any) -> SafeString | str:
        found: list[str] = row.names
        return ", ".join(found[:3]) + (" and others" if len(found) > 3 else "") or "none"

    @admin.display(description="Changed")
    def changed(self, row: Pool) -> SafeString:
        return format_html("{} <small>{}</small>", markup.moment(row.updated_at, now=timezone.now()), row.updated_by)

    # --- the form ---

    def get_fieldsets(self, request: HttpRequest, obj: Pool | None = None) -> Any:
        fields = ("tenant", "name", "slug", "size") if obj is None else ("name", "size")
        text = (
            "So many runs at once, over all jobs that name the pool. The others wait, in the order of their priority."
        )
        return [(None, {"fields": fields, "description": text})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        made = super().get_form(request, obj, change=change, **kwargs)
        field: Any = made.base_fields.get("tenant")
        if field is not None:
            tenants = access.visible(Tenant.objects.all(), request.user, Scope.SCHEDULER_WRITE, tenant="pk")
            field.queryset = tenants.order_by("name")
            field.widget = forms.Select(choices=field.choices)  # nobody makes a tenant from here
            field.initial = field.queryset[0].pk if len(field.queryset) == 1 else None
        return made

    def save_model(self, request: HttpRequest, obj: Pool, form: Any, change: bool) -> None:
        actor = Caller.of(request).actor
        data = {name: form.cleaned_data[name] for name in pools.FIELDS if form.cleaned_data.get(name)}
        if change:
            pools.change(obj.pk, data, actor=actor)
        else:
            obj.pk = pools.create(data, tenant=obj.tenant, actor=actor).pk
            obj._state.adding = False

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The rows themselves say who changed them."""

    log_change = log_addition

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Asks before it is done; the stock page would name the job's rows as what goes with it."""
        pool = self.get_object(request, object_id)
        if not self.has_delete_permission(request, pool):
            raise PermissionDenied("Your role does not allow you to delete this pool.")
        if request.method == "POST":
            try:
                pools.delete(pool.pk, actor=Caller.of(request).actor)
            except PoolInUse as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(reverse("admin:jobs_pool_change", args=[pool.pk]))
            messages.success(request, f"Deleted {pool.name}.")
            return HttpResponseRedirect(reverse("admin:jobs_pool_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Delete {pool.name}?",
            "opts": Pool._meta,
            "pool": pool,
            "jobs": pool.jobs.order_by("name")[:NAMED_JOBS],
        }
        return TemplateResponse(request, "jobs/pools/remove.html", context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return self.change_view(request, object_id)

"""For rows that Django's own forms change: what the form has changed is an entry of the audit trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from accounts import audit


class AuditedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    audited_as: str

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if form.changed_data or not change:
            before = {name: form.initial.get(name) for name in form.changed_data} if change else {}
            after = {name: form.cleaned_data.get(name) for name in form.changed_data}
            self.record("changed" if change else "created", request, form.instance, before=before, after=after)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.record("deleted", request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self.record_all("deleted", request, queryset)
        super().delete_queryset(request, queryset)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The page for another user's password has no other trace."""
        if str(getattr(request.resolver_match, "url_name", "")).endswith("_password_change"):
            self.record("password_changed", request, obj)
        return super().log_change(request, obj, message)

    def record_all(self, what: str, request: HttpRequest, rows: Iterable[Any]) -> None:
        for row in rows:
            self.record(what, request, row)

    def record(self, what: str, request: HttpRequest, row: Any, **states: Mapping[str, Any]) -> None:
        shown = {name: {field: _shown(value) for field, value in state.items()} for name, state in states.items()}
        audit.record(
            f"{self.audited_as}.{what}",
            actor=f"user:{request.user.get_username()}",
            tenant_id=None,
            target=self.audited_as,
            target_id=row.pk,
            target_name=str(row),
            before=shown.get("before"),
            after=shown.get("after"),
        )


def _shown(value: Any) -> Any:
    if isinstance(value, Model):
        return str(value)
    if isinstance(value, QuerySet | list | tuple | set):
        return sorted(str(part) for part in value)
    return value

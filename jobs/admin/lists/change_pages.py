"""The page of a change of many rows: carried out in batches by the rights of each row, summed up, and undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import access
from accounts.scopes import Scope
from jobs.admin.jobs.operations import Caller, in_words
from jobs.bulk import Result, Status, changes
from jobs.models import BulkChange
from jobs.rules.states import ListPage

MOST_NAMED = 10
MOST_LISTED = 500


@dataclass(frozen=True)
class Action:
    label: str
    scope: Scope
    done: str
    about: str = ""
    """What is good to know before it is done to many."""
    asks_for: str = ""
    """`note`, `tags`, `priority`."""
    always_asks: bool = False
    is_final: bool = False
    short: str = ""
    """On its button; the label unless told."""

    @property
    def button(self) -> str:
        return self.short or self.label


class NotThere(Exception):
    """A row of another tenant, or none."""


class RoleTooSmall(Exception):
    """The viewer's role in the row's tenant does not allow the action."""


class ChangePages:
    """The part of `ManyChanges` that begins when a change has been asked for."""

    model: Any
    opts: Any
    admin_site: Any
    get_queryset: Any
    list_page: ClassVar[ListPage]
    noun: ClassVar[str]
    many_actions: ClassVar[Mapping[str, Action]]

    def change_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"jobs_{self.opts.model_name}"
        return [
            path("changes/<uuid:key>/", view(self.change_of_many_view), name=f"{name}_change_of_many"),
            path("changes/<uuid:key>/go-on/", view(self.go_on_view), name=f"{name}_go_on"),
            path("changes/<uuid:key>/undo/", view(self.undo_view), name=f"{name}_undo"),
        ]

    # --- to be said by the list ---

    def apply_to_many(self, action: str, ids: list[int], wish: dict[str, Any], caller: Caller) -> list[Result]:
        raise NotImplementedError

    def names_of(self, ids: Sequence[int]) -> dict[int, str]:
        raise NotImplementedError

    def url_of(self, row_id: int) -> str:
        raise NotImplementedError

    # --- pages ---

    def change_of_many_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        change = self._find(request, key)
        action = self.many_actions[change.action]
        context = {
            **self.admin_site.each_context(request),
            **self._facts(change),
            "title": f"{action.label} {self._in_words(len(change.rows))}",
            "opts": self.opts,
            "list_url": f"admin:jobs_{self.opts.model_name}_changelist",
            "list_name": str(self.opts.verbose_name_plural).capitalize(),
        }
        return TemplateResponse(request, "jobs/lists/many_page.html", context)

    def go_on_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        change = self._find(request, key)
        self._advance(request, change)
        if request.headers.get("HX-Request") != "true":
            return HttpResponseRedirect(self._url("change_of_many", change))
        return TemplateResponse(request, "jobs/lists/many_progress.html", self._facts(change))

    def undo_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        change = self._find(request, key)
        within_reach, refused = self._judge(request, change, changes.done(change))
        try:
            results = changes.undo(change, actor=Caller.of(request).actor, among=set(within_reach))
        except changes.TooLate as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self._list(change.back))
        done = sum(one.status is Status.DONE for one in results)
        if done:
            messages.success(request, f"Undone: {self._in_words(done)} as before.")
        for one in [one for one in [*refused.values(), *results] if one.error is not None][:MOST_NAMED]:
            messages.error(request, in_words(one.error) if one.error else "")
        return HttpResponseRedirect(self._list(change.back))

    # --- small things ---

    def _advance(self, request: HttpRequest, change: BulkChange) -> None:
        changes.advance(change, lambda ids: self._apply(request, change, ids), words=in_words)

    def _apply(self, request: HttpRequest, change: BulkChange, ids: list[int]) -> list[Result]:
        """Rights are looked at with each batch: they may end in between."""
        within_reach, results = self._judge(request, change, ids)
        done = self.apply_to_many(change.action, within_reach, change.wish, Caller.of(request))
        results |= {one.id: one for one in done}
        return [results[pk] for pk in ids if pk in results]

    def _judge(self, request: HttpRequest, change: BulkChange, ids: list[int]) -> tuple[list[int], dict[int, Result]]:
        """The rows to which the viewer may do it now, and for each other one why not."""
        scope = self.many_actions[change.action].scope
        rows = {row.pk: row for row in self.get_queryset(request).filter(pk__in=ids)}
        tenants = dict(access.tenants(request.user).values_list("pk", "name"))
        within_reach, refused = [], {}
        for pk in ids:
            if pk not in rows:
                refused[pk] = Result(pk, Status.REFUSED, NotThere(f"There is no {self.noun} {pk}."))
            elif not access.may(request.user, scope, rows[pk].tenant_id):
                error = RoleTooSmall(f"your role in {tenants.get(rows[pk].tenant_id, 'its tenant')} does not allow it.")
                refused[pk] = Result(pk, Status.REFUSED, error)
            else:
                within_reach.append(pk)
        return within_reach, refused

    def _facts(self, change: BulkChange) -> dict[str, Any]:
        counts = changes.counts(change)
        ends_at, now = changes.undo_ends_at(change), timezone.now()
        told = sorted(change.results, key=lambda one: one["status"] != Status.REFUSED)[:MOST_LISTED]
        names = self.names_of([one["id"] for one in told]) if change.finished_at else {}
        return {
            "change": change,
            "action": self.many_actions[change.action],
            "noun": self.noun,
            "counts": {status.value: count for status, count in counts.items()},
            "answered": len(change.results),
            "total": len(change.rows),
            "lost": len(change.rows) - len(change.results) if change.finished_at else 0,
            "results": [{**one, "name": names.get(one["id"], one["id"]), "url": self.url_of(one["id"])} for one in told]
            if change.finished_at
            else [],
            "go_on_url": self._url("go_on", change),
            "undo_url": self._url("undo", change) if ends_at and now < ends_at else "",
            "back": self._list(change.back),
        }

    def _find(self, request: HttpRequest, key: UUID) -> BulkChange:
        found = BulkChange.objects.filter(pk=key, owner_id=request.user.pk, page=self.list_page).first()
        if found is None or found.action not in self.many_actions:
            raise Http404("There is no such change of many; they are kept for a day.")
        return found

    def _url(self, name: str, change: BulkChange) -> str:
        return reverse(f"admin:jobs_{self.opts.model_name}_{name}", args=[change.pk])

    def _list(self, query: str) -> str:
        url = reverse(f"admin:jobs_{self.opts.model_name}_changelist")
        return f"{url}?{query}" if query else url

    def _in_words(self, count: int) -> str:
        return f"{count:,} {self.noun}" if count == 1 else f"{count:,} {self.noun}s"

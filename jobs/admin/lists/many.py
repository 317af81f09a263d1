"""Changes of many rows of a list: what is selected, asked for once more, done in batches, summed up and undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import access
from accounts.scopes import Scope
from jobs.admin.jobs.operations import Caller, in_words
from jobs.admin.lists import filter_bar
from jobs.admin.lists.change_list import find_changelist
from jobs.bulk import Result, Status, changes
from jobs.models import BulkChange
from jobs.rules.states import ListPage
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of

MOST_AT_ONCE = 50  # rows that one request changes; more are followed on a page of their own
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


@dataclass(frozen=True)
class Selection:
    """Rows that the viewer sees, one more than can be changed when there are more; `missing` were ids of others."""

    rows: Sequence[Any]
    is_all: bool
    missing: int

    @property
    def is_too_many(self) -> bool:
        return len(self.rows) > changes.MOST_ROWS


class NotThere(Exception):
    """A row of another tenant, or none."""


class RoleTooSmall(Exception):
    """The viewer's role in the row's tenant does not allow the action."""


class ManyChanges:
    """Mixed into the admin of a list."""

    model: Any
    opts: Any
    admin_site: Any
    get_queryset: Any
    list_page: ClassVar[ListPage]
    noun: ClassVar[str]
    many_actions: ClassVar[Mapping[str, Action]]

    def many_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"jobs_{self.opts.model_name}"
        return [
            path("many/<slug:action>/", view(self.many_view), name=f"{name}_many"),
            path("changes/<uuid:key>/", view(self.change_of_many_view), name=f"{name}_change_of_many"),
            path("changes/<uuid:key>/go-on/", view(self.go_on_view), name=f"{name}_go_on"),
            path("changes/<uuid:key>/undo/", view(self.undo_view), name=f"{name}_undo"),
        ]

    # --- to be said by the list ---

    def apply_to_many(self, action: str, ids: list[int], wish: dict[str, Any], caller: Caller) -> list[Result]:
        raise NotImplementedError

    def name_of(self, row: Any) -> str:
        raise NotImplementedError

    def names_of(self, ids: Sequence[int]) -> dict[int, str]:
        raise NotImplementedError

    def url_of(self, row_id: int) -> str:
        raise NotImplementedError

    def read_wish(self, action: str, request: HttpRequest) -> tuple[dict[str, Any], str]:
        """What the action needs to know, and what is wrong with it."""
        return {"note": sql.text(request.POST.get("note", "").strip())[:500]}, ""

    # --- pages ---

    def many_view(self, request: HttpRequest, action: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseRedirect(self._list(request.GET.urlencode()))
        asked = self.many_actions.get(action)
        if asked is None:
            raise Http404(f"There is no action {action}.")
        if not access.may_anywhere(request.user, asked.scope):
            raise PermissionDenied(f"Your role does not allow you to {asked.label.lower()} {self.noun}s.")
        selection = self.select(request)
        back = self._list(request.GET.urlencode())
        if not selection.rows:
            text = f"No such {self.noun}; nothing was done." if selection.missing else f"Select {self.noun}s first."
            return self._refuse(request, text, back)
        if selection.is_too_many:
            text = f"More than {changes.MOST_ROWS:,} {self.noun}s are meant; nothing was done. Narrow them down."
            return self._refuse(request, text, back)
        answer = self.answer_at_once(request, action, selection)
        if answer is not None:
            return answer
        count = len(selection.rows)
        is_confirmed = request.POST.get("confirmed") == "1" and request.POST.get("count") == str(count)
        must_ask = asked.always_asks or selection.is_all or count > MOST_AT_ONCE or asked.asks_for in ("tags",)
        wish, problem = self.read_wish(action, request)
        if (must_ask and not is_confirmed) or (problem and must_ask):
            return self._ask(request, action, selection, problem if is_confirmed else "")
        if problem:
            return self._refuse(request, problem, back)
        return self._begin(request, action, selection, wish)

    def answer_at_once(self, request: HttpRequest, action: str, selection: Selection) -> HttpResponse | None:
        """For what changes nothing, such as an export."""
        return None

    def select(self, request: HttpRequest) -> Selection:
        most = changes.MOST_ROWS + 1
        if request.POST.get("all") == "1":
            found = find_changelist(self, request)
            is_open = found is not None and not getattr(found, "is_too_slow", False)
            return Selection(list(found.queryset[:most]) if is_open else [], is_all=True, missing=0)
        asked = request.POST.getlist("id")[:most]
        ids = [number for number in dict.fromkeys(map(number_of, asked)) if number is not None]
        rows = {row.pk: row for row in self.get_queryset(request).filter(pk__in=ids)}
        return Selection([rows[pk] for pk in ids if pk in rows], is_all=False, missing=len(ids) - len(rows))

    def _ask(self, request: HttpRequest, action: str, selection: Selection, problem: str) -> HttpResponse:
        asked, count = self.many_actions[action], len(selection.rows)
        is_told = selection.is_all or request.POST.get("confirmed") == "1"
        before = request.POST.get("count", "") if is_told else ""
        changelist = find_changelist(self, request) if selection.is_all else None
        context = {
            **self.admin_site.each_context(request),
            "title": f"{asked.label} {self._in_words(count)}?",
            "opts": self.opts,
            "action": asked,
            "problem": problem,
            "count": count,
            "count_before": before if before.isdecimal() and before != str(count) else "",
            "count_words": self._in_words(count),
            "selection": selection,
            "named": [self.name_of(row) for row in selection.rows[:MOST_NAMED]],
            "more": max(count - MOST_NAMED, 0),
            "chips": filter_bar.of(changelist).chips if changelist else (),
            "tags": request.POST.get("tags", ""),
            "note": request.POST.get("note", ""),
            "submit_url": request.get_full_path(),
            "back": self._list(request.GET.urlencode()),
            "list_url": f"admin:jobs_{self.opts.model_name}_changelist",
            "list_name": str(self.opts.verbose_name_plural).capitalize(),
        }
        return TemplateResponse(request, "jobs/lists/many_confirm.html", context)

    def _begin(self, request: HttpRequest, action: str, selection: Selection, wish: dict[str, Any]) -> HttpResponse:
        change = changes.start(
            owner_id=request.user.pk or 0,
            page=self.list_page,
            action=action,
            rows=[row.pk for row in selection.rows],
            wish=wish,
            back=request.GET.urlencode(),
        )
        if len(change.rows) > MOST_AT_ONCE:
            return HttpResponseRedirect(self._url("change_of_many", change))
        self._advance(request, change)
        if request.headers.get("X-Requested-With") == "fetch":
            return self._answer_script(change)
        self._tell(request, change, missing=selection.missing)
        return HttpResponseRedirect(self._list(change.back))

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

    def _tell(self, request: HttpRequest, change: BulkChange, *, missing: int) -> None:
        counts = changes.counts(change)
        if counts[Status.DONE]:
            tags = f"undo:{self._url('undo', change)}" if changes.undo_ends_at(change) else ""
            done = self.many_actions[change.action].done.format(self._in_words(counts[Status.DONE]))
            messages.success(request, done, extra_tags=tags)
        if counts[Status.UNCHANGED]:
            messages.info(request, f"{self._in_words(counts[Status.UNCHANGED]).capitalize()} needed no change.")
        failed = [one for one in change.results if one["status"] == Status.REFUSED]
        names = self.names_of([one["id"] for one in failed[:MOST_NAMED]])
        for one in failed[:MOST_NAMED]:
            messages.error(request, f"{names.get(one['id'], one['id'])}: {one['why']}")
        if len(failed) > MOST_NAMED:
            messages.error(request, f"And {len(failed) - MOST_NAMED} more could not be changed.")
        if missing:
            messages.error(request, f"{self._in_words(missing).capitalize()} could not be found.")

    def _answer_script(self, change: BulkChange) -> HttpResponse:
        refused = [one["why"] for one in change.results if one["status"] == Status.REFUSED]
        return JsonResponse({"refused": refused}, status=409 if refused else 200)

    def _refuse(self, request: HttpRequest, text: str, back: str) -> HttpResponse:
        if request.headers.get("X-Requested-With") == "fetch":
            return JsonResponse({"refused": [text]}, status=409)
        messages.error(request, text)
        return HttpResponseRedirect(back)

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

"""Changes of many rows of a list: what is selected, asked for once more, begun, and told when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from accounts import access
from jobs.admin.lists import filter_bar
from jobs.admin.lists.change_list import find_changelist
from jobs.admin.lists.change_pages import MOST_NAMED, ChangePages
from jobs.bulk import Status, changes
from jobs.models import BulkChange
from scheduler_project.lib import sql
from scheduler_project.lib.input import number_of

MOST_AT_ONCE = 50  # rows that one request changes; more are followed on a page of their own


@dataclass(frozen=True)
class Selection:
    """Rows that the viewer sees, one more than can be changed when there are more; `missing` were ids of others."""

    rows: Sequence[Any]
    is_all: bool
    missing: int

    @property
    def is_too_many(self) -> bool:
        return len(self.rows) > changes.MOST_ROWS


class ManyChanges(ChangePages):
    """Mixed into the admin of a list."""

    def many_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"jobs_{self.opts.model_name}_many"
        return [path("many/<slug:action>/", view(self.many_view), name=name), *self.change_urls()]

    # --- to be said by the list ---

    def name_of(self, row: Any) -> str:
        raise NotImplementedError

    def read_wish(self, action: str, request: HttpRequest) -> tuple[dict[str, Any], str]:
        """What the action needs to know, and what is wrong with it."""
        return {"note": sql.text(request.POST.get("note", "").strip())[:500]}, ""

    def answer_at_once(self, request: HttpRequest, action: str, selection: Selection) -> HttpResponse | None:
        """For what changes nothing, such as an export."""
        return None

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

"""Dead letters in the admin: groups by cause, the letters of a group, one letter, and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import dead_letters
from jobs.admin.dead_letters.replays import replay_url, shown_status
from jobs.admin.editor import parameters
from jobs.admin.history_list import find_job
from jobs.admin.jobs.columns import execution_url
from jobs.admin.jobs.operations import Caller, in_words
from jobs.admin.reasons import in_words as reason_in_words
from jobs.definition import InvalidJob
from jobs.models import Attempt, DeadLetter, DeadLetterReplay, Execution
from jobs.rules.states import LetterState, ReplayStatus
from jobs.tick import publisher
from scheduler_project.lib.input import number_of

REFUSALS = (
    InvalidJob,
    dead_letters.CannotReplay,
    dead_letters.CountHasChanged,
    dead_letters.LetterIsNotDiscarded,
    dead_letters.LetterIsNotOpen,
    dead_letters.NoOpenLetters,
)
PER_PAGE = 50
SHOWN = 100
STATES = {
    LetterState.OPEN: "Open",
    LetterState.REPLAYING: "Being replayed",
    LetterState.FAILED_AGAIN: "Failed again",
    LetterState.RESOLVED: "Resolved",
    LetterState.DISCARDED: "Discarded",
}


@admin.register(DeadLetter)
class DeadLetterAdmin(TenantAdmin[DeadLetter]):
    list_select_related = ("tenant", "job", "template")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("tenant", "job", "template")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        buttons = (
            ("replay", self.replay_view),
            ("replay-group", self.replay_group_view),
            ("discard", self.discard_view),
            ("discard-group", self.discard_group_view),
            ("restore", self.restore_view),
        )
        return [
            path("live/", view(self.live_view), name="jobs_deadletter_live"),
            path("<int:letter_id>/group/", view(self.group_view), name="jobs_deadletter_group"),
            path("<int:letter_id>/edit/", view(self.edit_view), name="jobs_deadletter_edit"),
            *(
                path(f"<int:letter_id>/{name}/", view(button), name=f"jobs_deadletter_{name.replace('-', '_')}")
                for name, button in buttons
            ),
            *super().get_urls(),
        ]

    # --- pages ---

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The groups, since nobody reads ten thousand letters of one cause."""
        facts = self._facts(request)
        context = {**self.admin_site.each_context(request), **facts, "title": "Dead letters", "opts": DeadLetter._meta}
        return TemplateResponse(request, "jobs/dead_letters/list.html", context)

    def live_view(self, request: HttpRequest) -> HttpResponse:
        return TemplateResponse(request, "jobs/dead_letters/groups.html", self._facts(request))

    def _facts(self, request: HttpRequest) -> dict[str, Any]:
        if not self.has_view_permission(request):
            raise PermissionDenied("Your role does not allow you to see dead letters.")
        state = request.GET.get("state", "")
        state = state if state in list(LetterState) else LetterState.OPEN.value
        job = find_job(request)
        letters = access.visible(DeadLetter.objects.all(), request.user)
        found = dead_letters.find(letters, state=state, job=job.pk if job else None)
        page = Paginator(dead_letters.grouped(found), PER_PAGE).get_page(request.GET.get("p"))
        replays = access.visible(DeadLetterReplay.objects.filter(status=ReplayStatus.RUNNING), request.user)
        return {
            "page": page,
            "groups": dead_letters.groups(list(page.object_list)),
            "state": state,
            "states": [(value.value, word) for value, word in STATES.items()],
            "job": job,
            "replays": list(replays.select_related("job", "template")[:20]),
            "last": letters.exclude(closed_at=None).order_by("-closed_at").first() if not page.object_list else None,
            "now": timezone.now(),
            "query": request.GET.urlencode(),
        }

    def group_view(self, request: HttpRequest, letter_id: int) -> HttpResponse:
        letter = self.get_object(request, str(letter_id))
        everything = dead_letters.group_of(letter)
        open_ones = dead_letters.open_in_group_of(letter)
        others = DeadLetter.objects.filter(tenant_id=letter.tenant_id, fingerprint=letter.fingerprint)
        others = others.filter(state=LetterState.OPEN).exclude(pk__in=everything.values("pk"))
        replays = DeadLetterReplay.objects.filter(runs__letter__in=everything.values("pk")).distinct()[:5]
        context = {
            **self.admin_site.each_context(request),
            "title": letter.error_class or reason_in_words(letter.reason),
            "opts": DeadLetter._meta,
            "letter": letter,
            "open_count": open_ones.count(),
            "total": everything.count(),
            "letters": list(everything.order_by(F("closed_at").desc(nulls_first=True), "-id")[:SHOWN]),
            "first": everything.order_by("died_at").first(),
            "last": everything.order_by("-died_at").first(),
            "other_jobs": others.values("job_id").distinct().count(),
            "replays": [(replay, shown_status(replay)) for replay in replays],
            "may_run": access.may(request.user, Scope.SCHEDULER_RUN, letter.tenant_id),
            "most": dead_letters.MOST,
            "most_note": dead_letters.LONGEST_NOTE,
            "now": timezone.now(),
        }
        return TemplateResponse(request, "jobs/dead_letters/group.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        letter = self.get_object(request, object_id)
        execution = Execution.objects.filter(pk=letter.execution_id).select_related("template").first()
        attempts = Attempt.objects.filter(execution_id=letter.execution_id).order_by("-number")
        may_run = access.may(request.user, Scope.SCHEDULER_RUN, letter.tenant_id)
        context = {
            **self.admin_site.each_context(request),
            "title": str(letter),
            "opts": DeadLetter._meta,
            "letter": letter,
            "execution": execution,
            "reason": reason_in_words(letter.reason),
            "error": execution.error if execution else letter.error,
            "traceback": attempts.exclude(traceback="").values_list("traceback", flat=True).first() or "",
            "parameters": parameters.masked(execution.template, execution.parameters) if execution else {},
            "runs": list(letter.runs.order_by("id")),
            "open_count": dead_letters.open_in_group_of(letter).count(),
            "may_run": may_run,
            "is_open": letter.state == LetterState.OPEN,
            "is_discarded": letter.state == LetterState.DISCARDED,
            "most_note": dead_letters.LONGEST_NOTE,
        }
        return TemplateResponse(request, "jobs/dead_letters/page.html", context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(letter_url(self.get_object(request, object_id).pk))

    def edit_view(self, request: HttpRequest, letter_id: int) -> HttpResponse:
        """The parameters of then, to be changed before they run again."""
        letter = self._allowed(request, letter_id)
        execution = Execution.objects.filter(pk=letter.execution_id).select_related("template").first()
        if execution is None:
            messages.error(request, "The execution is not kept any more, and its parameters are gone with it.")
            return HttpResponseRedirect(letter_url(letter.pk))
        data = request.POST if request.method == "POST" else None
        section = parameters.of_run(execution.template, execution.parameters, data)
        if data is not None and section.form is not None and section.form.is_valid():
            try:
                return self._replay(request, letter, parameters=section.parameters())
            except InvalidJob as error:
                section.form.apply_errors(error.fields)
            except REFUSALS as error:
                messages.error(request, in_words(error))
                return HttpResponseRedirect(letter_url(letter.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Edit and replay {letter}",
            "opts": DeadLetter._meta,
            "letter": letter,
            "section": section,
            "has_errors": data is not None,
        }
        return TemplateResponse(request, "jobs/dead_letters/edit.html", context)

    # --- buttons ---

    def replay_view(self, request: HttpRequest, letter_id: int) -> HttpResponse:
        return self._press(request, letter_id, lambda letter: self._replay(request, letter))

    def replay_group_view(self, request: HttpRequest, letter_id: int) -> HttpResponse:
        def start(letter: DeadLetter) -> HttpResponse:
            caller = Caller.of(request)
            replay = dead_letters.start(
                letter.pk, actor=caller.actor, request_id=caller.request_id, expected=_expected(request)
            )
            count = replay.runs.count()
            messages.success(request, f"Started with {count} letter{'' if count == 1 else 's'}.")
            return HttpResponseRedirect(replay_url(replay.pk))

        return self._press(request, letter_id, start, back=group_url)

    def discard_view(self, request: HttpRequest, letter_id: int) -> HttpResponse:
        def discard(letter: DeadLetter) -> None:
            dead_letters.discard(letter.pk, actor=Caller.of(request).actor, note=_note(request))
            messages.success(request, "Discarded.")

        return self._press(request, letter_id, discard)

    def discard_group_view(self, request: HttpRequest, letter_id: int) -> HttpResponse:
        def discard(letter: DeadLetter) -> HttpResponse:
            count = dead_letters.discard_group(
                letter.pk, actor=Caller.of(request).actor, note=_note(request), expected=_expected(request)
            )
            messages.success(request, f"Discarded {count} letter{'' if count == 1 else 's'}.")
            return HttpResponseRedirect(reverse("admin:jobs_deadletter_changelist"))

        return self._press(request, letter_id, discard, back=group_url)

    def restore_view(self, request: HttpRequest, letter_id: int) -> HttpResponse:
        def restore(letter: DeadLetter) -> None:
            dead_letters.restore(letter.pk, actor=Caller.of(request).actor)
            messages.success(request, "It is open again.")

        return self._press(request, letter_id, restore)

    def _press(
        self,
        request: HttpRequest,
        letter_id: int,
        act: Callable[[DeadLetter], HttpResponse | None],
        back: Callable[[int], str] | None = None,
    ) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        letter = self._allowed(request, letter_id)
        try:
            answer = act(letter)
        except REFUSALS as error:
            messages.error(request, in_words(error))
            answer = None
        return answer or HttpResponseRedirect((back or letter_url)(letter.pk))

    def _replay(self, request: HttpRequest, letter: DeadLetter, **wishes: Any) -> HttpResponse:
        caller = Caller.of(request)
        execution_id = dead_letters.replay(letter.pk, actor=caller.actor, request_id=caller.request_id, **wishes)
        publisher.announce_soon([execution_id])
        messages.success(request, f"Queued. This is the replay of execution {letter.execution_id}.")
        return HttpResponseRedirect(execution_url(execution_id))

    def _allowed(self, request: HttpRequest, letter_id: int) -> DeadLetter:
        letter = self.get_object(request, str(letter_id))
        if not access.may(request.user, Scope.SCHEDULER_RUN, letter.tenant_id):
            raise PermissionDenied("Your role does not allow you to decide about dead letters.")
        return letter


def letter_url(letter_id: int) -> str:
    return reverse("admin:jobs_deadletter_change", args=[letter_id])


def group_url(letter_id: int) -> str:
    return reverse("admin:jobs_deadletter_group", args=[letter_id])


def _expected(request: HttpRequest) -> int | None:
    """How many the page showed."""
    return number_of(request.POST.get("expected", ""))


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "").replace("\x00", "")

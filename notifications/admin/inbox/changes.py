"""What is done with notifications in the console, by a form or by a script: they are read, and cleared away."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from notifications.admin.inbox import filters, viewers
from notifications.admin.inbox.way_back import way_back
from notifications.inbox import following, marking, reading
from notifications.inbox.readers import Reader
from notifications.inbox.reading import Wanted
from scheduler_project.lib.input import number_of

MOST_NAMED = 500


def read_one(site: AdminSite, request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    reader = viewers.reader(request)
    if marking.read_one(reader, pk) is None:
        raise Http404("There is no such notification in your inbox. It may have been cleared away.")
    return _answer(request, reader, "")


def read_many(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The chosen ones, or with `all` whatever the filters of the address show."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    reader = viewers.reader(request)
    wanted = _wanted(request)
    count = marking.read_all(reader, wanted) if wanted else 0
    return _answer(request, reader, f"Marked {count:,} as read." if count else "Nothing was unread there.")


def clear_many(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The chosen ones, or with `all` what the filters of the address show. Of what was not chosen by itself, only what
    has been read."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    reader = viewers.reader(request)
    wanted = _wanted(request)
    count = marking.clear(reader, wanted, unread_too=request.POST.get("unread_too") == "1") if wanted else 0
    return _answer(request, reader, f"Cleared {count:,} away." if count else "Nothing was there to clear away.")


def _wanted(request: HttpRequest) -> Wanted | None:
    if request.POST.get("all") == "1":
        return filters.read(request.GET)
    ids = {number_of(text) for text in request.POST.getlist("id")[:MOST_NAMED]} - {None}
    return Wanted(ids=tuple(sorted(one for one in ids if one is not None))) if ids else None


def _answer(request: HttpRequest, reader: Reader, words: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        place = following.place_now()  # before the count, which then knows of all up to it
        return JsonResponse({"unread": reading.unread_count(reader), "place": place})
    if words:
        messages.success(request, words)
    return way_back(request, otherwise="notifications")

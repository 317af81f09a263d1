"""What people in the console are told while PostgreSQL does not answer: their sessions lie there, so nothing else."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from scheduler_project.api.last_seen import is_outage

PAGE = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Not now · Daybook</title></head><body>'
    "<h1>The database does not answer</h1><p>What you did not see confirmed may not have been done. "
    "Load this page again in a moment.</p></body></html>"
)


class TellOutage(MiddlewareMixin):
    """The API has answers of its own."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not is_outage(exception):
            return None
        return HttpResponse(PAGE, status=503, headers={"Retry-After": "2", "Cache-Control": "no-store"})

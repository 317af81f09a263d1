"""Stands in for the library `requests` in the modules of apprise, so that all that they call goes by our own client."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from jobs.rules.webhooks import retry_after
from jobs.webhooks.calling import client
from notifications.channels import posting
from notifications.rules.answers import Answer, of_status
from scheduler_project.lib.http import OutboundError

LENT = frozenset(
    {"codes", "exceptions", "RequestException", "ConnectionError", "Timeout", "HTTPError", "TooManyRedirects"}
)
MOST_CALLS = 10  # of one message


@dataclass
class _Exchange:
    """What one message has led to."""

    answers: list[Answer] = field(default_factory=list)
    error: OutboundError | None = None


_current = threading.local()


class GuardedRequests:
    """Judged addresses, no redirects, bounded answers; outside of `watched`, no call at all."""

    def __getattr__(self, name: str) -> Any:
        if name in LENT:
            return getattr(requests, name)
        raise AttributeError(f"Services may not use requests.{name} here.")

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        exchange: _Exchange | None = getattr(_current, "exchange", None)
        if exchange is None or len(exchange.answers) >= MOST_CALLS:
            raise requests.ConnectionError("No more calls are made for this message.")
        known = ("params", "data", "json", "headers", "files", "auth", "cookies")
        asked = requests.Request(method, url, **{name: options[name] for name in known if name in options}).prepare()
        sent = asked.body.encode() if isinstance(asked.body, str) else asked.body
        if not isinstance(sent, bytes | None):
            raise requests.ConnectionError("Only text and bytes are sent.")
        headers = {name: value if isinstance(value, str) else value.decode() for name, value in asked.headers.items()}
        try:
            found = client().request(str(asked.method), str(asked.url), headers=headers, body=sent)
        except OutboundError as error:
            exchange.error = error
            raise requests.ConnectionError(str(error)) from error
        wait = retry_after(found.headers.get("retry-after", ""), now=datetime.now(UTC))
        exchange.error = None
        exchange.answers.append(of_status(found.status, found.text, retry_after=wait, refusals=posting.REFUSALS))
        response = requests.Response()
        response.status_code, response._content, response.url = found.status, found.body, found.url
        response.headers = CaseInsensitiveDict(found.headers)
        response.encoding = "utf-8"
        return response

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> requests.Response:
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> requests.Response:
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> requests.Response:
        return self.request("DELETE", url, **options)

    def head(self, url: str, **options: Any) -> requests.Response:
        return self.request("HEAD", url, **options)


GUARDED = GuardedRequests()


def lend_to(package: str) -> None:
    """Give it to every module of the package that has been loaded and uses `requests`."""
    for name, module in list(sys.modules.items()):
        if (name == package or name.startswith(f"{package}.")) and getattr(module, "requests", None) is requests:
            setattr(module, "requests", GUARDED)  # noqa: B010


@contextmanager
def watched() -> Iterator[_Exchange]:
    """Around one message: lets this thread call, and keeps what came back."""
    _current.exchange = exchange = _Exchange()
    try:
        yield exchange
    finally:
        _current.exchange = None

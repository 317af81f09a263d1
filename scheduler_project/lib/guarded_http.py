"""The outbound client with a circuit breaker per host."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from scheduler_project.lib import circuits
from scheduler_project.lib.http import HttpClient, OutboundFailed, Response

SERVER_ERROR = 500


class _Ailing(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.response = response


class GuardedHttpClient(HttpClient):
    """Counts calls without an answer and those of a status from 500 on. Raises `CircuitOpen` when there were too many
    in a row."""

    def request(self, method: str, url: str, **options: Any) -> Response:
        def exchange() -> Response:
            response = super(GuardedHttpClient, self).request(method, url, **options)
            if response.status >= SERVER_ERROR:
                raise _Ailing(response)
            return response

        self.check(url)
        try:
            return circuits.call(circuit_of(url), exchange, counts=lambda e: isinstance(e, _Ailing | OutboundFailed))
        except _Ailing as ailing:
            return ailing.response


def circuit_of(url: str) -> str:
    """The name of the circuit of a host."""
    parts = urlsplit(url)
    return f"http:{parts.hostname}" + (f":{parts.port}" if parts.port else "")

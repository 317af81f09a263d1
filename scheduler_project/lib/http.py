"""Calls other hosts by HTTP for templates and webhooks, and refuses what lies inside our own network."""

from __future__ import annotations

import contextlib
import ipaddress
import json as json_format
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast
from urllib.parse import urlencode, urljoin

from django.conf import settings
from urllib3._collections import HTTPHeaderDict
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout, Url, parse_url

from scheduler_project.lib.addresses import Address, Allowed, is_public
from scheduler_project.lib.guarded_connection import Deadline, Dialer, open_pool

PORTS: Final = {"http": 80, "https": 443}
PUBLIC_PORTS: Final = (80, 443, 8443)
TIME_LIMIT: Final = timedelta(seconds=10)
SIZE_LIMIT: Final = 1_048_576
REDIRECTS: Final = 3
CHUNK: Final = 65_536

REDIRECTED: Final = (301, 302, 303, 307, 308)
BODY_HEADERS: Final = ("content-type", "content-length", "content-encoding", "transfer-encoding")
KEPT_ELSEWHERE: Final = ("accept", "accept-language", "accept-encoding", "user-agent", *BODY_HEADERS)


class OutboundError(Exception):
    """An outbound call did not come to an answer."""


class OutboundRefused(OutboundError):
    """The call is not allowed; nothing was sent to where it leads."""


class OutboundFailed(OutboundError):
    """The host could not be reached, or did not answer in time."""


class BadAnswer(OutboundError):
    """The host answered, but with what nobody can use: too much, not JSON, or redirects without end."""


class BadStatus(OutboundError):
    """The host answered with a status of 400 or above."""


@dataclass(frozen=True)
class Response:
    """An answer that was read to its end. `url` is where it came from, after redirects."""

    status: int
    headers: Mapping[str, str]  # found by name in any case
    body: bytes
    url: str

    @property
    def is_ok(self) -> bool:
        return self.status < 400

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Raises `BadAnswer` when the body is not JSON."""
        try:
            return json_format.loads(self.body)
        except ValueError as error:
            raise BadAnswer(f"The answer of {_origin(self.url)} is not JSON: {error}.") from None

    def raise_for_status(self) -> Response:
        """Itself when all is well. Raises `BadStatus`."""
        if not self.is_ok:
            raise BadStatus(f"{_origin(self.url)} answered with the status {self.status}.")
        return self


@dataclass(frozen=True)
class _Request:
    method: str
    url: Url
    headers: HTTPHeaderDict
    body: bytes | None

    def follow(self, location: str, status: int) -> _Request:
        """What a redirect asks for. Another host learns no more than what every host is told."""
        try:
            target = _read(urljoin(str(self.url), location))
        except ValueError:  # such as http://[]/
            raise OutboundRefused(f"{_origin(str(self.url))} redirects to what is no address.") from None
        if target.scheme != self.url.scheme:
            raise OutboundRefused(
                f"{_origin(str(self.url))} redirects from {self.url.scheme} to {target.scheme}. "
                "Call the address that it redirects to."
            )
        headers = self.headers.copy()
        if (target.host, _port(target)) != (self.url.host, _port(self.url)):
            headers = _only(headers, lambda name: name in KEPT_ELSEWHERE)
        if status == 303 or (status in (301, 302) and self.method == "POST"):
            headers = _only(headers, lambda name: name not in BODY_HEADERS)
            return _Request("HEAD" if self.method == "HEAD" else "GET", target, headers, None)
        return _Request(self.method, target, headers, self.body)


class HttpClient:
    """Calls http and https addresses. Each address of the host is checked, and the checked one is called."""

    def __init__(
        self,
        *,
        allowed: Allowed | None = None,
        time_limit: timedelta = TIME_LIMIT,
        size_limit: int = SIZE_LIMIT,
        redirects: int = REDIRECTS,
        ca_file: str | None = None,
    ) -> None:
        """`allowed` are the private hosts that may be called; without it, those of DAYBOOK_OUTBOUND_ALLOW. With
        `redirects=0` an answer that redirects is returned like any other. `ca_file` holds the authorities that are
        trusted in place of the system's."""
        self._allowed = Allowed(settings.DAYBOOK_OUTBOUND_ALLOW) if allowed is None else allowed
        self._time_limit = time_limit
        self._size_limit = size_limit
        self._redirects = redirects
        self._ca_file = ca_file

    def get(self, url: str, **options: Any) -> Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Response:
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        body: bytes | None = None,
    ) -> Response:
        """One call with its redirects, within the time limit. An answer of any status is returned.

        Raises `OutboundRefused`, `OutboundFailed` and `BadAnswer`.
        """
        asked = HTTPHeaderDict({"User-Agent": "Daybook", "Accept-Encoding": "identity"})
        for name, value in (headers or {}).items():
            asked[name] = value
        if json is not None:
            body = json_format.dumps(json).encode()
            asked.setdefault("Content-Type", "application/json")
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        request = _Request(method.upper(), self.check(url), asked, body)
        with Deadline(self._time_limit.total_seconds()) as deadline:
            for _ in range(self._redirects + 1):
                response = self._exchange(request, deadline)
                location = response.headers.get("location")
                if response.status not in REDIRECTED or not location or not self._redirects:
                    return response
                request = request.follow(location, response.status)
                self.check(str(request.url))
        raise BadAnswer(f"{_origin(url)} redirects more than {self._redirects} times.")

    def check(self, url: str) -> Url:
        """Judge what can be judged without asking for the host's address. Raises `OutboundRefused`."""
        parts = _read(url)
        host = cast(str, parts.host)
        if parts.auth is not None:
            raise OutboundRefused("The address holds a user name or password. Send them as an Authorization header.")
        is_allowed = self._allowed.has_host(host)
        with contextlib.suppress(ValueError):
            literal = ipaddress.ip_address(host.strip("[]"))
            self._judge(host, literal)
            is_allowed = is_allowed or self._allowed.has_address(literal)
        if _port(parts) not in PUBLIC_PORTS and not is_allowed and not self._allowed.has_networks:
            raise OutboundRefused(self._wrong_port(parts))
        return parts

    def _exchange(self, request: _Request, deadline: Deadline) -> Response:
        url = request.url
        origin = _origin(str(url))

        def judge(host: str, address: Address) -> None:
            self._judge(host, address)
            is_allowed = self._allowed.has_host(host) or self._allowed.has_address(address)
            if _port(url) not in PUBLIC_PORTS and not is_allowed:
                raise OutboundRefused(self._wrong_port(url))

        pool = open_pool(
            cast(str, url.scheme),
            cast(str, url.host),
            _port(url),
            dialer=Dialer(judge, deadline),
            ca_file=self._ca_file,
        )
        try:
            answer = pool.urlopen(
                request.method,
                url.request_uri,
                body=request.body,
                headers=request.headers,
                timeout=Timeout(deadline.left),
                redirect=False,
                retries=False,
                preload_content=False,
                assert_same_host=False,
            )
            body = self._read_body(answer, origin)
        except (HTTPError, OSError) as error:
            if deadline.has_passed:
                raise self._too_slow(origin) from None
            raise OutboundFailed(f"{origin} cannot be called: {error}") from error
        except ValueError as error:  # a header or method that would break out of its line
            raise OutboundRefused(f"The call cannot be sent: {error}") from None
        finally:
            pool.close()
        if deadline.has_passed:  # what was cut off may look like an end
            raise self._too_slow(origin)
        return Response(answer.status, answer.headers, body, str(url))

    def _read_body(self, answer: BaseHTTPResponse, origin: str) -> bytes:
        body = bytearray()
        try:
            for chunk in answer.stream(CHUNK, decode_content=True):
                body += chunk
                if len(body) > self._size_limit:
                    raise BadAnswer(f"The answer of {origin} is larger than {self._size_limit:,} bytes.")
        finally:
            answer.close()
        return bytes(body)

    def _judge(self, host: str, address: Address) -> None:
        if is_public(address) or self._allowed.has_host(host) or self._allowed.has_address(address):
            return
        raise OutboundRefused(
            f"{host} is not at a public address. "  # not which: the answer goes to whoever chose the host
            "Whoever runs Daybook can allow it in DAYBOOK_OUTBOUND_ALLOW."
        )

    @staticmethod
    def _wrong_port(url: Url) -> str:
        ports = ", ".join(str(port) for port in PUBLIC_PORTS)
        return f"Port {_port(url)} is not one of {ports}. Only hosts in DAYBOOK_OUTBOUND_ALLOW may be called at others."

    def _too_slow(self, origin: str) -> OutboundFailed:
        return OutboundFailed(f"{origin} did not answer within {self._time_limit.total_seconds():g} s.")


def _read(url: str) -> Url:
    try:
        parts = parse_url(url)
    except LocationParseError:
        parts = Url()
    if parts.scheme not in PORTS or not parts.host:
        raise OutboundRefused("Only addresses that begin with http:// or https:// and name a host can be called.")
    return parts._replace(fragment=None)


def _port(url: Url) -> int:
    return url.port or PORTS[cast(str, url.scheme)]


def _origin(url: str) -> str:
    """The part of an address that is fit for messages: paths and queries may hold secrets."""
    parts = parse_url(url)
    return f"{parts.scheme}://{parts.netloc}"


def _only(headers: HTTPHeaderDict, keeps: Callable[[str], bool]) -> HTTPHeaderDict:
    return HTTPHeaderDict([(name, value) for name, value in headers.items() if keeps(name.lower())])

"""Keys that never leave a key server: wraps and unwraps by HTTP, as Vault's Transit engine and its kin answer it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from accounts.sealing.errors import CannotOpen, KeysUnavailable
from accounts.sealing.providers.base import Wrapped
from scheduler_project.lib import circuits
from scheduler_project.lib.addresses import Allowed
from scheduler_project.lib.http import BadAnswer, HttpClient, OutboundError, Response

TIME_LIMIT = timedelta(seconds=2)  # transactions of the engine are waiting meanwhile
SIZE_LIMIT = 65_536
BUSY = (408, 412, 429, 472, 473)  # of a standby, or of one that is asked too often


class _Refused(Exception):
    """The server understood and said no."""


class TransitKeys:
    """One named key; its versions are the ids: `transit/daybook:v3`."""

    name = "transit"

    def __init__(self) -> None:
        self._url = str(settings.DAYBOOK_TRANSIT_URL or "").rstrip("/")
        self._key = quote(settings.DAYBOOK_TRANSIT_KEY, safe="")
        self._mount = quote(settings.DAYBOOK_TRANSIT_MOUNT.strip("/"), safe="/")
        if not self._url or not settings.DAYBOOK_TRANSIT_TOKEN_FILE:
            raise KeysUnavailable(
                "The key provider transit needs DAYBOOK_TRANSIT_URL and DAYBOOK_TRANSIT_TOKEN_FILE.", wait=60
            )

    def active_id(self) -> str:
        return self.known_ids()[-1]

    def known_ids(self) -> list[str]:
        latest: int = self._asked("GET", "keys", lambda data: int(data["latest_version"]))
        return [self._id(f"v{version}") for version in range(1, latest + 1)]

    def wrap(self, key: bytes, *, context: bytes) -> Wrapped:
        body = {"plaintext": _encoded(key), "associated_data": _encoded(context)}
        text = self._asked("POST", "encrypt", lambda data: str(data["ciphertext"]), body)
        return Wrapped(text, self._id(text.split(":")[1]))

    def unwrap(self, wrapped: Wrapped, *, context: bytes) -> bytes:
        body = {"ciphertext": wrapped.text, "associated_data": _encoded(context)}
        key: bytes = self._asked(
            "POST", "decrypt", lambda data: base64.b64decode(data["plaintext"], validate=True), body
        )
        return key

    def _id(self, version: str) -> str:
        return f"{self._mount}/{self._key}:{version}"

    def _asked(self, method: str, action: str, read: Callable[[Any], Any], body: dict[str, str] | None = None) -> Any:
        try:
            response = self._call(method, f"{self._url}/v1/{self._mount}/{action}/{self._key}", body)
            return read(response.json()["data"])
        except circuits.CircuitOpen as error:
            wait = max((error.until - datetime.now(UTC)).total_seconds(), 1.0)
            raise KeysUnavailable(f"The key server does not answer: {error}", wait=wait) from None
        except OutboundError as error:
            raise KeysUnavailable(f"The key server does not answer: {error}") from None
        except (KeyError, TypeError, ValueError, IndexError, binascii.Error):
            raise KeysUnavailable("The key server's answer is not that of a Transit engine.") from None
        except _Refused as error:
            if action == "decrypt":
                raise CannotOpen(str(error)) from None
            raise KeysUnavailable(str(error)) from None

    def _call(self, method: str, url: str, body: dict[str, str] | None) -> Response:
        client = HttpClient(
            # The operator has named this host, and it is called by nobody else.
            allowed=Allowed([(urlsplit(url).hostname or "").strip("[]")]),
            time_limit=TIME_LIMIT,
            size_limit=SIZE_LIMIT,
            redirects=0,
            ca_file=settings.DAYBOOK_TRANSIT_CA_FILE,
        )

        def exchange() -> Response:
            response = client.request(method, url, headers={"X-Vault-Token": _token()}, json=body)
            if response.status >= 500 or response.status in BUSY:
                raise BadAnswer(f"it answered with the status {response.status}.")
            return response

        response = circuits.call(
            f"keys:{urlsplit(url).netloc}", exchange, counts=lambda e: isinstance(e, OutboundError)
        )
        if response.status in (401, 403):
            raise KeysUnavailable("The key server refuses the token in DAYBOOK_TRANSIT_TOKEN_FILE.")
        if not response.is_ok:
            raise _Refused(f"The key server refuses with the status {response.status}.")
        return response


def _token() -> str:
    """Read for each call: such tokens are short-lived, and whoever renews them writes the file anew."""
    try:
        return Path(settings.DAYBOOK_TRANSIT_TOKEN_FILE).read_text().strip()
    except OSError as error:
        raise KeysUnavailable(f"The file of the key server's token cannot be read: {error.strerror}.") from None


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()

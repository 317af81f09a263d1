"""Services that apprise knows, by one address each: those that the operator lists, and none that calls any host."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from notifications.channels import fields, guarded_requests
from notifications.channels.base import ChannelType, Letter, Problems
from notifications.channels.fields import Field
from notifications.channels.guarded_requests import GUARDED
from notifications.channels.message import Message
from notifications.rules.answers import Answer, Came
from notifications.rules.kinds import ChannelKind, Severity
from scheduler_project.lib.http import OutboundRefused

FREE_HOST = ("{host", "{hostname", "{domain")
OTHER_WAYS = re.compile(
    r"^\s*(?:import|from)\s+(?:socket|ssl|asyncio|subprocess|smtplib|http|httpx|aiohttp|urllib3|urllib\.request|"
    r"websockets?|slixmpp|paho|gntp|telnetlib|ftplib|\.+utils\.socket)\b|^\s*from\s+requests\s+import\s+\(?\s*(?:Session|request|get|post)",
    re.MULTILINE,
)
TYPES: Mapping[Severity, str] = {
    Severity.INFO: "info",
    Severity.SUCCESS: "success",
    Severity.WARNING: "warning",
    Severity.ERROR: "failure",
    Severity.CRITICAL: "failure",
}


class RefusedService(ValueError):
    """The address is of no service that may be called."""


class AppriseChannel(ChannelType):
    kind = ChannelKind.APPRISE
    label = "Other service"
    about = "Services such as Discord, Telegram or Pushover, by an address of apprise."
    sends_at_once = 2
    fields = (
        Field(
            "url",
            "Address of apprise",
            "Such as discord://webhook_id/webhook_token. Which services may be used, DAYBOOK_APPRISE_SCHEMES says.",
            "text",
            fields.text_of(fields.MOST_URL),
            is_secret=True,
            is_required=True,
        ),
    )

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Problems:
        try:
            service_of(secrets["url"])
        except RefusedService as error:
            return {"url": str(error)}
        return {}

    def shown_of(self, secrets: Mapping[str, str]) -> Mapping[str, str]:
        return {"service": str(service_of(secrets["url"]).service_name)}

    def compose(self, message: Message, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"title": message.title(), "text": message.text() or message.title(), "type": TYPES[message.severity]}

    def send(self, letter: Letter) -> Answer:
        try:
            service = service_of(letter.secrets["url"])
        except RefusedService as error:
            return Answer(Came.REFUSED, error=str(error))
        said = self.compose(letter.message, letter.config)
        with guarded_requests.watched() as exchange:
            is_taken = service.notify(title=said["title"], body=said["text"], notify_type=said["type"])
        if isinstance(exchange.error, OutboundRefused):
            return Answer(Came.REFUSED, error=str(exchange.error))
        if exchange.error is not None:
            return Answer(Came.LATER, error=str(exchange.error))
        last = exchange.answers[-1] if exchange.answers else None
        if is_taken:
            return Answer(Came.TAKEN, last.status if last else None, last.text if last else "")
        bad = next((answer for answer in reversed(exchange.answers) if answer.came is not Came.TAKEN), None)
        return bad or Answer(Came.LATER, error=f"{service.service_name} did not take the message.")


def service_of(address: str) -> Any:
    """The service that the address names, ready to send. Raises `RefusedService`."""
    scheme = address.partition("://")[0].lower()
    if problem := refusal_of(scheme):
        raise RefusedService(problem)
    apprise = _apprise()
    asset = apprise.AppriseAsset(secure_logging=True, async_mode=False)
    service = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if service is None:
        raise RefusedService(f"It is no address of {scheme}://; see the page on channels for its form.")
    if type(service) is not _kinds()[scheme]:  # some addresses name one service and mean another
        raise RefusedService(f"It is no address of {scheme}://.")
    service.retry, service.request_rate_per_sec = 0, 0  # tries again are ours
    service.overflow_mode = apprise.OverflowMode.TRUNCATE  # one call
    if (targets := len(service)) > 1:  # where one of them fails, the others would get the message again
        raise RefusedService(f"It names {targets} receivers; make a channel for each.")
    return service


def refusal_of(scheme: str) -> str:
    """Why nothing is sent by that scheme; empty when it may be used."""
    names: list[str] = settings.DAYBOOK_APPRISE_SCHEMES
    if scheme not in names:
        listed = ", ".join(f"{name}://" for name in names) or "none"
        return f"Services that may be used are {listed}. Whoever runs Daybook can add to DAYBOOK_APPRISE_SCHEMES."
    kind = _kinds().get(scheme)
    if kind is None:
        return f"apprise knows no service {scheme}://."
    if any(sign in template for template in kind.templates for sign in FREE_HOST):
        return f"{scheme}:// can call any host, so it is not used; take a channel of the kind webhook."
    if _has_other_ways(kind.__module__):
        return f"{scheme}:// makes calls of its own, which cannot be held to public hosts, so it is not used."
    return ""


@cache
def _has_other_ways(module: str) -> bool:
    """Whether the service's code could reach the network by anything but what we lent to it."""
    package = ".".join(module.split(".")[:3])  # apprise.plugins.<service>
    parts = [part for name, part in list(sys.modules.items()) if name == package or name.startswith(f"{package}.")]
    is_lent = any(getattr(part, "requests", None) is GUARDED for part in parts)
    return not is_lent or any(OTHER_WAYS.search(inspect.getsource(part)) for part in parts)


@cache
def _kinds() -> Mapping[str, Any]:
    """The service of each scheme."""
    _apprise()
    from apprise.manager_plugins import NotificationManager

    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]
    return {scheme: manager[scheme] for scheme in manager.schemas()}


@cache
def _apprise() -> Any:
    """Loaded when it is first needed: it is large, and few have such channels."""
    import apprise

    apprise.Apprise().details()  # loads every service, so that each gets our own client
    guarded_requests.lend_to("apprise")
    # Some addresses name files to take words or keys from: they would be files of ours.
    setattr(apprise.AppriseAttachment, "add", _takes_no_file)  # noqa: B010
    return apprise


def _takes_no_file(*_: Any, **__: Any) -> bool:
    return False

"""The environment variables that we know: names, types, defaults. An unknown or invalid one stops the start."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from scheduler_project.lib import key_ring
from scheduler_project.lib.addresses import Allowed

SECRET_NAME = re.compile(r"(?:[\w.-]+/)?[\w.-]+")
SECRET_REFERENCE = re.compile(r"env:\w+|file:/.+")


def text(value: str) -> str:
    return value


def boolean(value: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if value.strip().lower() not in known:
        raise ValueError("write true or false")
    return known[value.strip().lower()]


def names(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def reachable(value: str) -> list[str]:
    try:
        Allowed(names(value))
    except ValueError:
        raise ValueError("write host names, addresses and networks like 10.1.0.0/16, separated by commas") from None
    return names(value)


def networks(value: str) -> list[str]:
    try:
        return [str(ipaddress.ip_network(part, strict=False)) for part in names(value)]
    except ValueError:
        raise ValueError("write addresses and networks like 10.1.0.0/16, separated by commas") from None


def references(value: str) -> dict[str, str]:
    """`name=env:NAME` or `name=file:/path`, separated by commas."""
    found = dict(part.partition("=")[::2] for part in names(value))
    for name, reference in found.items():
        if not SECRET_NAME.fullmatch(name) or not SECRET_REFERENCE.fullmatch(reference):
            raise ValueError("write name=env:VARIABLE or name=file:/path, separated by commas")
    return found


def seconds(least: float, most: float) -> Callable[[str], timedelta]:
    def parse(value: str) -> timedelta:
        try:
            number = float(value)
        except ValueError:
            raise ValueError("write a number of seconds") from None
        if not least <= number <= most:
            raise ValueError(f"write a number of seconds from {least:g} to {most:g}")
        return timedelta(seconds=number)

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ValueError(f"write a whole number from {least} to {most}")
        return int(value)

    return parse


def url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes:
            raise ValueError(f"write an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"write one of {', '.join(allowed)}")
        return value

    return parse


@dataclass(frozen=True)
class Variable:
    parse: Callable[[str], Any]
    default: Any
    help: str


VARIABLES: dict[str, Variable] = {
    "DATABASE_URL": Variable(
        url("postgres", "postgresql"), None, "PostgreSQL 15 or newer. Without it, the embedded one of `make run`."
    ),
    "DATABASE_POOLER": Variable(
        choice("none", "transaction"),
        "none",
        "`transaction` when PgBouncer in transaction mode stands in front of PostgreSQL.",
    ),
    "REDIS_URL": Variable(
        url("redis", "rediss"), None, "Broker, cache and channel layer. Without it, the embedded one of `make run`."
    ),
    "SCHEDULER_USE_CELERY": Variable(
        boolean, True, "Execute through Celery workers; `false` runs them by APScheduler."
    ),
    "DAYBOOK_SCHEDULER_ENABLED": Variable(
        boolean,
        None,
        "Off: due ticks are skipped, changes and new runs refused. Unset: as `manage.py set_flag` says, else on.",
    ),
    "DAYBOOK_NOTIFICATIONS_ENABLED": Variable(boolean, None, "Off: nothing is sent. Unset: on."),
    "DAYBOOK_PUBLIC_URL": Variable(
        url("https", "http"), None, "Where people reach the console, for links in messages. Without it there are none."
    ),
    "DAYBOOK_APPRISE_SCHEMES": Variable(
        names,
        [
            *("discord", "tgram", "gchat", "webex", "pover", "pbul", "opsgenie", "splunk", "signl4", "pagertree"),
            *("squadcast", "ilert", "twilio"),
        ],
        "Services of apprise that channels may name. Those that can call any host are refused all the same.",
    ),
    "DAYBOOK_PAGERDUTY_URL": Variable(
        url("https", "http"), None, "Host that takes events for PagerDuty. Default: PagerDuty's own of the region."
    ),
    "DAYBOOK_NOTIFICATIONS_KEPT_DAYS": Variable(
        whole(1, 365), 30, "How many days a notification stays in the inbox, unless whoever creates it says otherwise."
    ),
    "DAYBOOK_SCHEDULER_EVENTS_KEPT_DAYS": Variable(
        whole(1, 3650), 30, "How many days the events of the scheduling are kept; their counters stay for ever."
    ),
    "DAYBOOK_SECRET_KEY": Variable(text, None, "Django's secret key. Required in production."),
    "DAYBOOK_PREVIOUS_SECRET_KEYS": Variable(
        names, [], "Secret keys of before, separated by commas: what they signed is still accepted."
    ),
    "DAYBOOK_CREDENTIAL_CACHE": Variable(
        seconds(0, 5),
        timedelta(seconds=5),
        "How long a process may go on with what it knows of keys, tokens and members before it asks again.",
    ),
    "DAYBOOK_TOKEN_LIFE": Variable(
        seconds(60, 3_600), timedelta(minutes=10), "How long an access token of a person is good."
    ),
    "DAYBOOK_REFRESH_LIFE": Variable(
        seconds(600, 2_592_000), timedelta(days=1), "How long a refresh token can be exchanged for a new pair."
    ),
    "DAYBOOK_SIGN_INS_PER_NAME": Variable(
        whole(1, 10_000), 10, "How many sign-ins may fail for one user name within an hour."
    ),
    "DAYBOOK_SIGN_INS_PER_ADDRESS": Variable(
        whole(1, 10_000), 20, "How many sign-ins may fail from one address within an hour."
    ),
    "DAYBOOK_ALLOWED_HOSTS": Variable(names, [], "Host names that the web answers to, separated by commas."),
    "DAYBOOK_TRUSTED_ORIGINS": Variable(names, [], "Origins (https://host) whose forms are accepted behind a proxy."),
    "DAYBOOK_BEHIND_TLS_PROXY": Variable(
        boolean, False, "A proxy in front ends TLS and always sets X-Forwarded-Proto itself."
    ),
    "DAYBOOK_REQUIRE_IF_MATCH": Variable(
        boolean, False, "Refuse changes by the API that do not say by If-Match which version of a row they are of."
    ),
    "DAYBOOK_TRUSTED_PROXIES": Variable(
        networks, [], "Addresses and networks of proxies whose X-Forwarded-For says where a request comes from."
    ),
    "DAYBOOK_INTERNAL_NETWORKS": Variable(
        networks, [], "Addresses and networks whose requests are not limited in number."
    ),
    "DAYBOOK_RATE_LIMIT": Variable(
        whole(1, 1_000_000), 100, "How many requests of one class a tenant may make in a minute, unless told otherwise."
    ),
    "DAYBOOK_POLICY_URL": Variable(
        url("http", "https"), None, "Decision of a policy server (OPA's data API) that is asked about every change."
    ),
    "DAYBOOK_POLICY_TIMEOUT": Variable(
        seconds(0.05, 5), timedelta(seconds=0.5), "How long the policy server may take to answer."
    ),
    "DAYBOOK_POLICY_FAIL": Variable(
        choice("closed", "open"), "closed", "What becomes of changes while the policy server gives no answer."
    ),
    "DAYBOOK_DEBUG": Variable(boolean, False, "Django's debug pages. Never in production."),
    "DAYBOOK_STATE_DIR": Variable(text, None, "Folder of the embedded servers and local files. Default: .daybook/."),
    "DAYBOOK_EXPORT_ROOT": Variable(text, None, "Folder that exports are written to. Default: exports/ in the state."),
    "DAYBOOK_EMAIL_URL": Variable(
        url("smtp", "smtps", "smtp+tls", "consolemail", "filemail", "memorymail"),
        None,
        "Where mail goes, e.g. smtp+tls://user:password@host:587. Default: files in the state folder.",
    ),
    "DAYBOOK_EMAIL_FROM": Variable(text, "daybook@localhost", "Sender of mails."),
    "DAYBOOK_LOG_LEVEL": Variable(
        choice("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "Least severe level of log lines that are written."
    ),
    "DAYBOOK_LOG_FORMAT": Variable(
        choice("text", "json"), None, "Form of log lines. Default: text; in production json."
    ),
    "DAYBOOK_LEADER_LEASE": Variable(
        seconds(1, 120), timedelta(seconds=10), "How long the leading scheduler keeps the lead without renewing it."
    ),
    "DAYBOOK_RUN_LEASE": Variable(
        seconds(2, 900), timedelta(seconds=60), "How long a run stays its worker's without a heartbeat."
    ),
    "DAYBOOK_HEARTBEAT": Variable(
        seconds(0.2, 300),
        timedelta(seconds=10),
        "How often a running job renews its lease, and a worker says that it lives.",
    ),
    "DAYBOOK_RECONCILE_WINDOW": Variable(
        seconds(60, 604_800),
        timedelta(hours=1),
        "How much of the newest part of each job's ledger the scheduler verifies again and again.",
    ),
    "DAYBOOK_LIVENESS_FOLDER": Variable(
        text, None, "Folder where scheduler and worker touch a file while they turn, for container health checks."
    ),
    "DAYBOOK_ANNOUNCE": Variable(
        choice("pipeline", "celery"),
        "pipeline",
        "How executions are announced: messages written here and sent in one pipeline, or Celery's own call for each.",
    ),
    "DAYBOOK_PUBLISH_WINDOW": Variable(
        whole(1, 1_000_000),
        500,
        "How much of a tenant's backlog is announced ahead, for each queue and priority; the rest waits in PostgreSQL.",
    ),
    "DAYBOOK_QUEUE_LIMIT": Variable(
        whole(1, 100_000_000), 10_000, "How many runs of one priority may wait before more of them are refused."
    ),
    "DAYBOOK_DEAD_LETTER_ALERT": Variable(
        whole(1, 1_000_000), 100, "How many open dead letters are worth an alert, the event dead_letters.growing."
    ),
    "DAYBOOK_OUTBOUND_ALLOW": Variable(
        reachable,
        [],
        "Hosts that templates and webhooks may call although they are not public, or at ports other than the web's.",
    ),
    "DAYBOOK_CIRCUIT_FAILURES": Variable(
        whole(1, 1000), 5, "After how many failures in a row a mail server or host is not called for a while."
    ),
    "DAYBOOK_CIRCUIT_RESET": Variable(
        seconds(1, 3600), timedelta(seconds=30), "How long it is not called then; runs that need it wait as long."
    ),
    "DAYBOOK_SECRETS": Variable(
        references,
        {},
        "Secrets that templates may ask for by name, and where the worker finds them. `acme/name` is for one tenant.",
    ),
    "DAYBOOK_SECRETS_ROOT": Variable(text, "/run/secrets", "Folder that files of secrets must lie in."),
    "DAYBOOK_KEY_PROVIDER": Variable(
        choice("environment", "file", "transit"),
        None,
        "Who holds the keys that secrets are encrypted with. Default: the first of the three that is set up below.",
    ),
    "DAYBOOK_ENCRYPTION_KEYS": Variable(
        key_ring.parse,
        {},
        "Keys as id:base64,id2:base64, 32 random bytes each. The first one encrypts, the others only decrypt.",
    ),
    "DAYBOOK_ENCRYPTION_KEYS_FILE": Variable(text, None, "File with the same content, for the provider `file`."),
    "DAYBOOK_TRANSIT_URL": Variable(
        url("https", "http"), None, "Key server with the API of Vault's Transit engine, for the provider `transit`."
    ),
    "DAYBOOK_TRANSIT_KEY": Variable(text, "daybook", "Name of the key there. Its versions are rotated there."),
    "DAYBOOK_TRANSIT_MOUNT": Variable(text, "transit", "Where the Transit engine is mounted."),
    "DAYBOOK_TRANSIT_TOKEN_FILE": Variable(text, None, "File with the token for the key server, read for each call."),
    "DAYBOOK_TRANSIT_CA_FILE": Variable(
        text, None, "Certificates that the key server's is checked against. Default: the system's."
    ),
    "DAYBOOK_DATA_KEY_CACHE": Variable(
        seconds(1, 86_400),
        timedelta(hours=1),
        "How long a process keeps a decrypted data key, and so can do without the key server.",
    ),
    "DAYBOOK_AUDIT_MONTHS": Variable(
        whole(1, 1_200), 24, "How many whole months the audit trail reaches back; older ones are dropped once sealed."
    ),
    "DAYBOOK_REQUEST_LOG_DAYS": Variable(
        whole(0, 3_650), 7, "How many days the record of API requests reaches back; `0` records none."
    ),
    "DAYBOOK_WORKER_PROCESSES": Variable(whole(1, 1_000), 2, "How many runs a worker does at once, a process each."),
    "DAYBOOK_WORKER_MAX_TASKS": Variable(
        whole(1, 1_000_000), 500, "How many messages a worker's process takes before it is replaced."
    ),
    "DAYBOOK_WORKER_MAX_MEMORY_MB": Variable(
        whole(64, 1_000_000), 512, "How large a worker's process may have grown when a run ends; then it is replaced."
    ),
    "DAYBOOK_CANARY_EVERY": Variable(
        seconds(1, 3600),
        timedelta(minutes=1),
        "How often each queue is asked whether a worker hears it.",
    ),
    "DAYBOOK_STORE_CELERY_RESULTS": Variable(
        boolean, False, "Also write how each run ended to the results of django-celery-results."
    ),
    "DAYBOOK_LIVE_CONNECTIONS": Variable(
        whole(1, 1_000), 5, "How many live connections (WebSocket, SSE) a user or a key may have at once."
    ),
    "DAYBOOK_LIVE_LIFETIME": Variable(
        seconds(1, 86_400), timedelta(hours=1), "How long one live connection lasts; then the client comes again."
    ),
    "DAYBOOK_LIVE_RECHECK": Variable(
        seconds(0.1, 60),
        timedelta(seconds=4),
        "How often credentials and rights of live connections are checked again.",
    ),
    "DAYBOOK_ADOPT": Variable(boolean, True, "Adopt django-celery-beat rows that others made as jobs."),
    "DAYBOOK_ROLE": Variable(
        choice("web", "scheduler", "worker", "command"), "command", "Set by the process itself; not for people."
    ),
}

OWN_PREFIXES = ("DAYBOOK_", "SCHEDULER_", "DATABASE_POOL", "REDIS_URL")

# Kubernetes and Docker links give every process variables about each service, e.g. DAYBOOK_WEB_PORT_80_TCP_ADDR.
SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$")


class Environment:
    """Typed reads of the known variables."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        for name in values:
            if name.startswith(OWN_PREFIXES) and name not in VARIABLES and not SERVICE_LINK.search(name):
                near = difflib.get_close_matches(name, VARIABLES, n=1)
                hint = f" Did you mean {near[0]}?" if near else " docs/configuration.md lists the known ones."
                raise ImproperlyConfigured(f"Unknown environment variable {name}.{hint}")
        for name in VARIABLES:
            self[name]

    def given(self) -> frozenset[str]:
        """The variables that somebody has set."""
        return frozenset(name for name in VARIABLES if self._values.get(name))

    def __getitem__(self, name: str) -> Any:
        variable = VARIABLES[name]
        value = self._values.get(name)
        if value is None or value == "":
            return variable.default
        try:
            return variable.parse(value)
        except ValueError as error:
            raise ImproperlyConfigured(f"Environment variable {name} is not valid: {error}.") from None

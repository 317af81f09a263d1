"""Texts that would run as scripts where somebody forgot to escape them, and a database full of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.db import Error, connection, models, transaction
from psycopg.types.json import Jsonb

PAYLOADS = (
    "<script>xss()</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "</script><script>xss()</script>",
    "</title><script>xss()</script>",
    "</textarea><script>xss()</script>",
    "</style><script>xss()</script>",
    "--><script>xss()</script>",
    "<img src=x onerror=xss()>",
    "<img src=x onerror='xss()'//",
    '"><img src=x onerror=xss()>',
    "'><img src=x onerror=xss()>",
    '" onmouseover="xss()',
    "' onfocus='xss()' autofocus='",
    '" autofocus onfocus=xss() x="',
    "` onclick=xss() `",
    "<svg onload=xss()>",
    "<svg/onload=xss()//",
    "<svg><script>xss()</script></svg>",
    "<svg><animate onbegin=xss() attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:xss()'><text y=9>x</text></a></svg>",
    "<math><mtext></p><style><img src=x onerror=xss()></style>",
    "<body onload=xss()>",
    "<iframe src=javascript:xss()></iframe>",
    "<iframe srcdoc='<script>parent.xss()</script>'></iframe>",
    "<object data=javascript:xss()></object>",
    "<embed src=//evil.example/x.swf>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<form action=//evil.example/><button>x</button></form>",
    "<a href=javascript:xss()>x</a>",
    "javascript:xss()//",
    "[x](javascript:xss())",
    "![x](x onerror=xss())",
    "<details open ontoggle=xss()>",
    "<video><source onerror=xss()>",
    "<input autofocus onfocus=xss()>",
    "{{constructor.constructor('xss()')()}}",
    "{% debug %}${xss()}<%= xss() %>",
    "\u001b[31m<b onclick=xss()>\u001b[0m\u202e<script>xss()</script>",
    "\\x3cscript\\x3exss()\\x3c/script\\x3e\\u003cscript\\u003exss()",
    "&lt;script&gt;xss()&lt;/script&gt;&#60;script&#62;xss()",
)
ALL = "\n".join(PAYLOADS)

APPS = (
    "accounts",
    "auth",
    "django_celery_beat",
    "django_celery_results",
    "jobs",
    "templates_registry",
    "notifications",
)
# What is no text of anybody's: words of the engine, keys, schedules, places in code.
WORDS = {
    *("status", "state", "trigger", "kind", "outcome", "level", "change", "cause", "origin", "mode", "health", "role"),
    *("day_match", "held_for", "reason", "zone", "timezone", "spec", "policy", "schema", "settings", "password"),
    *("digest", "prefix", "task", "codename", "version", "source_hash", "release", "pool_slot", "template_version"),
    *("minute", "hour", "day_of_week", "day_of_month", "month_of_year", "period", "calendars", "snapshot", "gap"),
    *("event_type", "fold", "before", "after", "outcomes", "definition", "events", "window", "sealed", "hash"),
    *(
        "public_id",
        "nonce",
        "previous_nonce",
        "task_id",
        "group_id",
        "category",
        "mapping",
        "weekdays",
        "holidays",
        "blackouts",
        "buckets",
        "memory",
        "template",
        "address",
    ),
}


def poison() -> list[str]:
    """Put a payload into every column of every row that may hold somebody's text. Returns the columns."""
    turns = itertools.cycle(PAYLOADS)
    done = []
    for label in APPS:
        for model in apps.get_app_config(label).get_models():
            for field in model._meta.concrete_fields:
                if _holds_text(field):
                    done += _poison_column(model, field, turns)
    return done


def _holds_text(field: Any) -> bool:
    if field.name in WORDS or field.choices or field.remote_field or field.primary_key or field.name == "slug":
        return False
    return isinstance(field, models.CharField | models.TextField | models.JSONField) and not isinstance(
        field, models.SlugField
    )


def _poison_column(model: Any, field: Any, turns: Iterator[str]) -> list[str]:
    """Beside triggers, which keep some rows as they are. A column that refuses stays as it is."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for pk, value in model._base_manager.order_by("pk").values_list("pk", field.name)[:60]:
                if isinstance(field, models.JSONField):
                    if not isinstance(value, dict | list):
                        continue
                    new: Any = Jsonb(_poisoned(value))
                else:
                    most = field.max_length or 100_000
                    new = ALL if most > len(ALL) and field.max_length is None else next(turns)[:most]
                    if field.unique:
                        new = f"{new[: most - 8]} {pk}"
                cursor.execute(
                    f"UPDATE {model._meta.db_table} SET {field.column} = %s WHERE {model._meta.pk.column} = %s",
                    [new, pk],
                )
    except Error:
        return []
    return [f"{model._meta.label}.{field.name}"]


def _poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _poisoned(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_poisoned(part) for part in value] or [ALL]
    return ALL if isinstance(value, str) else value


class Judge(HTMLParser):
    """What a browser would make of a page: everything in it that could run or lead elsewhere."""

    FORBIDDEN = ("iframe", "object", "embed", "base", "animate", "set", "math", "style", "video", "audio", "applet")
    ADDRESSES = ("href", "src", "action", "formaction", "xlink:href", "data", "poster", "hx-get", "hx-post", "srcset")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._in_script = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in self.FORBIDDEN:
            self._tell(tag, given)
        if tag == "script" and not (given.get("src") or "").startswith(("/static/", "/admin/jsi18n/")):
            self._tell(tag, given) if given.get("type") != "application/json" else None
        if tag == "meta" and (given.get("http-equiv") or "").lower() == "refresh":
            self._tell(tag, given)
        for name, value in attributes:
            if name.startswith("on") or name in ("style", "srcdoc"):
                self._tell(tag, given)
            if name in self.ADDRESSES and _leads_away(value or ""):
                self._tell(tag, given)
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script and "<" in data:
            self.found.append(f"script with {data[:80]}")

    def _tell(self, tag: str, given: dict[str, str | None]) -> None:
        self.found.append(f"<{tag} {given}>"[:200])


def _leads_away(address: str) -> bool:
    """To a script, or to another host."""
    text = "".join(address.split()).lower()
    if text.startswith(("javascript:", "vbscript:", "data:text", "data:application")):
        return True
    return text.startswith("//") or (urlsplit(text).hostname or "").endswith("evil.example")

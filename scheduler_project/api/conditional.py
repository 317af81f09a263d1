"""Versions of rows: the `ETag` of what is read, and the conditions `If-Match` and `If-None-Match` of a request.

An entity tag has two parts, `"<version>.<digest>"`. The version changes with each edit of the row and is all that
`If-Match` looks at, so that nobody loses an edit because a run has ended meanwhile. The digest is of the whole answer,
so that `If-None-Match` tells of everything that is new.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from scheduler_project.api.errors import ApiError, Invalid

IF_MATCH, IF_NONE_MATCH = "If-Match", "If-None-Match"
LONGEST, MOST_TAGS = 4_000, 50
TAG = re.compile(r'(?P<weak>W/)?"(?P<text>[\x21\x23-\x7e]{1,200})"', re.ASCII)
EDITS = ("PUT", "PATCH", "DELETE")
GAP = re.compile(r"[ \t]*(?:,[ \t]*)+")


class PreconditionFailed(ApiError):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"


class PreconditionRequired(ApiError):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "precondition_required"


@dataclass(frozen=True)
class Tag:
    text: str
    is_weak: bool

    @property
    def version(self) -> str:
        return self.text.partition(".")[0]


@dataclass(frozen=True)
class Tags:
    """What a header names: some tags, or `*` for whatever there is."""

    tags: tuple[Tag, ...]
    is_any: bool = False


@dataclass(frozen=True)
class Condition:
    """What a change depends on. None: the header was not sent."""

    match: Tags | None
    none_match: Tags | None

    def judge(self, version: str | None, *, noun: str, field: str) -> None:
        """`version` is that of the locked row, None when it is gone. Raises PreconditionFailed."""
        if self.match is not None and not self._matches(version):
            raise PreconditionFailed(self._what_differs(version, noun, field))
        if self.none_match is not None and version is not None:
            known = self.none_match.is_any or any(tag.version == version for tag in self.none_match.tags)
            if known:
                raise PreconditionFailed(f"The {noun} is what {IF_NONE_MATCH} names; leave that header out.")

    def _matches(self, version: str | None) -> bool:
        assert self.match is not None
        if version is None or self.match.is_any:
            return version is not None
        return any(not tag.is_weak and tag.version == version for tag in self.match.tags)

    def _what_differs(self, version: str | None, noun: str, field: str) -> str:
        assert self.match is not None
        if version is None:
            return f"The {noun} is gone."
        if any(tag.is_weak and tag.version == version for tag in self.match.tags):
            return f"{IF_MATCH} compares strong tags only; send the ETag as it came, without W/."
        if field == "revision" and len(self.match.tags) == 1:
            return f"The {noun} is at revision {version}, not {self.match.tags[0].version}; read it again."
        return f"Somebody has changed this {noun} in the meantime; read it again."


def condition(request: Request, *, says_so_elsewhere: bool = False) -> Condition | None:
    """What the headers of a change ask for; None when they ask for nothing. Raises Invalid, PreconditionRequired."""
    match, none_match = read(request, IF_MATCH), read(request, IF_NONE_MATCH)
    if match is None and not says_so_elsewhere and settings.DAYBOOK_REQUIRE_IF_MATCH and request.method in EDITS:
        raise PreconditionRequired(f"Changes need the header {IF_MATCH} here: read the row and send its ETag.")
    return Condition(match, none_match) if match or none_match else None


def read(request: Request, header: str) -> Tags | None:
    """The header's tags. Raises Invalid for what RFC 9110 does not allow."""
    text = request.headers.get(header)
    if text is None:
        return None
    text = text.strip(" \t")
    if text == "*":
        return Tags((), is_any=True)
    tags: list[Tag] = []
    position = 0
    while len(text) <= LONGEST and len(tags) <= MOST_TAGS:
        found = TAG.match(text, position)
        if found is None:
            break
        tags.append(Tag(found["text"], is_weak=found["weak"] is not None))
        position = found.end()
        if position == len(text):
            return Tags(tuple(tags))
        gap = GAP.match(text, position)
        if gap is None:
            break
        position = gap.end()
    raise Invalid({header: ['Write * or up to 50 entity tags such as "12.9f86d081", separated by commas.']})


def answer(request: Request, response: Response, version: str) -> Response:
    """The response with its ETag; to a GET whose caller has it already, 304 without a body."""
    digest = hashlib.sha256(JSONRenderer().render(response.data)).hexdigest()[:16]
    tag = f"{version}.{digest}"
    response.headers["ETag"] = f'"{tag}"'
    if request.method not in ("GET", "HEAD"):
        return response
    known = read(request, IF_NONE_MATCH)
    if known is None or not (known.is_any or any(one.text == tag for one in known.tags)):
        return response
    return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": f'"{tag}"'})


def mark(value: Any) -> str:
    """The version that a column or a field of an answer stands for: a number, an instant to the microsecond, or, where
    a text is all that can be edited, that text."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return hashlib.sha256(value.encode()).hexdigest()[:12]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y%m%d%H%M%S%f")
    return str(value)

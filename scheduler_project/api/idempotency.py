"""`Idempotency-Key` on requests that create: sent again, they are answered again, not carried out again.

`@idempotent` above an action is all that it takes. Not for answers that show a secret once: they are stored.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import idempotency
from accounts.idempotency import Answer, OtherRequest, Question, StillAtWork
from scheduler_project.api import principal as principals
from scheduler_project.api.errors import Conflict, Invalid
from scheduler_project.api.principal import Principal
from scheduler_project.api.views import TENANT_HEADER

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,200}")
MARK = "is_idempotent"

Action = TypeVar("Action", bound=Callable[..., Response])


class InProgress(Conflict):
    default_code = "request_in_progress"
    wait = 1  # seconds, for Retry-After


def idempotent(action: Action) -> Action:
    """Answers a repetition with the first answer, and the header `Idempotent-Replayed`. Only success is stored."""

    @functools.wraps(action)
    def answer_once(view: object, request: Request, *args: object, **values: object) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return action(view, request, *args, **values)
        question = _question(request, key)
        with transaction.atomic():
            known = _begin(question)
            if known is not None:
                return _replay(known)
            response = action(view, request, *args, **values)
            if status.is_success(response.status_code):
                idempotency.finish(question, _answer(response))
            else:
                transaction.set_rollback(True)
            return response

    setattr(answer_once, MARK, True)
    return answer_once  # type: ignore[return-value]


def _question(request: Request, key: str) -> Question:
    if not KEY.fullmatch(key):
        raise Invalid({HEADER: ["Write 1 to 200 visible ASCII characters, such as a UUID."]})
    caller = principals.of_request(request)
    body = request.data
    named = request.headers.get(TENANT_HEADER) or (body.get("tenant") if isinstance(body, dict) else None)
    asked = [body, request.META.get("QUERY_STRING", ""), request.headers.get(TENANT_HEADER, "")]
    return Question(
        tenant_id=_tenant_of(caller, named),
        principal=caller.label,
        route=f"{request.method} {request.path.rstrip('/')}"[:200],
        key=key,
        body_hash=hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest(),
    )


def _tenant_of(caller: Principal, named: object) -> int | None:
    """As far as it is known before the request is carried out. A path with an id stands for its row's tenant."""
    if caller.key is not None:
        return caller.key.tenant_id
    tenants = principals.tenants_of(caller)
    fitting = [tenant.pk for tenant in tenants if named in (None, tenant.slug)]
    return fitting[0] if len(fitting) == 1 else None


def _begin(question: Question) -> Answer | None:
    try:
        return idempotency.begin(question)
    except StillAtWork as error:
        raise InProgress(f"{error} Try again in a moment.") from None
    except OtherRequest as error:
        raise Conflict(str(error), code="idempotency_key_reused") from None


def _answer(response: Response) -> Answer:
    text = JSONRenderer().render(response.data).decode() if response.data is not None else ""
    return Answer(response.status_code, text, response.headers.get("Location", ""))


def _replay(known: Answer) -> Response:
    headers = {REPLAYED: "true", **({"Location": known.location} if known.location else {})}
    return Response(json.loads(known.response) if known.response else None, status=known.status, headers=headers)

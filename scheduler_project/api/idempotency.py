"""`Idempotency-Key` on requests that create: sent again, they are answered again, not carried out again.

`@idempotent` above an action is all that it takes. `@idempotent_in_pieces` is for actions of many transactions, and
`@idempotent_once` for those whose answer shows a secret: that answer is not stored, only that it was given.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import transaction
from django.utils.crypto import salted_hmac
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import idempotency
from accounts.idempotency import HELD, KEPT, Answer, OtherRequest, Question, StillAtWork
from accounts.models import Tenant
from scheduler_project.api import permissions, refusals
from scheduler_project.api import principal as principals
from scheduler_project.api.errors import Conflict, Invalid
from scheduler_project.api.principal import Principal
from scheduler_project.lib.requests import TENANT_HEADER

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY = re.compile(r"[\x21-\x7e]{1,200}")
MARK = "is_idempotent"

Action = TypeVar("Action", bound=Callable[..., Response])


class InProgress(Conflict):
    default_code = "request_in_progress"
    wait = 1  # seconds, for Retry-After


class DoneBefore(Conflict):
    """The first answer held a secret, so it is not repeated. `location` is where the row is."""

    default_code = "done_before"

    def __init__(self, location: str) -> None:
        super().__init__(
            "This request was carried out before, and its answer held a secret that is shown only once. The header "
            f"Location has the row ({location}); when the secret is lost, ask for another there."
        )
        self.location = location


def idempotent(action: Action) -> Action:
    """Answers a repetition with the first answer, and the header `Idempotent-Replayed`. Only success is stored."""
    return _marked(action, lambda question, act: _in_one_transaction(question, act, _answer, _replay))


def idempotent_once(action: Action) -> Action:
    """The same for an answer with a secret: a repetition is a 409 that says where the row is."""
    return _marked(action, lambda question, act: _in_one_transaction(question, act, _without_body, _point_to))


def idempotent_in_pieces(action: Action) -> Action:
    """The same for an action whose parts are transactions of their own. One that is broken off by a crash can be sent
    again when ten minutes are over, and then does again what it had done."""
    return _marked(action, _in_pieces)


def _marked(action: Action, answer: Callable[[Question, Callable[[], Response]], Response]) -> Action:
    @functools.wraps(action)
    def answer_once(view: object, request: Request, *args: object, **values: object) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return action(view, request, *args, **values)
        response = answer(_question(request, key), lambda: action(view, request, *args, **values))
        if REPLAYED in response.headers:
            _refuse_what_was_lost(view, request, response.data)
        return response

    setattr(answer_once, MARK, True)
    return answer_once  # type: ignore[return-value]


def _in_one_transaction(
    question: Question,
    act: Callable[[], Response],
    stored: Callable[[Response, Question], Answer],
    replay: Callable[[Answer], Response],
) -> Response:
    with transaction.atomic():
        known = _begin(question)
        if known is not None:
            return replay(known)
        response = act()
        if status.is_success(response.status_code):
            idempotency.finish(question, stored(response, question))
        else:
            transaction.set_rollback(True)
        return response


def _in_pieces(question: Question, act: Callable[[], Response]) -> Response:
    with transaction.atomic():
        known = _begin(question, is_held=True)
    if known is not None:
        return _replay(known)
    is_stored = False
    try:
        response = act()
        if status.is_success(response.status_code):
            idempotency.finish(question, _answer(response, question))
            is_stored = True
    finally:
        if not is_stored:
            idempotency.forget(question)
    return response


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
        route=_route(request)[:200],
        key=key,
        # Keyed: who reads the database cannot try out what a short secret in the body may have been.
        body_hash=salted_hmac(__name__, json.dumps(asked, sort_keys=True), algorithm="sha256").hexdigest(),
    )


def _refuse_what_was_lost(view: Any, request: Request, told: Any) -> None:
    """Who may no longer do this in the tenant of the first answer is not told it again."""
    slug = told.get("tenant") if isinstance(told, dict) else None
    caller, scope = principals.of_request(request), permissions.required_scope(view, view.action)
    if not isinstance(slug, str) or scope is None:
        return
    tenant_id = Tenant.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if tenant_id is not None and not caller.may(scope, tenant_id):
        is_member = caller.is_member(tenant_id)
        raise refusals.of_tenant(caller, scope, slug=slug, tenant_id=tenant_id if is_member else None)


def _route(request: Request) -> str:
    """The route by its name and the values in its path, however the path was spelt: `POST job-run pk=7`."""
    match = request.resolver_match
    assert match is not None
    values = {name: str(int(value)) if str(value).isdecimal() else str(value) for name, value in match.kwargs.items()}
    return " ".join([str(request.method), match.view_name, *(f"{name}={values[name]}" for name in sorted(values))])


def _tenant_of(caller: Principal, named: object) -> int | None:
    """As far as it is known before the request is carried out. A path with an id stands for its row's tenant."""
    if caller.key is not None:
        return caller.key.tenant_id
    tenants = principals.tenants_of(caller)
    fitting = [tenant.pk for tenant in tenants if named in (None, tenant.slug)]
    return fitting[0] if len(fitting) == 1 else None


def _begin(question: Question, *, is_held: bool = False) -> Answer | None:
    try:
        return idempotency.begin(question, kept=HELD if is_held else KEPT)
    except StillAtWork as error:
        raise InProgress(f"{error} Try again in a moment.") from None
    except OtherRequest as error:
        raise Conflict(str(error), code="idempotency_key_reused") from None


def _answer(response: Response, question: Question) -> Answer:
    text = JSONRenderer().render(response.data).decode() if response.data is not None else ""
    return Answer(response.status_code, text, response.headers.get("Location", ""))


def _without_body(response: Response, question: Question) -> Answer:
    return Answer(response.status_code, "", response.headers.get("Location", ""))


def _replay(known: Answer) -> Response:
    headers: dict[str, Any] = {REPLAYED: "true", **({"Location": known.location} if known.location else {})}
    return Response(json.loads(known.response) if known.response else None, status=known.status, headers=headers)


def _point_to(known: Answer) -> Response:
    raise DoneBefore(known.location)

"""Saved views of the console's lists: every change of one. Whose views a caller sees is judged here too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from django.db.models import Q, QuerySet

from accounts.models import Tenant
from jobs import trail
from jobs.models import SavedView
from jobs.rules.states import ListPage
from scheduler_project.lib import sql, transactions
from scheduler_project.lib.input import InvalidInput

FIELDS = ("name", "page", "query", "is_shared", "is_default")
LONGEST_NAME, LONGEST_QUERY = 60, 2_000
MOST_OF_ONE = 50  # views of one owner, or shared in one tenant, for each list
PASSING = ("p", "view", "older", "newer", "ids", "newest", "e")  # where somebody was in the list, not what it is


class InvalidView(InvalidInput):
    """Input that is no view; `fields` has the messages by name."""


def visible(views: QuerySet[SavedView], user_id: int | None) -> QuerySet[SavedView]:
    """Of views of the caller's tenants: those that are shared, and the caller's own."""
    return views.filter(Q(is_shared=True) | Q(owner_id=user_id) if user_id is not None else Q(is_shared=True))


def is_own(view: SavedView, user_id: int | None) -> bool:
    return user_id is not None and view.owner_id == user_id


def create(data: Mapping[str, Any], *, tenant: Tenant, owner_id: int | None, actor: str) -> SavedView:
    """A new view. Without an owner, as keys are, it is shared. Raises `InvalidView`."""
    view = SavedView(tenant=tenant, owner_id=owner_id, is_shared=owner_id is None)
    _read(data, view, is_new=True)
    with transactions.engine():
        _refuse_too_many(view)
        _write(view)
        trail.tell("saved_view.created", view, actor=actor, after=_fields(view))
    return view


def change(view_id: int, data: Mapping[str, Any], *, actor: str) -> SavedView:
    """Change what `data` names. Raises `InvalidView`, `SavedView.DoesNotExist`."""
    with transactions.engine():
        view = SavedView.objects.select_for_update(no_key=True).get(pk=view_id)
        before = _fields(view)
        _read(data, view, is_new=False)
        _write(view)
        trail.tell("saved_view.changed", view, actor=actor, before=before, after=_fields(view))
    return view


def delete(view_id: int, *, actor: str) -> None:
    """Raises `SavedView.DoesNotExist`."""
    with transactions.engine():
        view = SavedView.objects.select_for_update().get(pk=view_id)
        trail.tell("saved_view.deleted", view, actor=actor, before=_fields(view))
        view.delete()


def as_query(text: str) -> str:
    """The query without what only says where in the list somebody was."""
    pairs = parse_qsl(text.lstrip("?"), keep_blank_values=False)
    return urlencode([(name, value) for name, value in pairs if name not in PASSING])


def _read(data: Mapping[str, Any], view: SavedView, *, is_new: bool) -> None:
    problems: dict[str, list[str]] = {
        name: [f"Unknown field. Known are {', '.join(FIELDS)}."] for name in data if name not in FIELDS
    }
    name = data.get("name", view.name)
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= LONGEST_NAME or not name.isprintable():
        problems["name"] = [f"Write 1 to {LONGEST_NAME} printable characters."]
    else:
        view.name = sql.text(name.strip())
    query = data.get("query", view.query)
    if not isinstance(query, str) or len(query) > LONGEST_QUERY or "\x00" in unquote(query):
        problems["query"] = [f"Write the query of the list's address, {LONGEST_QUERY} characters at most."]
    else:
        view.query = as_query(query)[:LONGEST_QUERY]
    page = data.get("page", view.page)
    if page not in list(ListPage) or (not is_new and page != view.page):
        known = " or ".join(ListPage)
        problems["page"] = [f"Write {known}." if is_new else "A view stays with its list."]
    else:
        view.page = page
    for flag in ("is_shared", "is_default"):
        value = data.get(flag, getattr(view, flag))
        if not isinstance(value, bool):
            problems[flag] = ["Write true or false."]
        elif view.owner_id is None and value != (flag == "is_shared"):
            problems[flag] = ["A key has no views of its own: what it saves is shared, and nobody's default."]
        else:
            setattr(view, flag, value)
    if problems:
        raise InvalidView(problems)


def _refuse_too_many(view: SavedView) -> None:
    of_same = SavedView.objects.filter(page=view.page, tenant=view.tenant)
    beside = of_same.filter(owner_id=view.owner_id) if view.owner_id else of_same.filter(is_shared=True)
    if beside.count() >= MOST_OF_ONE:
        raise InvalidView({"name": [f"There are {MOST_OF_ONE} views of this list already; delete one first."]})


def _write(view: SavedView) -> None:
    view.updated_at = sql.now()
    if view.is_default:
        others = SavedView.objects.filter(owner_id=view.owner_id, page=view.page, is_default=True).exclude(pk=view.pk)
        others.update(is_default=False)
    refusal = InvalidView({"is_default": ["Another view has become the default just now; look at the list again."]})
    with transactions.refused_as(refusal, by="one_default_view_of_each_list"):
        view.save()


def _fields(view: SavedView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in FIELDS}

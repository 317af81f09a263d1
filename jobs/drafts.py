"""Drafts of jobs: what somebody has entered so far, kept field by field, so that two tabs do not undo each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Tenant
from accounts.sealing import CannotOpen, Sealer
from jobs import sealed
from jobs.models import JobDraft
from scheduler_project.lib import sql
from scheduler_project.lib.input import InvalidInput
from templates_registry import schema
from templates_registry.models import TemplateVersion

KEPT = timedelta(days=14)
MOST_PER_USER = 20
MOST_CHARACTERS = 300_000
MOST_GONE, LONGEST_GONE = 200, 200
"""Parameters that are there no longer and still have a version, and the characters of their names."""


PARAMETER = "parameters."  # before the names of parameters among versions


class DraftIsGone(Exception):
    """It was discarded, it expired, or the job was made of it."""


class DraftIsTooLarge(InvalidInput):
    """More was entered than a draft keeps."""


@dataclass(frozen=True)
class Entered:
    """What a page sent. `touched` names what its user changed there, `seen` is the version that the page showed;
    parameters go by their first name (`parameters.table`), and `dropped` are those that are there no longer."""

    seen: int
    touched: frozenset[str]
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    step: int = 1


@dataclass(frozen=True)
class Saved:
    """Names of what another page had written meanwhile: replaced by what was entered here, or left as it is."""

    draft: JobDraft
    replaced: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def of(user_id: int) -> QuerySet[JobDraft]:
    return JobDraft.objects.filter(owner_id=user_id, updated_at__gt=sql.now() - KEPT)


def start(*, user_id: int, tenant: Tenant, template: TemplateVersion) -> JobDraft:
    """Beyond the most that are kept of a user, those that were left alone longest go."""
    with transaction.atomic():
        draft = JobDraft.objects.create(owner_id=user_id, tenant=tenant, template=template, step=2)
        newest = JobDraft.objects.filter(owner_id=user_id).order_by("-updated_at", "-pk").values("pk")[:MOST_PER_USER]
        JobDraft.objects.filter(owner_id=user_id).exclude(pk__in=newest).delete()
    return draft


def locked(draft_id: int) -> JobDraft:
    """Within the caller's transaction. Raises `DraftIsGone`."""
    found = JobDraft.objects.select_for_update(no_key=True, of=("self",)).filter(pk=draft_id)
    draft = found.select_related("template", "tenant").first()
    if draft is None:
        raise DraftIsGone("The draft is gone: its job was created, or it was discarded.")
    return draft


def save(draft_id: int, entered: Entered) -> Saved:
    """Raises `DraftIsGone`, `DraftIsTooLarge`, `KeysUnavailable`."""
    entered = replace(entered, fields=_storable(entered.fields), parameters=_storable(entered.parameters))
    with transaction.atomic():
        draft = locked(draft_id)
        merge = _Merge(draft, entered)
        merge.fields()
        merge.parameters()
        draft.step = max(draft.step, entered.step)
        if len(json.dumps(draft.fields)) + len(json.dumps(draft.parameters)) > MOST_CHARACTERS:
            raise DraftIsTooLarge({"": [f"This is more than a draft keeps, {MOST_CHARACTERS:,} characters."]})
        if merge.changed:
            draft.version += 1
            draft.versions |= dict.fromkeys(merge.changed, draft.version)
            _forget(draft)
        _store(draft)
    return Saved(draft, tuple(merge.replaced), tuple(merge.kept))


def choose(draft_id: int, *, tenant: Tenant, template: TemplateVersion) -> list[str]:
    """Another template or tenant: parameters of the same name stay when they fit. Returns those that do not.

    Raises `DraftIsGone`, `KeysUnavailable`.
    """
    with transaction.atomic():
        draft = locked(draft_id)
        if (draft.tenant_id, draft.template_id) == (tenant.pk, template.pk):
            return []
        given = opened(draft)
        if draft.template.name != template.name:
            given = schema.without_secrets(draft.template.schema, given)
        known = template.schema.get("properties", {})
        kept = {name: value for name, value in given.items() if name in known}
        problems = schema.validate(template.schema, schema.with_defaults(template.schema, kept))
        kept = {name: value for name, value in kept.items() if not any(_is_at(path, name) for path in problems)}
        defaults = schema.with_defaults(draft.template.schema, {})
        dropped = [name for name, value in given.items() if name not in kept and value != defaults.get(name)]
        draft.tenant, draft.template = tenant, template
        draft.parameters = _sealed(draft, kept)
        draft.version += 1
        _store(draft)
    return dropped


def reach(draft_id: int, step: int) -> None:
    JobDraft.objects.filter(pk=draft_id, step__lt=step).update(step=step)


def discard(draft: JobDraft) -> None:
    JobDraft.objects.filter(pk=draft.pk).delete()


def note_dry_run(draft: JobDraft, execution_id: int) -> None:
    JobDraft.objects.filter(pk=draft.pk).update(dry_run_id=execution_id, dry_run_version=draft.version)


def opened(draft: JobDraft) -> dict[str, Any]:
    """The parameters as they were entered; a secret that cannot be opened any more is left out.

    Raises `KeysUnavailable`.
    """

    def unreadable(place: str, error: CannotOpen) -> None:
        return None

    plain = sealed.open_all(
        draft.template.schema,
        draft.parameters,
        tenant_id=draft.tenant_id,
        template=draft.template.name,
        resolve=lambda reference: reference.text,
        unreadable=unreadable,
    )
    found: dict[str, Any] = schema.drop_cleared(draft.template.schema, plain)
    return found


class _Merge:
    """The last writer of a field wins, and is told whose entry that replaced."""

    def __init__(self, draft: JobDraft, entered: Entered) -> None:
        self.draft, self.entered = draft, entered
        self.changed: list[str] = []
        self.replaced: list[str] = []
        self.kept: list[str] = []

    def fields(self) -> None:
        for name, values in self.entered.fields.items():
            is_new = name not in self.draft.fields
            if self._wins(name, is_new=is_new, differs=self.draft.fields.get(name) != values):
                self.draft.fields[name] = values

    def parameters(self) -> None:
        draft, stored, given = self.draft, self.draft.parameters, dict(self.entered.parameters)
        after = dict(stored)
        for name in [*given, *self.entered.dropped]:
            value = given.get(name)
            full = schema.keep_secrets(
                draft.template.schema, {name: value}, {name: stored[name]} if name in stored else {}
            )
            differs = name in self.entered.dropped or name not in stored or full[name] != stored[name]
            if not self._wins(f"{PARAMETER}{name}", is_new=name not in stored, differs=differs):
                continue
            if name in given:
                after[name] = full[name]
            else:
                after.pop(name, None)
        after = schema.drop_cleared(draft.template.schema, after)
        if after != stored:
            draft.parameters = _sealed(draft, after)

    def _wins(self, name: str, *, is_new: bool, differs: bool) -> bool:
        if not differs:
            return False
        written_since = self.draft.versions.get(name, 0) > self.entered.seen
        if name not in self.entered.touched and (written_since or not is_new):
            if written_since:
                self.kept.append(name)
            return False
        if written_since:
            self.replaced.append(name)
        self.changed.append(name)
        return True


def _sealed(draft: JobDraft, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What is sealed already stays as it is."""
    code = draft.template
    before = sealed.secrets_by_place(code.schema, draft.parameters)
    now = sealed.secrets_by_place(code.schema, parameters)
    kept = {place: secret for place, secret in now.items() if secret is not None and before.get(place) == secret}
    found: dict[str, Any] = sealed.seal(
        code.schema, parameters, sealer=Sealer(draft.tenant_id), template=code.name, kept=kept
    )
    return found


def _forget(draft: JobDraft) -> None:
    """Of parameters that are gone, the latest keep their version, so that no page that still shows one brings it back;
    remembered for ever, they would let a draft grow without end."""
    gone = [
        name
        for name in draft.versions
        if name.startswith(PARAMETER) and name.removeprefix(PARAMETER) not in draft.parameters
    ]
    kept = sorted((name for name in gone if len(name) <= LONGEST_GONE), key=lambda name: -int(draft.versions[name]))
    for name in set(gone).difference(kept[:MOST_GONE]):
        del draft.versions[name]


def _storable(value: Any) -> Any:
    """With every text as PostgreSQL can hold it, names included."""
    if isinstance(value, str):
        return sql.text(value)
    if isinstance(value, Mapping):
        return {sql.text(str(name)): _storable(one) for name, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list) else value


def _store(draft: JobDraft) -> None:
    draft.updated_at = sql.now()
    draft.save()


def _is_at(path: str, name: str) -> bool:
    place = f"parameters.{name}"
    return path == place or path.startswith((f"{place}.", f"{place}["))

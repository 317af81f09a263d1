"""Judges parameters that somebody gives, beside the secrets that stay, and seals what is secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts import sealing
from accounts.models import Tenant
from accounts.sealing import CannotOpen, Reference, Sealer, references
from jobs import sealed
from jobs.definition.value import Problems
from templates_registry import schema
from templates_registry.base import JobTemplate
from templates_registry.models import TemplateVersion


class _Text(str):
    """What stands for a secret in what is stored."""

    __slots__ = ()


class _Referred(_Text):
    """A reference."""

    __slots__ = ()


class _Unreadable(_Text):
    """A secret that does not open any more."""

    __slots__ = ()


@dataclass(frozen=True)
class Before:
    """Parameters that are stored, and the template that they were judged by."""

    template: TemplateVersion
    stored: dict[str, Any]


@dataclass
class Judged:
    """`plain` are the parameters as the template takes them, with its defaults and the secrets that stay."""

    code: type[JobTemplate]
    tenant: Tenant
    plain: dict[str, Any]
    problems: Problems
    kept: dict[str, str] = field(default_factory=dict)
    """Sealed secrets that are as they were, by place: sealed anew, they would look changed."""
    references: frozenset[str] = frozenset()

    def seal(self) -> dict[str, Any]:
        """As they are stored. Raises `KeysUnavailable`."""

        def marked(place: str, secret: Any) -> Any:
            return Reference(str(secret)) if place in self.references else secret

        marks = schema.map_secret_places(self.code.schema(), self.plain, marked)
        stored: dict[str, Any] = sealed.seal(
            self.code.schema(), marks, sealer=Sealer(self.tenant.pk), template=self.code.name, kept=self.kept
        )
        return stored


def opened(before: Before, *, tenant: Tenant) -> dict[str, Any]:
    """Raises `KeysUnavailable`."""

    def unreadable(place: str, error: CannotOpen) -> _Unreadable:
        return _Unreadable(str(error))

    return sealed.open_all(
        before.template.schema,
        before.stored,
        tenant_id=tenant.pk,
        template=before.template.name,
        resolve=lambda reference: _Referred(reference.text),
        unreadable=unreadable,
    )


def judge(given: Mapping[str, Any], code: type[JobTemplate], *, tenant: Tenant, before: Before | None) -> Judged:
    """`given` are the whole set, but for the secrets that stay. Raises `KeysUnavailable`."""
    known = code.schema()
    is_same = before is not None and before.template.name == code.name
    old = opened(before, tenant=tenant) if before is not None and is_same else {}
    filled: dict[str, Any] = schema.with_defaults(
        known, schema.drop_cleared(known, schema.keep_secrets(known, given, old))
    )
    stored = sealed.secrets_by_place(known, before.stored) if before is not None and is_same else {}
    were = sealed.secrets_by_place(known, old)
    judged = Judged(code, tenant, filled, {})
    referring = set()
    for place, secret in sealed.secrets_by_place(known, filled).items():
        if isinstance(secret, _Unreadable):
            judged.problems[place] = [
                f"The stored secret cannot be read: {secret} Write it anew, or null to remove it."
            ]
        elif place in were and secret == were[place] and sealing.is_sealed(stored[place]):
            judged.kept[place] = stored[place]
            if isinstance(were[place], _Referred):
                referring.add(place)
        elif isinstance(secret, str) and references.is_reference(secret):
            referring.add(place)
            if not references.is_granted(secret, tenant=tenant.slug):
                judged.problems[place] = [references.refusal(secret, tenant=tenant.slug)]
    judged.references = frozenset(referring)
    # What a reference stands for is judged where it is read.
    for place, messages in code.find_problems(filled).items():
        if place not in referring:
            judged.problems.setdefault(place, []).extend(messages)
    return judged

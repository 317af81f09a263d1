"""Who is told by which way, and what keeps it from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from notifications.rules.happening import Happening
from notifications.rules.kinds import Kind
from notifications.rules.matching import told_as
from notifications.rules.rule import QuietHours, RuleFacts


@dataclass(frozen=True)
class Person:
    """An active user. Superusers may hear of every tenant, others of those whose members they are."""

    user_id: int
    name: str
    email: str = ""
    is_superuser: bool = False
    tenant_ids: frozenset[int] = frozenset()
    muted_jobs: frozenset[int] = frozenset()
    quiet: QuietHours | None = None

    def may_hear_of(self, tenant_id: int | None) -> bool:
        return self.is_superuser or tenant_id in self.tenant_ids


@dataclass(frozen=True)
class Way:
    """A channel as the fan-out knows it: it has a receiver of its own, sends to the people of the rule, each by an own
    message, or both."""

    channel_id: int
    tenant_id: int
    name: str
    kind: str
    is_enabled: bool = True
    has_receiver: bool = True
    to_people: bool = False


class Target(NamedTuple):
    """An inbox of a person or, with neither, of all of the tenant; a channel; a person by a channel."""

    tenant_id: int | None
    user_id: int | None = None
    channel_id: int | None = None

    @property
    def key(self) -> str:
        if self.channel_id is None:
            return f"user:{self.user_id}" if self.user_id is not None else "everyone"
        person = "" if self.user_id is None else f":user:{self.user_id}"
        return f"channel:{self.channel_id}{person}"


@dataclass(frozen=True)
class Telling:
    rule: RuleFacts
    kind: Kind
    target: Target


@dataclass(frozen=True)
class Withheld:
    """What a rule would tell a target that does not hear it, and why."""

    rule: RuleFacts
    kind: Kind
    target: Target
    why: str


@dataclass(frozen=True)
class Circle:
    """Everybody and every channel that the rules in question name."""

    people: Mapping[int, Person] = field(default_factory=dict)
    ways: Mapping[int, Way] = field(default_factory=dict)
    superuser_ids: Sequence[int] = ()


@dataclass(frozen=True)
class Heard:
    tellings: list[Telling] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)


def hear(happening: Happening, rules: Sequence[RuleFacts], circle: Circle) -> Heard:
    """By the rules in their order. Each target hears a happening once, and nobody hears it both in person and with all
    of the tenant."""
    heard = Heard()
    met = [(rule, kind) for rule in rules if (kind := told_as(rule, happening)) is not None]
    everyone = {rule.tenant_id: rule for rule, _ in met if rule.to_everyone}
    taken: dict[Target, RuleFacts] = {}
    for rule, kind in met:
        for target, way in _targets(rule, happening, circle):
            why = _obstacle(target, way, happening, circle)
            if not why and (first := _first_rule(target, circle, taken, everyone)) is not None:
                why = f"The rule \N{LEFT DOUBLE QUOTATION MARK}{first.name}\N{RIGHT DOUBLE QUOTATION MARK} tells it."
            if why:
                heard.withheld.append(Withheld(rule, kind, target, why))
            else:
                taken[target] = rule
                heard.tellings.append(Telling(rule, kind, target))
    return heard


def people_of(rule: RuleFacts, owner_id: int | None, superuser_ids: Sequence[int]) -> list[int]:
    """In the order of the rule, each once."""
    owner = [owner_id] if rule.to_owner and owner_id is not None else []
    return list(dict.fromkeys([*owner, *rule.user_ids, *(superuser_ids if rule.to_superusers else ())]))


def _targets(rule: RuleFacts, happening: Happening, circle: Circle) -> list[tuple[Target, Way | None]]:
    owner = happening.job.owner_id if happening.job else None
    people = people_of(rule, owner, circle.superuser_ids)
    targets: list[tuple[Target, Way | None]] = [(Target(rule.tenant_id, user), None) for user in people]
    if rule.to_everyone:
        targets.append((Target(rule.tenant_id), None))
    for channel_id in rule.channel_ids:
        way = circle.ways.get(channel_id)
        if way is not None and way.tenant_id == rule.tenant_id:
            to = [*([None] if way.has_receiver else []), *(people if way.to_people else [])]
            targets += [(Target(rule.tenant_id, user, channel_id), way) for user in to]
    return targets


def _obstacle(target: Target, way: Way | None, happening: Happening, circle: Circle) -> str:
    if way is not None and not way.is_enabled:
        return "The channel is disabled."
    if target.user_id is None:
        return ""
    person = circle.people.get(target.user_id)
    if person is None:
        return "The user is deactivated."
    if not person.may_hear_of(target.tenant_id):
        return "The user is no member of the tenant."
    if happening.job is not None and happening.job.job_id in person.muted_jobs:
        return "The user has muted the job."
    if way is not None and not person.email:
        return "The user has no e-mail address."
    return ""


def _first_rule(
    target: Target, circle: Circle, taken: Mapping[Target, RuleFacts], everyone: Mapping[int | None, RuleFacts]
) -> RuleFacts | None:
    if target in taken:
        return taken[target]
    if target.channel_id is not None or target.user_id is None:
        return None
    of_all = everyone.get(target.tenant_id)
    person = circle.people[target.user_id]
    # A superuser who is no member sees the notifications of all of a tenant only where they look for them.
    return of_all if of_all is not None and target.tenant_id in person.tenant_ids else None

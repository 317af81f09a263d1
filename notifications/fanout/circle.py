"""Reads the people and channels that rules name: who is active, a member of what, and wants what."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from notifications.rulebook.book import quiet_hours
from notifications.rules.audience import Circle, Person, Way
from notifications.rules.kinds import ChannelKind
from notifications.rules.rule import RuleFacts
from scheduler_project.lib import sql

PEOPLE = """
SELECT u.id, u.username, u.email, u.is_superuser, p.muted_jobs, p.quiet_from, p.quiet_until, p.zone,
       ARRAY(SELECT m.tenant_id FROM memberships m JOIN tenants n ON n.id = m.tenant_id AND n.is_active
             WHERE m.user_id = u.id) AS tenant_ids
FROM auth_user u LEFT JOIN notification_preferences p ON p.user_id = u.id
WHERE u.is_active AND (u.id = ANY(%(ids)s::bigint[]) OR (u.is_superuser AND %(superusers)s))
"""
WAYS = """
SELECT id, tenant_id, name, kind, is_enabled, config FROM notification_channels WHERE id = ANY(%(ids)s::bigint[])
"""


def read(rules: Iterable[RuleFacts], owner_ids: Collection[int]) -> Circle:
    rules = list(rules)
    users = {user for rule in rules for user in rule.user_ids} | set(owner_ids)
    channels = {channel for rule in rules for channel in rule.channel_ids}
    wanted = {"ids": sorted(users), "superusers": any(rule.to_superusers for rule in rules)}
    people = {row["id"]: _person(row) for row in sql.rows(PEOPLE, wanted, prepare=False)}
    ways = sql.rows(WAYS, {"ids": sorted(channels)}, prepare=False) if channels else []
    return Circle(
        people=people,
        ways={row["id"]: _way(row) for row in ways},
        superuser_ids=sorted(person.user_id for person in people.values() if person.is_superuser),
    )


def _person(row: sql.Row) -> Person:
    return Person(
        user_id=row["id"],
        name=row["username"],
        email=row["email"],
        is_superuser=row["is_superuser"],
        tenant_ids=frozenset(row["tenant_ids"]),
        muted_jobs=frozenset(row["muted_jobs"] or ()),
        quiet=quiet_hours(row["quiet_from"], row["quiet_until"], row["zone"] or "UTC"),
    )


def _way(row: sql.Row) -> Way:
    config, is_mail = sql.loads(row["config"]), row["kind"] == ChannelKind.EMAIL
    return Way(
        channel_id=row["id"],
        tenant_id=row["tenant_id"],
        name=row["name"],
        kind=row["kind"],
        is_enabled=row["is_enabled"],
        has_receiver=not is_mail or bool(config.get("to")),
        to_people=is_mail and bool(config.get("people", True)),
    )

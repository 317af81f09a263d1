"""Expressions on which engine and oracle are compared: hand-picked ones, then as many drawn ones as are asked for."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from tests.jobs.rules.oracle import Rule

HAND_PICKED = (
    Rule("* * * * *"),
    Rule("*/20 * * * *"),
    Rule("30 * * * *"),
    Rule("15 0-23 * * *"),
    Rule("7,37 */1 * * *"),
    Rule("0 */2 * * *"),
    Rule("30 1 * * *"),
    Rule("30 2 * * *"),
    Rule("0 0 * * *"),
    Rule("59 23 * * *"),
    Rule("*/5 0-3 * * *"),
    Rule("* 1-3 * * *"),
    Rule("0 22-2 * * *"),
    Rule("0,30 0,1,2,3,23 * * *"),
    Rule("45 1-22 * * *"),
    Rule("* 0-22 * * *"),
    Rule("* 1-23 * * *"),
    Rule("0 9 * * mon-fri"),
    Rule("0 2 * * 7"),
    Rule("15 2 L * *"),
    Rule("30 0-4 * * 0#1,0#2,L0"),
    Rule("30 2 1-7 * 0", day_match="all"),
    Rule("30 2 1-7 * 0", day_match="any"),
    Rule("*/15 1-2 25-31 mar,oct L0", day_match="all"),
    Rule("0 3 L * 6,0", day_match="any"),
    Rule("0 12 */2 * *"),
)
POLICIES = tuple((gap, fold) for gap in ("shift", "skip") for fold in ("first", "second", "both"))


def with_policy(rule: Rule, number: int) -> Rule:
    gap, fold = POLICIES[number % len(POLICIES)]
    return Rule(rule.cron, rule.day_match, gap, fold)


def drawn(count: int, seed: int = 1) -> list[Rule]:
    """The hand-picked rules and drawn ones, `count` together."""
    rules = list(HAND_PICKED)
    source = random.Random(seed)
    while len(rules) < count:
        rules.append(_draw(source))
    return rules[:count]


def aimed_at(wall: datetime, number: int) -> list[Rule]:
    """Rules with times inside and beside what a change of the clocks leaves out or repeats."""
    inside, beside = wall + timedelta(minutes=number % 29), wall - timedelta(minutes=1 + number % 13)
    return [
        with_policy(Rule(f"{inside.minute} {inside.hour} * * *"), number),
        with_policy(Rule(f"{beside.minute},{inside.minute} {beside.hour},{inside.hour} * * *"), number + 1),
        with_policy(Rule(f"*/{2 + number % 9} {inside.hour} {inside.day} {inside.month} *"), number + 2),
    ]


def _draw(source: random.Random) -> Rule:
    day, weekday = _field(source, 1, 31, 0.6), _field(source, 0, 6, 0.6)
    if source.random() < 0.08:
        day += ",L" if day != "*" else ""
    if source.random() < 0.08:
        weekday = f"{source.randint(0, 6)}#{source.randint(1, 5)}"
    rule = Rule(
        f"{_field(source, 0, 59, 0.15)} {_field(source, 0, 23, 0.25)} {day} {_field(source, 1, 12, 0.8)} {weekday}",
        source.choice(("all", "any")),
    )
    return with_policy(rule, source.randrange(6))


def _field(source: random.Random, low: int, high: int, star: float) -> str:
    if source.random() < star:
        return "*"
    return ",".join(_part(source, low, high) for _ in range(source.choice((1, 1, 1, 2, 3))))


def _part(source: random.Random, low: int, high: int) -> str:
    first, last = source.randint(low, high), source.randint(low, high)
    shape = source.random()
    if shape < 0.45:
        return str(first)
    if shape < 0.65 and first != last:
        return f"{first}-{last}"
    if shape < 0.75 and last - first > 2:
        return f"{first}-{last}/{source.randint(2, last - first)}"
    if shape < 0.85 and high - first > 2:
        return f"{first}/{source.randint(2, high - first)}"
    return f"*/{source.randint(2, (high - low) // 2)}"

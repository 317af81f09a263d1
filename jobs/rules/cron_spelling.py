"""Sets of values to the one cron expression that stands for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from jobs.rules.cron_syntax import FIELDS, FieldRules


def cron_from_sets(
    minute: Collection[int],
    hour: Collection[int],
    day_of_month: Collection[int],
    month: Collection[int],
    day_of_week: Collection[int],
) -> str:
    """The canonical expression for sets of values, weekdays from 0 = Sunday. Raises ValueError."""
    sets = (minute, hour, day_of_month, month, day_of_week)
    return " ".join(_spell(rules, sorted(set(values))) for rules, values in zip(FIELDS, sets, strict=True))


def _spell(rules: FieldRules, values: list[int]) -> str:
    if not values or values[0] < rules.low or values[-1] > rules.high:
        raise ValueError(f"{rules.name}: {values} is not a set of values from {rules.low} to {rules.high}")
    if len(values) == rules.high - rules.low + 1:
        return "*"
    step = values[1] - values[0] if len(values) > 1 else 0
    if step > 1 and not rules.is_weekday and values == list(range(rules.low, rules.high + 1, step)):
        return f"*/{step}"
    return ",".join(_runs(values))


def _runs(values: list[int]) -> Iterator[str]:
    start = 0
    for end, value in enumerate(values):
        if end + 1 < len(values) and values[end + 1] == value + 1:
            continue
        if end - start >= 2:
            yield f"{values[start]}-{value}"
        else:
            yield from map(str, values[start : end + 1])
        start = end + 1

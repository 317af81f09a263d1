"""Compares the engine with the oracle around every change of the clocks in every zone; a table, then one line of JSON.

python -m tests.jobs.rules.prove --from-year 1970 --to-year 2040 --expressions 300 --per-change 12
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from multiprocessing import Pool

from jobs.rules.schedule import ENGINE_VERSION, tzdata_version
from tests.jobs.rules import oracle
from tests.jobs.rules.comparison import Count, compare_around, rules_for
from tests.jobs.rules.samples import drawn

LOOK_EVERY = timedelta(hours=6)


def main() -> int:
    options = _options()
    zones = oracle.all_zones() if options.aliases else oracle.distinct_zones()
    zones = zones[:: max(1, len(zones) // options.zones)] if options.zones else zones
    work = [(zone, options.from_year, options.to_year, options.expressions, options.per_change) for zone in zones]
    began = time.monotonic()
    regions: dict[str, Count] = {}
    with Pool(options.workers) as pool:
        for zone, count in pool.imap_unordered(_prove_zone, work):
            regions.setdefault(zone.partition("/")[0] if "/" in zone else "other", Count()).add(count)
    return _report(options, len(zones), regions, time.monotonic() - began)


def _prove_zone(work: tuple[str, int, int, int, int]) -> tuple[str, Count]:
    zone, first, last, expressions, per_change = work
    rules = drawn(expressions)
    count = Count()
    for change in oracle.offset_changes(zone, _new_year(first), _new_year(last + 1), LOOK_EVERY):
        count.add(compare_around(zone, change, rules_for(zone, change, rules, per_change)))
    return zone, count


def _report(options: argparse.Namespace, zones: int, regions: dict[str, Count], seconds: float) -> int:
    total = Count()
    print(f"{'region':<12}{'changes':>10}{'comparisons':>13}{'ticks':>13}{'differences':>13}")
    for region, count in sorted(regions.items()):
        total.add(count)
        print(
            f"{region:<12}{count.changes:>10,}{count.comparisons:>13,}{count.ticks:>13,}{len(count.differences):>13,}"
        )
    for difference in total.differences[:20]:
        print(difference)
    figures = {
        "engine": ENGINE_VERSION,
        "tzdata": tzdata_version(),
        "years": [options.from_year, options.to_year],
        "zones": zones,
        "expressions": options.expressions,
        "changes": total.changes,
        "comparisons": total.comparisons,
        "ticks": total.ticks,
        "differences": len(total.differences),
        "seconds": round(seconds, 1),
    }
    print(json.dumps(figures))
    return 1 if total.differences or not total.changes else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from-year", type=int, default=1970)
    parser.add_argument("--to-year", type=int, default=2040)
    parser.add_argument("--zones", type=int, default=0, help="how many zones, evenly taken; 0 means all")
    parser.add_argument("--aliases", action="store_true", help="other names of the same zone file too")
    parser.add_argument("--expressions", type=int, default=300, help="how many expressions to draw from")
    parser.add_argument("--per-change", type=int, default=12, help="how many of them at each change of the clocks")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _new_year(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())

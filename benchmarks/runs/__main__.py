"""`make bench`: drains and pick-ups of Daybook and its peers, in turn on the same servers. The last line is JSON."""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from benchmarks import daybook, servers
from benchmarks.outage.turns import percentile
from benchmarks.runs import measure, systems
from benchmarks.runs.measure import Drained, PickedUp, median
from benchmarks.servers import Servers

STARTED = time.monotonic()
RATES = (50.0, 167.0)
PICKED_UP = (systems.RAW, systems.DAYBOOK, systems.DAYBOOK_TWO, systems.PROCRASTINATE, systems.STORED, systems.KEPT)


def main() -> None:
    options = _options()
    chosen = systems.POOL_SIZES | {systems.RAW: systems.raw} if options.pool_sizes else systems.ALL
    chosen = {name: make for name, make in chosen.items() if any(_means(part, name, chosen) for part in options.only)}
    drained: dict[str, list[Drained]] = defaultdict(list)
    picked_up: dict[str, list[PickedUp]] = {}
    with servers.running() as running:
        daybook.set_up(running, settings=systems.SETTINGS)
        for number in range(1, options.rounds + 1):
            for name, make in chosen.items():
                drained[name].append(_drain(running, name, make, number, options))
        if options.seconds:
            for name in PICKED_UP:
                if name in chosen:
                    picked_up[name] = _pick_up(running, name, chosen[name], options)
    print(*_table(drained, picked_up), "", json.dumps(_figures(drained, picked_up)), sep="\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--jobs", type=int, default=5_000, help="jobs that are queued before the workers start")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system drains them")
    parser.add_argument("--most", type=float, default=20, help="seconds after which a slow system's drain is cut off")
    parser.add_argument("--seconds", type=float, default=10, help="of picking up at each rate; 0 leaves it out")
    parser.add_argument("--only", nargs="+", default=[""], help="systems with one of these in their name")
    parser.add_argument("--pool-sizes", action="store_true", help="Daybook with pools of 1, 2 and 4, and two workers")
    return parser.parse_args()


def _means(part: str, name: str, names: Iterable[str]) -> bool:
    """A whole name means that system, a part of a name all that have it."""
    return part == name if part in names else part.lower() in name.lower()


def _drain(running: Servers, name: str, make: systems.Make, number: int, options: argparse.Namespace) -> Drained:
    systems.clear(running)
    found = measure.drain(make(running), running, jobs=options.jobs, seconds=options.most)
    _say(f"round {number}  {name:<36}{found.per_second:8.0f} jobs/s")
    return found


def _pick_up(running: Servers, name: str, make: systems.Make, options: argparse.Namespace) -> list[PickedUp]:
    systems.clear(running)
    found = measure.pick_up(make(running), running, rates=RATES, seconds=options.seconds)
    for rate, one in zip(RATES, found, strict=True):
        _say(f"{rate:.0f}/s   {name:<36}{_latencies(one)}")
    return found


def _table(drained: dict[str, list[Drained]], picked_up: dict[str, list[PickedUp]]) -> list[str]:
    head = f"\n{'':<36}{'jobs/s':>8}{'x raw':>8}{'a run p50, p95 ms':>20}{'cpu ms':>9}{'db cpu ms':>11}"
    rows = [head]
    for name, rounds in drained.items():
        gaps = [f"{median([percentile(one.gaps, percent) for one in rounds]):.2f}" for percent in (50, 95)]
        ratio = _ratio(drained, name, systems.RAW)
        rows.append(
            f"{name:<36}{median([one.per_second for one in rounds]):>8.0f}{ratio or '':>8}"
            f"{', '.join(gaps):>20}{median([one.processor_ms for one in rounds]):>9.2f}"
            f"{median([one.database_ms for one in rounds]):>11.2f}"
        )
    rows.append(f"\n{'pick-up':<36}" + "".join(f"{f'{rate:.0f}/s, p50 p95 p99 ms':>32}" for rate in RATES))
    rows += [f"{name:<36}" + "".join(f"{_latencies(one):>32}" for one in found) for name, found in picked_up.items()]
    return rows


def _latencies(found: PickedUp) -> str:
    words = ", ".join(f"{percentile(found.latencies, percent):.1f}" for percent in (50, 95, 99))
    return words + (f" ({found.missing} missing)" if found.missing else "")


def _ratio(drained: dict[str, list[Drained]], name: str, peer: str) -> float | None:
    """The median of the ratios of each round."""
    pairs = zip(drained.get(name, ()), drained.get(peer, ()), strict=False)
    ratios = [one.per_second / other.per_second for one, other in pairs]
    return round(median(ratios), 2) if ratios else None


def _figures(drained: dict[str, list[Drained]], picked_up: dict[str, list[PickedUp]]) -> dict[str, Any]:
    ours = drained.get(systems.DAYBOOK, [])
    peers = {
        "raw_celery": systems.RAW,
        "celery_results": systems.STORED,
        "celery_results_kept": systems.KEPT,
        "procrastinate": systems.PROCRASTINATE,
    }
    figures: dict[str, Any] = {
        f"ratio_to_{peer}": _ratio(drained, systems.DAYBOOK, name) for peer, name in peers.items()
    }
    figures["ratio_to_raw_celery_two_workers"] = _ratio(drained, systems.DAYBOOK_TWO, systems.RAW)
    figures["ratio_with_results_mirrored"] = _ratio(drained, systems.DAYBOOK_MIRROR, systems.DAYBOOK)
    if ours:
        figures["jobs_per_s"] = round(median([one.per_second for one in ours]))
        figures["overhead_p95_ms"] = round(median([percentile(one.gaps, 95) for one in ours]), 2)
    for rate, found in zip(RATES, picked_up.get(systems.DAYBOOK, ()), strict=False):
        for percent in (50, 95, 99):
            figures[f"pickup_{rate:.0f}_p{percent}_ms"] = round(percentile(found.latencies, percent), 1)
    every = {name: round(median([one.per_second for one in rounds])) for name, rounds in drained.items()}
    return figures | {"jobs_per_s_by_system": every}


def _say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:7.1f}  {text}", flush=True)


if __name__ == "__main__":
    main()

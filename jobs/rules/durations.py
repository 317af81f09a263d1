"""How long runs took, as counts in buckets: enough for means and percentiles without reading any run."""

from __future__ import annotations

from collections.abc import Sequence

# Upper bounds in seconds; one more bucket holds what is longer.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)


def percentile(share: float, counts: Sequence[int]) -> float | None:
    """The duration that this share of the runs did not exceed, within the bounds of its bucket; None without runs."""
    total = sum(counts)
    if not total:
        return None
    wanted, seen, low = share * total, 0, 0.0
    for count, high in zip(counts, (*BUCKETS, BUCKETS[-1]), strict=True):
        if count and seen + count >= wanted:
            return round(low + (high - low) * (wanted - seen) / count, 6)
        seen, low = seen + count, high
    return float(BUCKETS[-1])

"""What the pruning experiment's results amount to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

PAPERS = {"ilp": 4.77, "iap": 7.75, "aiap": 15.88}
"""Compression of LeNet-5 at a loss of at most one point, as published (on MNIST)."""

HEAD = ("arm", "compression", "from, to", "seeds", "multiplications", "test points lost", "published")


def _by_arm(found: Sequence[dict]) -> dict[str, list[dict]]:
    return {arm: [r for r in found if r["arm"] == arm] for arm in dict.fromkeys(r["arm"] for r in found)}


def summary(found: Sequence[dict]) -> dict[str, Any]:
    """{median, low, high, seeds} for each arm, and every result."""
    by_arm = _by_arm(found)
    compression = {arm: spread([r["compression"] for r in results]) for arm, results in by_arm.items()}
    return {"compression": compression, "results": list(found)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median; low and high are the extremes: those of five seeds hold the true median 15 times in 16."""
    return {
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "seeds": len(values),
    }


def rows(found: Sequence[dict]) -> list[tuple[str, ...]]:
    """The table: compression, and by arm's medians the multiplications and the test points lost."""
    made: list[tuple[str, ...]] = []
    for arm, results in _by_arm(found).items():
        part = spread([r["compression"] for r in results])
        lost = statistics.median(r["test_dense"] - r["test"] for r in results)
        flops = statistics.median(r["dense_multiplications"] / r["multiplications"] for r in results)
        limits = f"{part['low']:.2f} to {part['high']:.2f}"
        numbers = (f"{part['median']:.2f}", limits, str(part["seeds"]), f"{flops:.2f}", f"{100 * lost:.2f}")
        made.append((arm, *numbers, f"{PAPERS[arm]:.2f}" if arm in PAPERS else ""))
    return made

"""What the pruning experiment's results amount to."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

PAPERS = {"ilp": 4.77, "iap": 7.75, "aiap": 15.88}
"""Compression of LeNet-5 at a loss of at most one point, as published (on MNIST)."""

HEAD = (
    *("arm", "compression", "from, to", "seeds", "multiplications", "test points lost", "at no loss"),
    "published",
)


def _by_arm(found: Sequence[dict]) -> dict[str, list[dict]]:
    return {arm: [r for r in found if r["arm"] == arm] for arm in dict.fromkeys(r["arm"] for r in found)}


def summary(found: Sequence[dict]) -> dict[str, Any]:
    """{median, low, high, seeds} for each arm, at the loss that the experiment allows and at none, and every
    result."""
    by_arm = _by_arm(found)
    compression = {arm: spread([r["compression"] for r in results]) for arm, results in by_arm.items()}
    lossless = {arm: spread([_at_no_loss(r) for r in results]) for arm, results in by_arm.items()}
    return {"compression": compression, "lossless": lossless, "results": list(found)}


def _at_no_loss(result: dict[str, Any]) -> float:
    """Compression of the smallest of a result's rounds, [level, parameters, control accuracy, decision], that
    is as accurate as the dense network, which is the first."""
    (_, dense, wanted, _), *_ = rounds = result["rounds"]
    return dense / min(params for _, params, accuracy, _ in rounds if accuracy >= wanted)


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median; low and high are the extremes: those of five seeds hold the true median 15 times in 16."""
    return {
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "seeds": len(values),
    }


def rows(found: Sequence[dict], published: Mapping[str, float] = PAPERS) -> list[tuple[str, ...]]:
    """The table: compression, and by arm's medians the multiplications, the test points lost, and the
    compression of the smallest round that loses none."""
    made: list[tuple[str, ...]] = []
    for arm, results in _by_arm(found).items():
        part = spread([r["compression"] for r in results])
        lost = statistics.median(r["test_dense"] - r["test"] for r in results)
        flops = statistics.median(r["dense_multiplications"] / r["multiplications"] for r in results)
        limits = f"{part['low']:.2f} to {part['high']:.2f}"
        numbers = (f"{part['median']:.2f}", limits, str(part["seeds"]), f"{flops:.2f}", f"{100 * lost:.2f}")
        lossless = f"{statistics.median(map(_at_no_loss, results)):.2f}"
        made.append((arm, *numbers, lossless, f"{published[arm]:.2f}" if arm in published else ""))
    return made

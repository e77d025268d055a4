"""Methods of pruning in rounds: which score, which selection, and who decides how far a round goes.

From the papers: ILP, IAP and AIAP (*Iterative* and *Adaptive Activation-based Structured Pruning*) and AAP
(*Automatic Attention Pruning*). The others take one of them apart: AAP's thresholds with another score, and
its score with the same rate everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.errors import UsageError


@dataclass(frozen=True)
class Method:
    """`score` and `policy` are those of prune-score and prune-select. Of an `adaptive` method a controller
    moves the threshold (of policy uniform: the part of the original channels that has left); of another each
    round takes the same part, `RATE`, of what is left. `share` is what policy weighted weighs layers by."""

    name: str
    score: str
    policy: str
    adaptive: bool
    share: str = "params"


RATE = 0.15
"""What a round of ILP and IAP takes of each layer: published runs took 5 to 20 %."""

METHODS = {
    method.name: method
    for method in (
        Method("ilp", "l1", "percentile", False),
        Method("iap", "attention", "percentile", False),
        Method("aiap", "attention", "global", True),
        Method("aap", "attention", "weighted", True),
        Method("random", "random", "weighted", True),
        Method("gamma", "gamma", "weighted", True),
        Method("l1_aap", "l1", "weighted", True),
        Method("attention_uniform", "attention", "uniform", True),
    )
}


def find_method(name: str) -> Method:
    """A method by its name. Raises UsageError for another."""
    if name not in METHODS:
        raise UsageError(f"method is '{name}', expected one of {', '.join(METHODS)}")
    return METHODS[name]

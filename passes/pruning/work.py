"""What part of a network's weights and multiplications makes the channels of each group."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.ir import Operation

from ...dialects import nn
from .groups import Resolved
from .rules import shape_of


def shares(resolved: Resolved, what: str, groups: Sequence[str]) -> dict[str, float]:
    """The part of the `params` or `flops` of all products that makes each group's channels."""
    work = dict.fromkeys(groups, 0.0)
    total = 0.0
    for op, sums in resolved.analysis.sums.items():
        if not sums or not isinstance(op, nn.ConvOp | nn.ConvTransposeOp | nn.MatmulOp):
            continue
        size = params(op) if what == "params" else multiplications(op)
        total += size
        for number, factor in enumerate(resolved.analysis.factors[op.results[0]]):
            if len(factor.axes) == 1:
                roots = resolved.analysis.roots(op.results[0], number)
                for name in groups:
                    work[name] += size * np.isin(roots, resolved.atoms[name]).mean()
    return {name: size / total if total else 1.0 for name, size in work.items()}


def params(op: Operation) -> int:
    """Weights of a product; 0 for one of two values known at run time only."""
    weights = op.operands[1]
    return math.prod(shape_of(weights)) if nn.is_compile_time(weights) else 0


def multiplications(op: Operation) -> int:
    """Products that a convolution or matrix product adds up."""
    if isinstance(op, nn.MatmulOp):
        return math.prod(op.shape) * shape_of(op.a)[-1]
    assert isinstance(op, nn.ConvOp | nn.ConvTransposeOp)
    taps = math.prod(shape_of(op.w)[1:])
    positions = op.result if isinstance(op, nn.ConvOp) else op.x
    return math.prod(shape_of(positions)) * taps

"""fold-batch-norm: batch normalization becomes part of the weights before it, or a multiply-add.

Expects nn ops. Leaves no nn.batch_norm: behind a convolution or matrix product that only it reads and whose
weights (and bias) are compile-time, the weights are scaled and the bias shifted; elsewhere x * a + b with
a = scale / sqrt(variance + epsilon), b = bias - mean * a. The arithmetic on parameters is IR (compile-time
nn ops), evaluated once when weights are materialized.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ..dialects import nn
from .rewriting import replace


@dataclass(frozen=True)
class FoldBatchNormPass(ModulePass):
    """Removes every nn.batch_norm."""

    name = "fold-batch-norm"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for norm in [found for found in op.walk() if isinstance(found, nn.BatchNormOp)]:
            _fold(norm)


class _Ops:
    """The ops that replace one batch norm, in order."""

    def __init__(self) -> None:
        self.ops: list[Operation] = []

    def add(self, op: Operation) -> SSAValue:
        self.ops.append(op)
        return op.results[0]

    def compute(self, fn: str, *operands: SSAValue) -> SSAValue:
        return self.add(nn.ElementwiseOp(fn, *operands))

    def along(self, value: SSAValue, axis: int, rank: int) -> SSAValue:
        """[C] as a tensor of `rank` with C at `axis`, its leading extents of 1 left out."""
        shape = (-1, *(1,) * (rank - 1 - axis))
        count = nn.tensor_of(value).get_shape()[0]
        return value if len(shape) == 1 else self.add(nn.ReshapeOp(value, (count, *shape[1:])))


def _fold(norm: nn.BatchNormOp) -> None:
    new = _Ops()
    epsilon = new.add(nn.scalar(norm.value_of("epsilon"), norm.type))
    deviation = new.compute("sqrt", new.compute("add", norm.variance, epsilon))
    factor = new.compute("div", norm.scale, deviation)
    offset = new.compute("sub", norm.bias, new.compute("mul", norm.mean, factor))
    producer = norm.x.owner
    if isinstance(producer, nn.ConvOp) and _is_foldable(norm, [producer.w, producer.bias]):
        _into_conv(new, producer, factor, offset)
    elif isinstance(producer, nn.MatmulOp) and len(norm.shape) == 2 and _is_foldable(norm, [producer.b]):
        _into_matmul(new, producer, factor, offset)
    else:
        producer = None
        rank = len(norm.shape)
        product = new.compute("mul", norm.x, new.along(factor, 1, rank))
        new.compute("add", product, new.along(offset, 1, rank))
    replace(None, norm, new.ops)
    if isinstance(producer, Operation):
        producer.detach()
        producer.erase()


def _is_foldable(norm: nn.BatchNormOp, weights: Sequence[SSAValue | None]) -> bool:
    """Whether only the batch norm reads its input, and all weights and parameters are compile-time."""
    values = [value for value in (*weights, *norm.operands[1:]) if value is not None]
    return len(list(norm.x.uses)) == 1 and all(map(nn.is_compile_time, values))


def _into_conv(new: _Ops, conv: nn.ConvOp, factor: SSAValue, offset: SSAValue) -> None:
    rank = len(nn.tensor_of(conv.w).get_shape())
    weights = new.compute("mul", conv.w, new.along(factor, 0, rank))
    if conv.bias is not None:
        offset = new.compute("add", new.compute("mul", conv.bias, factor), offset)
    window = conv.window
    new.add(
        nn.ConvOp(
            conv.x,
            weights,
            offset,
            strides=window.strides,
            pads=window.pads,
            dilations=window.dilations,
            groups=conv.value_of("groups"),
        )
    )


def _into_matmul(new: _Ops, matmul: nn.MatmulOp, factor: SSAValue, offset: SSAValue) -> None:
    """[M, K] @ [K, C]: the channels are the columns of the weights."""
    weights = new.compute("mul", matmul.b, factor)
    new.compute("add", new.add(nn.MatmulOp(matmul.a, weights)), offset)

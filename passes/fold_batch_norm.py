"""fold-batch-norm: batch normalization becomes part of the weights before it, or a multiply-add.

Expects nn ops. Leaves no nn.batch_norm: behind a convolution (or
transposed one) or matrix product that only it reads and whose
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
from .graph_builder import GraphBuilder


@dataclass(frozen=True)
class FoldBatchNormPass(ModulePass):
    """Removes every nn.batch_norm."""

    name = "fold-batch-norm"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for norm in [found for found in op.walk() if isinstance(found, nn.BatchNormOp)]:
            _fold(norm)


def _fold(norm: nn.BatchNormOp) -> None:
    new = GraphBuilder(norm)
    epsilon = new.scalar(norm.value_of("epsilon"), norm.x)
    deviation = new.compute("sqrt", new.compute("add", norm.variance, epsilon))
    factor = new.compute("div", norm.scale, deviation)
    offset = new.compute("sub", norm.bias, new.compute("mul", norm.mean, factor))
    producer = norm.x.owner
    if isinstance(producer, nn.ConvOp) and _is_foldable(norm, [producer.w, producer.bias]):
        result = _into_conv(new, producer, factor, offset)
    elif isinstance(producer, nn.ConvTransposeOp) and _is_foldable(norm, [producer.w, producer.bias]):
        result = _into_conv_transpose(new, producer, factor, offset)
    elif isinstance(producer, nn.MatmulOp) and len(norm.shape) == 2 and _is_foldable(norm, [producer.b]):
        result = _into_matmul(new, producer, factor, offset)
    else:
        producer = None
        rank = len(norm.shape)
        product = new.compute("mul", norm.x, new.along(factor, 1, rank))
        result = new.compute("add", product, new.along(offset, 1, rank))
    new.finish(result)
    if isinstance(producer, Operation):
        producer.detach()
        producer.erase()


def _is_foldable(norm: nn.BatchNormOp, weights: Sequence[SSAValue | None]) -> bool:
    """Whether only the batch norm reads its input, and all weights and parameters are compile-time."""
    values = [value for value in (*weights, *norm.operands[1:]) if value is not None]
    return len(list(norm.x.uses)) == 1 and all(map(nn.is_compile_time, values))


def _shifted_bias(new: GraphBuilder, bias: SSAValue | None, factor: SSAValue, offset: SSAValue) -> SSAValue:
    return offset if bias is None else new.compute("add", new.compute("mul", bias, factor), offset)


def _into_conv_transpose(
    new: GraphBuilder, conv: nn.ConvTransposeOp, factor: SSAValue, offset: SSAValue
) -> SSAValue:
    """The weights are [groups * inputs, outputs of a group, kernel]."""
    shape, groups = nn.tensor_of(conv.w).get_shape(), conv.value_of("groups")
    grouped = new.reshape(conv.w, (groups, shape[0] // groups, *shape[1:]))
    factors = new.reshape(factor, (groups, 1, shape[1], *(1,) * (len(shape) - 2)))
    weights = new.reshape(new.compute("mul", grouped, factors), shape)
    bias = _shifted_bias(new, conv.bias, factor, offset)
    window = conv.window
    return new(
        nn.ConvTransposeOp(
            conv.x,
            weights,
            bias,
            strides=window.strides,
            pads=window.pads,
            dilations=window.dilations,
            groups=groups,
        )
    )


def _into_conv(new: GraphBuilder, conv: nn.ConvOp, factor: SSAValue, offset: SSAValue) -> SSAValue:
    rank = len(nn.tensor_of(conv.w).get_shape())
    weights = new.compute("mul", conv.w, new.along(factor, 0, rank))
    window = conv.window
    return new(
        nn.ConvOp(
            conv.x,
            weights,
            _shifted_bias(new, conv.bias, factor, offset),
            strides=window.strides,
            pads=window.pads,
            dilations=window.dilations,
            groups=conv.value_of("groups"),
        )
    )


def _into_matmul(new: GraphBuilder, matmul: nn.MatmulOp, factor: SSAValue, offset: SSAValue) -> SSAValue:
    """[M, K] @ [K, C]: the channels are the columns of the weights."""
    weights = new.compute("mul", matmul.b, factor)
    return new.compute("add", new(nn.MatmulOp(matmul.a, weights)), offset)

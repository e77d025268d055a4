"""What functions and means of quantized tensors mean, on numpy arrays."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from ..nn import ELEMENTWISE, tensor_of
from ..nn.interpretation import Args, counts, softmax, windows
from .functions import ElementwiseOp, LeakyReluOp, SoftmaxOp
from .interpretation import wide
from .meaning import Modes, difference, fixed_point, integer, saturated, scaled
from .reduce import PoolOp, ReduceOp, reduced_count


def _mean(total: np.ndarray, count: np.ndarray | int, args: Args, modes: Modes) -> np.ndarray:
    _, s, _, s_out, zp_out = args
    multiplier = s / (s_out * np.asarray(count, np.float32))
    return integer(total.astype(np.float32) * multiplier, zp_out, modes)


@register_impls
class QnnElementFunctions(InterpreterFunctions):
    @impl(ElementwiseOp)
    def elementwise(self, interpreter: Interpreter, op: ElementwiseOp, args: Args):
        x, s, zp, s_out, zp_out, *parameters = args
        with np.errstate(all="ignore"):
            operands = (np.asarray(v, np.float64) for v in (difference(x, zp) * s, *parameters))
            y = np.asarray(ELEMENTWISE[op.fn.data].numpy(*operands)).astype(np.float32)
            return (integer(y / s_out, zp_out, Modes.of(op)),)

    @impl(LeakyReluOp)
    def leaky_relu(self, interpreter: Interpreter, op: LeakyReluOp, args: Args):
        x, s, zp, s_out, zp_out = args
        alpha, modes = op.value_of("alpha"), Modes.of(op)
        with np.errstate(all="ignore"):
            if modes.arithmetic == "f32":
                y = difference(x, zp) * (s / s_out)
                return (integer(np.where(x < zp, y * np.float32(alpha), y), zp_out, modes),)
            y, multiplier = wide(x) - wide(zp), s.astype(np.float64) / s_out
            above, below = (
                scaled(y, fixed_point(m), modes.rounding) for m in (multiplier, multiplier * alpha)
            )
            return (saturated(np.where(x < zp, below, above), zp_out, modes),)

    @impl(SoftmaxOp)
    def softmax(self, interpreter: Interpreter, op: SoftmaxOp, args: Args):
        x, s, zp, s_out, zp_out = args
        with np.errstate(all="ignore"):
            y = softmax((difference(x, zp) * s).astype(np.float64), op.value_of("axis")).astype(np.float32)
            return (integer(y / s_out, zp_out, Modes.of(op)),)

    @impl(PoolOp)
    def pool(self, interpreter: Interpreter, op: PoolOp, args: Args):
        window, size = op.window, tensor_of(op.x).get_shape()[2:]
        taken = windows(wide(args[0]) - wide(args[2]), window, op.shape[2:], 0)
        total = taken.sum(axis=tuple(range(-window.rank, 0)))
        count = counts(window, size, op.shape[2:], op.value_of("count_include_pad"))
        with np.errstate(all="ignore"):
            return (_mean(total, count, args, Modes.of(op)),)

    @impl(ReduceOp)
    def reduce(self, interpreter: Interpreter, op: ReduceOp, args: Args):
        differences = wide(args[0]) - wide(args[2])
        total = differences.sum(axis=op.value_of("axes"), keepdims=op.value_of("keepdims"))
        with np.errstate(all="ignore"):
            return (_mean(np.asarray(total), reduced_count(op), args, Modes.of(op)),)

"""Quantized ops in real numbers: f64 instead of f32 throughout, each result rounded to an integer once.

What f32 arithmetic computes differs from this where a value lies next to the middle of two integers; so this
tells which of two results is right, and how close the other was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls
from xdsl.ir import SSAValue

from ..dialects import nn, qnn
from ..dialects.nn.interpretation import Args, counts, softmax, windows
from ..dialects.qnn.meaning import spread
from ..dialects.reference import interpreter
from .model import Model

F64 = np.float64


def exact_values(model: Model, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs of a model of quantized ops in steps of their scale, the zero point added, before they are
    rounded to integers; those of float type as they are. Rounding is half to even everywhere."""
    functions = ExactFunctions()
    machine = interpreter(model.module, model.store)
    machine.register_implementations(functions, override=True)
    results = machine.call_op("main", tuple(inputs[port.name] for port in model.inputs))
    returned = model.main.body.block.last_op
    assert returned is not None
    return {
        port.name: functions.reals.get(value, np.asarray(result, F64))
        for port, value, result in zip(model.outputs, returned.operands, results, strict=True)
    }


def _difference(q: np.ndarray, zero: np.ndarray) -> np.ndarray:
    return q.astype(F64) - zero.astype(F64)


@register_impls
class ExactFunctions(InterpreterFunctions):
    """`reals`: the result of an op before it was rounded."""

    def __init__(self) -> None:
        super().__init__()
        self.reals: dict[SSAValue, np.ndarray] = {}

    def _integer(self, op: Any, y: np.ndarray, zero: np.ndarray) -> tuple[np.ndarray]:
        low, high = op.values().get("range", qnn.limits(op.type.element_type))
        zero = np.asarray(zero, np.int64)
        inside = np.clip(y, low - zero, high - zero)
        self.reals[op.result] = inside + zero
        return ((np.rint(inside).astype(np.int64) + zero).astype(nn.numpy_dtype(op.type.element_type)),)

    @impl(nn.ElementwiseOp)
    def floats(self, interpreter: Interpreter, op: nn.ElementwiseOp, args: Args):
        wide = [a if a.dtype.kind in "iub" else a.astype(F64) for a in map(np.asarray, args)]
        result = np.asarray(op.function.numpy(*wide))
        integral = nn.numpy_dtype(op.type.element_type).kind in "iub"
        return (result.astype(nn.numpy_dtype(op.type.element_type)) if integral else result,)

    @impl(qnn.QuantizeOp)
    def quantize(self, interpreter: Interpreter, op: qnn.QuantizeOp, args: Args):
        s, zp = (spread(p, op.shape, op.value_of("axis"), op.value_of("block")) for p in args[1:])
        return self._integer(op, args[0].astype(F64) / s.astype(F64), zp)

    @impl(qnn.DequantizeOp)
    def dequantize(self, interpreter: Interpreter, op: qnn.DequantizeOp, args: Args):
        s, zp = (spread(p, op.shape, op.value_of("axis"), op.value_of("block")) for p in args[1:])
        return (_difference(args[0], zp) * s.astype(F64),)

    @impl(qnn.RequantizeOp)
    def requantize(self, interpreter: Interpreter, op: qnn.RequantizeOp, args: Args):
        s_in, zp_in, s_out, zp_out = (spread(p, op.shape, op.value_of("axis")) for p in args[1:])
        return self._integer(op, _difference(args[0], zp_in) * (s_in.astype(F64) / s_out), zp_out)

    @impl(qnn.AddOp)
    def add(self, interpreter: Interpreter, op: qnn.AddOp, args: Args):
        left, right, s_l, zp_l, s_r, zp_r, s_out, zp_out = args
        total = _difference(left, zp_l) * s_l.astype(F64) + _difference(right, zp_r) * s_r.astype(F64)
        return self._integer(op, total / s_out, zp_out)

    @impl(qnn.MulOp)
    def mul(self, interpreter: Interpreter, op: qnn.MulOp, args: Args):
        left, right, s_l, zp_l, s_r, zp_r, s_out, zp_out = args
        product = _difference(left, zp_l) * _difference(right, zp_r)
        return self._integer(op, product * (s_l.astype(F64) * s_r.astype(F64) / s_out), zp_out)

    @impl(qnn.ConcatOp)
    def concat(self, interpreter: Interpreter, op: qnn.ConcatOp, args: Args):
        *parts, s_out, zp_out = args
        count = len(parts) // 3
        triples = zip(parts[:count], parts[count : 2 * count], parts[2 * count :], strict=True)
        made = [_difference(x, zero) * (s.astype(F64) / s_out) for x, s, zero in triples]
        return self._integer(op, np.concatenate(made, axis=op.value_of("axis")), zp_out)

    @impl(qnn.ElementwiseOp)
    def table(self, interpreter: Interpreter, op: qnn.ElementwiseOp, args: Args):
        x, s, zp, s_out, zp_out, *parameters = args
        operands = [_difference(x, zp) * s.astype(F64), *(p.astype(F64) for p in parameters)]
        y = np.asarray(nn.ELEMENTWISE[op.fn.data].numpy(*operands), F64)
        return self._integer(op, y / s_out, zp_out)

    @impl(qnn.SoftmaxOp)
    def softmax(self, interpreter: Interpreter, op: qnn.SoftmaxOp, args: Args):
        x, s, zp, s_out, zp_out = args
        return self._integer(op, softmax(_difference(x, zp) * s, op.value_of("axis")) / s_out, zp_out)

    @impl(qnn.PoolOp)
    def pool(self, interpreter: Interpreter, op: qnn.PoolOp, args: Args):
        x, s, zp, s_out, zp_out = args
        window, extents = op.window, op.shape[2:]
        total = windows(_difference(x, zp), window, extents, 0).sum(axis=tuple(range(-window.rank, 0)))
        count = counts(window, x.shape[2:], extents, op.value_of("count_include_pad"))
        return self._integer(op, total / count * (s.astype(F64) / s_out), zp_out)

    @impl(qnn.ReduceOp)
    def reduce(self, interpreter: Interpreter, op: qnn.ReduceOp, args: Args):
        x, s, zp, s_out, zp_out = args
        axes: Sequence[int] = op.value_of("axes")
        mean = _difference(x, zp).mean(axis=tuple(axes), keepdims=op.value_of("keepdims"))
        return self._integer(op, np.asarray(mean) * (s.astype(F64) / s_out), zp_out)

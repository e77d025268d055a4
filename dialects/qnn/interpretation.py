"""What the qnn ops mean, on numpy arrays."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from ..nn import numpy_dtype
from ..nn.interpretation import Args, correlated
from ..nn.interpretation_spatial import scattered
from ..reference.contraction import product
from .affine import DequantizeOp, QuantizeOp, RequantizeOp
from .arithmetic import AddOp, ConcatOp, MulOp, SubtractOp
from .contraction import ConvOp, ConvTransposeOp, MatmulOp
from .meaning import Modes, clamped, difference, fixed_point, integer, saturated, scaled, spread
from .simulated import CODES, SimulatedDequantizeOp, SimulatedQuantizeOp


def wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.int64)


def requantized(
    x: np.ndarray, s_in: np.ndarray, zp_in: np.ndarray, s_out: np.ndarray, zp_out: np.ndarray, modes: Modes
) -> np.ndarray:
    if modes.arithmetic == "f32":
        return integer(difference(x, zp_in) * (s_in / s_out), zp_out, modes)
    by = fixed_point(s_in.astype(np.float64) / s_out)
    return saturated(scaled(wide(x) - wide(zp_in), by, modes.rounding), zp_out, modes)


def _added(op: AddOp | SubtractOp, args: Args, sign: int) -> tuple[np.ndarray]:
    left, right, s_l, zp_l, s_r, zp_r, s_out, zp_out = args
    modes = Modes.of(op)
    with np.errstate(all="ignore"):
        terms = ((left, s_l, zp_l), (right, s_r, zp_r))
        if modes.arithmetic == "f32":
            l, r = (difference(x, zero) * (s / s_out) for x, s, zero in terms)  # noqa: E741
            return (integer(l + r if sign > 0 else l - r, zp_out, modes),)
        factors = (fixed_point(s.astype(np.float64) / s_out) for _, s, _ in terms)
        l, r = (  # noqa: E741
            scaled(wide(x) - wide(zero), by, modes.rounding)
            for (x, _, zero), by in zip(terms, factors, strict=True)
        )
        return (saturated(l + sign * r, zp_out, modes),)


@register_impls
class QnnFunctions(InterpreterFunctions):
    @impl(QuantizeOp)
    def quantize(self, interpreter: Interpreter, op: QuantizeOp, args: Args):
        axis, block = op.value_of("axis"), op.value_of("block")
        s, zp = (spread(p, op.shape, axis, block) for p in args[1:])
        with np.errstate(all="ignore"):
            return (integer(args[0].astype(np.float32) / s, zp, Modes.of(op)),)

    @impl(DequantizeOp)
    def dequantize(self, interpreter: Interpreter, op: DequantizeOp, args: Args):
        axis, block = op.value_of("axis"), op.value_of("block")
        s, zp = (spread(p, op.shape, axis, block) for p in args[1:])
        with np.errstate(all="ignore"):
            return ((difference(args[0], zp) * s).astype(numpy_dtype(op.type.element_type)),)

    @impl(RequantizeOp)
    def requantize(self, interpreter: Interpreter, op: RequantizeOp, args: Args):
        x, *parameters = args
        s_in, zp_in, s_out, zp_out = (spread(p, op.shape, op.value_of("axis")) for p in parameters)
        with np.errstate(all="ignore"):
            return (requantized(x, s_in, zp_in, s_out, zp_out, Modes.of(op)),)

    @impl(ConvOp)
    def conv(self, interpreter: Interpreter, op: ConvOp, args: Args):
        x, w, zp_x, zp_w, *bias = map(wide, args)
        filters = w - spread(zp_w, w.shape, 0)
        total = correlated(x - zp_x, filters, op.window, op.value_of("groups"), op.shape[2:])
        return ((total + spread(bias[0], op.shape, 1) if bias else total).astype(np.int32),)

    @impl(ConvTransposeOp)
    def conv_transpose(self, interpreter: Interpreter, op: ConvTransposeOp, args: Args):
        x, w, zp_x, zp_w, *bias = map(wide, args)
        groups = op.value_of("groups")
        # [C, O / groups, kernel], the first dimension group by group.
        filters = w.reshape(groups, -1, *w.shape[1:])
        zero = zp_w.reshape(groups, 1, -1, *(1,) * op.window.rank) if zp_w.ndim else zp_w
        total = scattered(x - zp_x, (filters - zero).reshape(w.shape), op.window, groups, op.shape)
        return ((total + spread(bias[0], op.shape, 1) if bias else total).astype(np.int32),)

    @impl(MatmulOp)
    def matmul(self, interpreter: Interpreter, op: MatmulOp, args: Args):
        a, b, zp_a, zp_b, *bias = map(wide, args)
        total = product(a - (zp_a[:, None] if zp_a.ndim else zp_a), b - zp_b)
        return ((total + bias[0] if bias else total).astype(np.int32),)

    @impl(AddOp)
    def add(self, interpreter: Interpreter, op: AddOp, args: Args):
        return _added(op, args, 1)

    @impl(SubtractOp)
    def subtract(self, interpreter: Interpreter, op: SubtractOp, args: Args):
        return _added(op, args, -1)

    @impl(MulOp)
    def mul(self, interpreter: Interpreter, op: MulOp, args: Args):
        left, right, s_l, zp_l, s_r, zp_r, s_out, zp_out = args
        modes = Modes.of(op)
        with np.errstate(all="ignore"):
            if modes.arithmetic == "f32":
                y = difference(left, zp_l) * difference(right, zp_r)
                return (integer(y * (s_l * s_r / s_out), zp_out, modes),)
            by = fixed_point(s_l.astype(np.float64) * s_r / s_out)
            y = (wide(left) - wide(zp_l)) * (wide(right) - wide(zp_r))
            return (saturated(scaled(y, by, modes.rounding), zp_out, modes),)

    @impl(ConcatOp)
    def concat(self, interpreter: Interpreter, op: ConcatOp, args: Args):
        *parts, s_out, zp_out = args
        count, modes = len(parts) // 3, Modes.of(op)
        triples = zip(parts[:count], parts[count : 2 * count], parts[2 * count :], strict=True)
        with np.errstate(all="ignore"):
            made = [requantized(x, s, zero, s_out, zp_out, modes) for x, s, zero in triples]
        return (np.concatenate(made, axis=op.value_of("axis")),)

    @impl(SimulatedQuantizeOp)
    def simulated_quantize(self, interpreter: Interpreter, op: SimulatedQuantizeOp, args: Args):
        x, s, zp, code = args
        s, zero = (spread(p, op.shape, op.value_of("axis")).astype(np.float32) for p in (s, zp))
        number = int(np.clip(code, 0, len(CODES) - 1))
        if not number:
            return (x,)
        low, high = (np.float32(bound) - zero for bound in CODES[number][1:])
        with np.errstate(all="ignore"):
            return ((np.rint(clamped(x / s, low, high)) + zero).astype(np.float32),)

    @impl(SimulatedDequantizeOp)
    def simulated_dequantize(self, interpreter: Interpreter, op: SimulatedDequantizeOp, args: Args):
        x, s, zp, code = args
        s, zero = (spread(p, op.shape, op.value_of("axis")).astype(np.float32) for p in (s, zp))
        with np.errstate(all="ignore"):
            return ((x if code <= 0 else (x - zero) * s),)

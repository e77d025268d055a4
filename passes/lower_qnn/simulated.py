"""Quantization as floats: limits are looked up by the code, one nest computes."""

from __future__ import annotations

import numpy as np
from xdsl.dialects import math
from xdsl.dialects.builtin import f32
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ..lower_nn.emitter import Emitter
from .nest import Nest, Read
from .parameters import Affine


class _Simulation:
    """What both ops read: x, scale, zero point as f32, and whether the code lets x pass."""

    def __init__(self, emit: Emitter, op: qnn.SimulatedQuantizeOp | qnn.SimulatedDequantizeOp):
        self.emit, self.nest, self.x = emit, Nest(emit, op.shape), op.x
        make = self.nest.make
        self.like = Affine(op.s, op.zp, op.value_of("axis"))
        self.code = make.compute("max", op.code, 0)
        self.nest.tensor(op.x)
        self.scale = self.nest.parameter(op.s, self.like)
        self.zero = self.nest.parameter(make.cast(op.zp, f32), self.like)
        self.passes = self.nest.parameter(make.compute("equal", self.code, 0))

    def bound(self, values: np.ndarray) -> SSAValue:
        """The limit of the code's type, less the zero point."""
        table = self.emit(nn.ConstantOp(nn.dense_attribute(values.astype(np.float32))))
        limit = self.emit(nn.GatherOp(table, [self.code], 0))
        return self.nest.parameter(self.nest.make.compute("sub", limit, self.zero), self.like)


def lower_simulated_quantize(emit: Emitter, op: qnn.SimulatedQuantizeOp) -> SSAValue:
    given = _Simulation(emit, op)
    low, high = (given.bound(np.array([code[end] for code in qnn.CODES])) for end in (1, 2))

    def body(b: B, read: Read) -> SSAValue:
        y = b.div(read(given.x), read(given.scale))
        y = b.select(b.compare("gt", y, read(low)), y, read(low))
        y = b.select(b.compare("lt", y, read(high)), y, read(high))
        y = b.add(b(math.RoundEvenOp, y), read(given.zero))
        return b.select(read(given.passes), read(given.x), y)

    return given.nest.compute(f32, body)


def lower_simulated_dequantize(emit: Emitter, op: qnn.SimulatedDequantizeOp) -> SSAValue:
    given = _Simulation(emit, op)

    def body(b: B, read: Read) -> SSAValue:
        y = b.mul(b.sub(read(given.x), read(given.zero)), read(given.scale))
        return b.select(read(given.passes), read(given.x), y)

    return given.nest.compute(f32, body)

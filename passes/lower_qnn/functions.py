"""Table lookups, leaky relu, and softmax, which stays float."""

from __future__ import annotations

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import IndexType, IntegerType, i64
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ...dialects.nn.scalar_builder import ScalarBuilder as B
from ...dialects.qnn.meaning import Modes
from ..lower_nn.emitter import Emitter
from .affine import dequantized, quantized
from .nest import Nest, Read
from .parameters import Affine, FixedPoint, largest
from .scalar import finished, float_difference, integer_difference, multiplied

ENTRIES = 256


def lower_elementwise(emit: Emitter, op: qnn.ElementwiseOp) -> SSAValue:
    """The results of all 256 bytes, in the order of their bit patterns, are made by the same op at compile
    time, and looked up."""
    table, nest = _table(emit, op), Nest(emit, op.shape)
    nest.tensor(op.x)

    def body(b: B, read: Read) -> SSAValue:
        pattern = b.cast(read(op.x), IntegerType(8))
        position = b(arith.IndexCastOp, b(arith.ExtUIOp, pattern, i64), IndexType())
        return b(tensor.ExtractOp, table, [position], op.type.element_type)

    return nest.compute(op.type.element_type, body)


def _table(emit: Emitter, op: qnn.ElementwiseOp) -> SSAValue:
    """With parameters of the run time, by the float ops that the table stands for."""
    every = emit(nn.CastOp(emit(nn.IotaOp(ENTRIES)), nn.tensor_of(op.x).element_type))
    fn, modes = op.fn.data, Modes.of(op)
    if all(map(nn.is_compile_time, op.operands[1:])):
        return emit(
            qnn.ElementwiseOp(
                fn, every, *op.operands[1:], rounding=modes.rounding, nan=modes.nan, range=modes.bounds
            )
        )
    floats = dequantized(emit, every, Affine(op.s, op.zp))
    y = emit(nn.ElementwiseOp(fn, floats, *op.parameters))
    return quantized(emit, y, Affine(op.s_out, op.zp_out), modes)


def lower_leaky_relu(emit: Emitter, op: qnn.LeakyReluOp) -> SSAValue:
    nest, modes, alpha = Nest(emit, op.shape), Modes.of(op), op.value_of("alpha")
    given, wanted = Affine(op.s, op.zp), Affine(op.s_out, op.zp_out)
    most = largest([op.x], [op.s], op.s_out) * max(1.0, abs(alpha))
    finish = finished(nest, wanted, modes, most)
    if modes.arithmetic == "exact":
        difference = integer_difference(nest, op.x, given)
        above, below = (
            [nest.parameter(value) for value in nest.make.fixed_point(op.s, over=op.s_out, by=by)]
            for by in (1.0, alpha)
        )

        def body(b: B, read: Read) -> SSAValue:
            y = difference(b, read)
            negative = b.compare("lt", y, b.like(y, 0))
            chosen = (b.select(negative, read(v), read(w)) for v, w in zip(below, above, strict=True))
            return finish(b, read, multiplied(b, y, FixedPoint(*chosen), modes.rounding))

    else:
        difference = float_difference(nest, op.x, given)
        ratio = nest.parameter(nest.make.compute("div", op.s, op.s_out))

        def body(b: B, read: Read) -> SSAValue:
            centred = difference(b, read)
            y = b.mul(centred, read(ratio))
            negative = b.compare("lt", centred, b.like(centred, 0))
            return finish(b, read, b.select(negative, b.mul(y, b.like(y, alpha)), y))

    return nest.compute(op.type.element_type, body)


def lower_softmax(emit: Emitter, op: qnn.SoftmaxOp) -> SSAValue:
    floats = dequantized(emit, op.x, Affine(op.s, op.zp))
    y = emit(nn.SoftmaxOp(floats, op.value_of("axis")))
    return quantized(emit, y, Affine(op.s_out, op.zp_out), Modes.of(op))

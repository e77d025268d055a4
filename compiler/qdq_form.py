"""qnn ops as what they mean on floats, between qnn.dequantize and qnn.quantize: the form that all tools read.

What is written back so computes the same real numbers. Each result is rounded to the nearest step, halves
to even, as QuantizeLinear does; ops that ask for another rounding, or for exact multipliers, have no such
form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from ..dialects import nn, qnn
from ..passes.graph_builder import GraphBuilder
from .constants import ConstantRunner
from .model import Model

Product: TypeAlias = qnn.ConvOp | qnn.ConvTransposeOp | qnn.MatmulOp

MOVES = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.PoolOp)
"""What keeps the scale of its operand."""


def as_qdq(model: Model) -> Model:
    """A copy of `model` without integer ops, where they can be written so; itself where it has none."""
    ends = qnn.QuantizeOp | qnn.DequantizeOp
    if not any(isinstance(op, qnn.QnnOperation) and not isinstance(op, ends) for op in model.module.walk()):
        return model
    copy = model.copied()
    made = to_qdq(copy.module, model.store)
    block = copy.main.body.block
    there = {*block.args, *(result for op in block.ops for result in op.results)}
    now = {name: made.get(value, value) for name, value in copy.values.items()}
    copy.values = {name: value for name, value in now.items() if value in there}
    return copy


def to_qdq(module: ModuleOp, weights: Mapping[str, np.ndarray]) -> dict[SSAValue, SSAValue]:
    """Rewrites every qnn op of `module` but for quantize, dequantize, sums of products that are wanted as
    integers, and what `refusal` names. What is in the place of which value."""
    runner = ConstantRunner(weights)
    made: dict[SSAValue, SSAValue] = {}
    for op in list(module.walk()):
        rule = RULES.get(type(op))
        if rule is None or refusal(op) is not None:
            continue
        builder, (old,) = Floats(op, runner), op.results
        made[old] = rule(builder, op)
        builder.finish(made[old])
    for op in reversed(list(module.walk())):
        if isinstance(op, Product) and not op.result.uses:
            op.detach()
            op.erase()
    return made


def refusal(op: Operation) -> str | None:
    """Which mode of an op no QuantizeLinear has; None where it can be written."""
    if type(op) not in RULES or not isinstance(op, qnn.QnnOperation):
        return None
    modes = op.values()
    others = [f"{mode} {modes[mode]}" for mode, only in MODES.items() if modes.get(mode, only) != only]
    return f"{op.name} with {others[0]}" if others else None


MODES = {"rounding": "half_even", "arithmetic": "f32", "nan": "lowest"}
"""How QuantizeLinear rounds."""


class Floats(GraphBuilder):
    """Inserts ops on floats in the place of a qnn op."""

    def __init__(self, op: Operation, runner: ConstantRunner):
        super().__init__(op)
        self.runner = runner

    def values(self, q: SSAValue, s: SSAValue, zero: SSAValue, axis: int = 0) -> SSAValue:
        return self(qnn.DequantizeOp(q, *self.alike(s, zero), axis=axis))

    def alike(self, *parameters: SSAValue) -> list[SSAValue]:
        """A scale and a zero point in one shape, as ONNX has them."""
        shape = max((nn.tensor_of(value).get_shape() for value in parameters), key=len)
        return [self.spread(value, shape) for value in parameters]

    def spread(self, value: SSAValue, shape: Sequence[int]) -> SSAValue:
        """Broadcast. A constant becomes one of its own: its channels can be removed."""
        if nn.tensor_of(value).get_shape() == tuple(shape):
            return value
        if not nn.is_compile_time(value):
            return self(nn.BroadcastOp(value, shape))
        return self.constant(np.ascontiguousarray(np.broadcast_to(self.runner.evaluate(value), shape)))

    def quantized(self, y: SSAValue, s: SSAValue, zero: SSAValue, axis: int = 0) -> SSAValue:
        """y as integers, in the range that the op asks for."""
        op = self.op
        assert isinstance(op, qnn.QnnOperation)
        modes, whole = op.values(), qnn.limits(nn.tensor_of(zero).element_type)
        result = self(qnn.QuantizeOp(y, *self.alike(s, zero), axis=axis, block=modes.get("block", 0)))
        bounds = modes.get("range", whole)
        if tuple(bounds) == whole:
            return result
        return self.compute("clip", result, *(self.scalar(bound, zero) for bound in bounds))

    def product(self, op: Product, scale: SSAValue) -> SSAValue:
        """The sum of products of `op` times `scale`, as a product of floats."""
        x, w, zp_x, zp_w, *bias = op.operands
        by_rows = isinstance(op, qnn.MatmulOp)
        s_x, s_w = self._factors(x, scale)
        rank_x, rank_w = (len(nn.tensor_of(v).get_shape()) for v in (x, w))
        left = self.values(x, s_x, zp_x, rank_x - 2 if by_rows else 0)
        right = self.values(w, s_w, zp_w, rank_w - 1 if by_rows else int(isinstance(op, qnn.ConvTransposeOp)))
        addend = [self._bias(value, scale) for value in bias]
        if not by_rows:
            make = nn.ConvOp if isinstance(op, qnn.ConvOp) else nn.ConvTransposeOp
            fields = {name: op.value_of(name) for name in ("strides", "pads", "dilations", "groups")}
            return self(make(left, right, *addend, **fields))
        total = self(nn.MatmulOp(left, right))
        return self.compute("add", total, *addend) if addend else total

    def _bias(self, bias: SSAValue, scale: SSAValue) -> SSAValue:
        """Its last dimension is that of the scales of channels."""
        shape, channels = nn.tensor_of(bias).get_shape(), nn.tensor_of(scale).get_shape()
        if channels and (not shape or shape[-1] != channels[0]):
            shape = (*shape[:-1], channels[0])
            bias = self.spread(bias, shape)
        return self.values(bias, scale, self.scalar(0, bias), max(len(shape) - 1, 0))

    def _factors(self, x: SSAValue, scale: SSAValue) -> tuple[SSAValue, SSAValue]:
        """Scales of both operands whose product in f32 is `scale`: x's own where there is such a factor, else
        1, with which the integers count for themselves."""
        own = _scale_of(x)
        if own is not None and nn.is_compile_time(own) and nn.is_compile_time(scale):
            product, given = self.runner.evaluate(scale), self.runner.evaluate(own)
            other = np.full(product.shape, np.nan, np.float32)
            for step in (0, 1, -1):
                near = product / given
                near = np.nextafter(near, np.float32(np.inf * step)) if step else near
                other = np.where(near * given == product, near, other).astype(np.float32)
            if not np.isnan(other).any():
                return own, self.constant(other)
        return self.constant(np.ones((), np.float32)), scale


def _scale_of(value: SSAValue) -> SSAValue | None:
    """The scale that the op which makes an integer gives it."""
    owner = value.owner
    while isinstance(owner, MOVES) or isinstance(owner, nn.ElementwiseOp) and owner.fn.data == "clip":
        owner = owner.operands[0].owner
    if isinstance(owner, qnn.QuantizeOp):
        return owner.s
    return getattr(owner, "s_out", None) if isinstance(owner, qnn.QnnOperation) else None


def _quantize(new: Floats, op: qnn.QuantizeOp) -> SSAValue:
    return new.quantized(op.x, op.s, op.zp, op.value_of("axis"))


def _dequantize(new: Floats, op: qnn.DequantizeOp) -> SSAValue:
    if isinstance(op.x.owner, Product):
        return new.cast(new.product(op.x.owner, op.s), op.type.element_type)
    layout = {name: op.value_of(name) for name in ("axis", "block")}
    return new(qnn.DequantizeOp(op.x, *new.alike(op.s, op.zp), element=op.type.element_type, **layout))


def _requantize(new: Floats, op: qnn.RequantizeOp) -> SSAValue:
    axis = op.value_of("axis")
    if isinstance(op.x.owner, Product) and not new.runner.evaluate(op.zp_in).any():
        y = new.product(op.x.owner, op.s_in)
    else:
        y = new.values(op.x, op.s_in, op.zp_in, axis)
    return new.quantized(y, op.s_out, op.zp_out, axis)


def _binary(fn: str) -> Callable[[Floats, Any], SSAValue]:
    def rule(new: Floats, op: Any) -> SSAValue:
        left, right = new.values(op.l, op.s_l, op.zp_l), new.values(op.r, op.s_r, op.zp_r)
        return new.quantized(new.compute(fn, left, right), op.s_out, op.zp_out)

    return rule


def _concat(new: Floats, op: qnn.ConcatOp) -> SSAValue:
    triples = zip(op.inputs, op.scales, op.zero_points, strict=True)
    parts = [new.values(*triple) for triple in triples]
    return new.quantized(new(nn.ConcatOp(parts, op.value_of("axis"))), op.s_out, op.zp_out)


def _unary(make: Callable[[Floats, Any, SSAValue], SSAValue]) -> Callable[[Floats, Any], SSAValue]:
    """For ops of one tensor: `make` computes with its floats."""

    def rule(new: Floats, op: Any) -> SSAValue:
        return new.quantized(make(new, op, new.values(op.x, op.s, op.zp)), op.s_out, op.zp_out)

    return rule


def _leaky(new: Floats, op: qnn.LeakyReluOp, x: SSAValue) -> SSAValue:
    return new.compute("leaky_relu", x, new.scalar(op.value_of("alpha"), x))


def _pool(new: Floats, op: qnn.PoolOp, x: SSAValue) -> SSAValue:
    modes = {name: op.value_of(name) for name in ("ceil_mode", "count_include_pad")}
    return new(nn.PoolOp("average", x, **op.window._asdict(), **modes))


def _mean(new: Floats, op: qnn.ReduceOp, x: SSAValue) -> SSAValue:
    return new(nn.ReduceOp("mean", x, axes=op.value_of("axes"), keepdims=op.value_of("keepdims")))


RULES: dict[type, Callable[[Floats, Any], SSAValue]] = {
    qnn.QuantizeOp: _quantize,
    qnn.DequantizeOp: _dequantize,
    qnn.RequantizeOp: _requantize,
    qnn.AddOp: _binary("add"),
    qnn.SubtractOp: _binary("sub"),
    qnn.MulOp: _binary("mul"),
    qnn.ConcatOp: _concat,
    qnn.ElementwiseOp: _unary(lambda new, op, x: new.compute(op.fn.data, x, *op.parameters)),
    qnn.LeakyReluOp: _unary(_leaky),
    qnn.SoftmaxOp: _unary(lambda new, op, x: new(nn.SoftmaxOp(x, op.value_of("axis")))),
    qnn.PoolOp: _unary(_pool),
    qnn.ReduceOp: _unary(_mean),
}
"""Op -> the value in its place."""

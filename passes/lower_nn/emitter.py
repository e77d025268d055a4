"""Emits linalg and tensor ops in the place of one nn op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import (
    AffineMapAttr,
    AnyFloat,
    FloatAttr,
    IndexType,
    IntegerAttr,
    IntegerType,
    TensorType,
)
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.dialects.linalg.ops import GenericOp, YieldOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder, integer_attribute, is_unsigned
from ..rewriting import keep_location

Rule = Callable[["Emitter", Any], SSAValue]
Body = Callable[..., SSAValue]
"""Takes a ScalarBuilder and an element per operand, the accumulator last; returns the new element."""


class Operand(NamedTuple):
    """A tensor and where loops read it."""

    value: SSAValue
    access: AffineMap


def dims(first: int, count: int) -> list[AffineExpr]:
    """`count` loops from number `first`."""
    return [AffineExpr.dimension(i) for i in range(first, first + count)]


def at(loops: int, exprs: Sequence[AffineExpr]) -> AffineMap:
    """The access (exprs) of a nest of `loops` loops."""
    return AffineMap(loops, 0, tuple(exprs))


def scaled(expr: AffineExpr, factor: int) -> AffineExpr:
    return expr if factor == 1 else expr * factor


def broadcast_access(shape: Sequence[int], result: Sequence[int]) -> AffineMap:
    """How loops over `result` read an operand of `shape` that broadcasts to it as in numpy."""
    offset = len(result) - len(shape)
    exprs = [
        AffineExpr.dimension(offset + i) if n == result[offset + i] else AffineExpr.constant(0)
        for i, n in enumerate(shape)
    ]
    return at(len(result), exprs)


class Emitter:
    """Inserts ops before `op`, with its location."""

    def __init__(self, op: nn.NNOperation):
        self.op = op

    def __call__(self, new: Operation) -> SSAValue:
        """Insert `new`; its only result."""
        block = self.op.parent
        assert block is not None
        keep_location(new, self.op)
        block.insert_op_before(new, self.op)
        return new.results[0]

    def empty(self, element: Attribute, shape: Sequence[int]) -> SSAValue:
        return self(tensor.EmptyOp([], TensorType(element, shape)))

    def generic(
        self, inputs: Sequence[Operand], init: Operand, reductions: int, body: Body, raw: bool = False
    ) -> SSAValue:
        """A linalg.generic whose last `reductions` loops are reductions. `body` takes the inputs' elements,
        and with reductions the accumulator too; unless `raw`, it sees 16-bit floats as f32."""
        operands = [*inputs, init]
        block = Block(arg_types=[nn.tensor_of(operand.value).element_type for operand in operands])
        arguments = block.args if reductions else block.args[:-1]
        fill_body(block, body, arguments, raw)
        parallel = init.access.num_dims - reductions
        kinds = [IteratorTypeAttr.parallel()] * parallel
        kinds += [IteratorTypeAttr.reduction()] * reductions
        return self(
            GenericOp(
                [operand.value for operand in inputs],
                [init.value],
                Region(block),
                [AffineMapAttr(operand.access) for operand in operands],
                kinds,
                [init.value.type],
            )
        )

    def elementwise(
        self,
        inputs: Sequence[Operand],
        element: Attribute,
        shape: Sequence[int],
        body: Body,
        raw: bool = False,
    ) -> SSAValue:
        """A generic of parallel loops over a fresh result."""
        init = Operand(self.empty(element, shape), AffineMap.identity(len(shape)))
        return self.generic(inputs, init, 0, body, raw)

    def broadcast(self, value: SSAValue, result: Sequence[int]) -> Operand:
        return Operand(value, broadcast_access(nn.tensor_of(value).get_shape(), result))

    def filled(self, element: Attribute, shape: Sequence[int], value: float) -> SSAValue:
        """The start of a reduction: a generic without inputs."""
        return self.elementwise([], element, shape, lambda b: b.constant(value, element))

    def widened(self, x: SSAValue) -> SSAValue:
        """`x`, 16-bit floats as f32: a compile-time op or a generic."""
        element = nn.tensor_of(x).element_type
        wide = nn.compute_type(element)
        if wide == element:
            return x
        if nn.is_compile_time(x):
            return self(nn.CastOp(x, wide))
        shape = nn.tensor_of(x).get_shape()
        return self.elementwise([self.broadcast(x, shape)], wide, shape, lambda b, value: value)

    def rounded(self, x: SSAValue, element: Attribute) -> SSAValue:
        """What was computed in the compute type of `element`, as `element`."""
        shape = nn.tensor_of(x).get_shape()
        if nn.tensor_of(x).element_type == element:
            return x
        return self.elementwise([self.broadcast(x, shape)], element, shape, lambda b, value: value)

    def padded(self, x: SSAValue, low: Sequence[int], high: Sequence[int], value: float) -> SSAValue:
        """`x` in a constant border; `x` itself where there is none."""
        if not any((*low, *high)):
            return x
        source = nn.tensor_of(x)
        element = source.element_type
        constant = arith.ConstantOp(scalar_attribute(value, element))
        block = Block([constant, tensor.YieldOp(constant.result)], arg_types=[IndexType()] * len(low))
        shape = [n + a + b for n, a, b in zip(source.get_shape(), low, high, strict=True)]
        return self(tensor.PadOp(x, [], [], Region(block), list(low), list(high), TensorType(element, shape)))


def fill_body(block: Block, body: Body, arguments: Sequence[SSAValue], raw: bool) -> None:
    """The scalar code of `body` on block arguments, ended by a yield of the last argument's type. What only
    moves 16-bit floats leaves them as they are."""
    builder, narrow = ScalarBuilder(), {}
    for argument in arguments:
        wide = argument if raw else builder.cast(argument, nn.compute_type(argument.type))
        narrow[wide] = argument
    result = body(builder, *narrow)
    element = block.args[-1].type
    if result.type != element:
        result = narrow[result] if result in narrow else result
        result = builder.cast(result, element)
    block.add_ops([*builder.ops, YieldOp(result)])
    for op in reversed(builder.ops):
        if not any(result.uses for result in op.results):
            block.erase_op(op)


def scalar_attribute(value: float, element: Attribute) -> FloatAttr | IntegerAttr:
    if isinstance(element, AnyFloat):
        return FloatAttr(value, element)
    return integer_attribute(int(value), element)


def lowest(element: Attribute) -> float:
    """What a maximum starts from: -inf, or the smallest integer."""
    if isinstance(element, AnyFloat):
        return float("-inf")
    assert isinstance(element, IntegerType)
    return 0 if is_unsigned(element) else -(1 << element.width.data - 1)


def highest(element: Attribute) -> float:
    """What a minimum starts from: inf, or the largest integer."""
    if isinstance(element, AnyFloat):
        return float("inf")
    assert isinstance(element, IntegerType)
    return (1 << element.width.data - (not is_unsigned(element))) - 1

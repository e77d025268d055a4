"""How a reduction takes in an element: which of them lanes and blocks may share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from xdsl.dialects import arith
from xdsl.dialects.builtin import AnyFloat, FloatAttr, IntegerAttr, IntegerType
from xdsl.ir import Attribute, Block, Operation, Region

from ...dialects import tensorized


def _lowest(element: Attribute) -> float:
    return float("-inf") if isinstance(element, AnyFloat) else -(1 << _width(element) - 1)


def _highest(element: Attribute) -> float:
    return float("inf") if isinstance(element, AnyFloat) else (1 << _width(element) - 1) - 1


def _width(element: Attribute) -> int:
    assert isinstance(element, IntegerType)
    return element.width.data


IDENTITIES: dict[type[Operation], Callable[[Attribute], float]] = {
    arith.AddfOp: lambda element: -0.0,
    arith.MulfOp: lambda element: 1.0,
    arith.MaximumfOp: _lowest,
    arith.MinimumfOp: _highest,
    arith.AddiOp: lambda element: 0,
    arith.MuliOp: lambda element: 1,
    arith.MaxSIOp: _lowest,
    arith.MinSIOp: _highest,
    arith.MaxUIOp: lambda element: 0,
    arith.MinUIOp: lambda element: -1,
    arith.AndIOp: lambda element: -1,
    arith.OrIOp: lambda element: 0,
    arith.XOrIOp: lambda element: 0,
}
"""Associative and commutative op -> the value that changes nothing."""


class Combiner(NamedTuple):
    """`op` takes what it has reduced so far and an element; it starts from `identity` in every lane."""

    op: type[Operation]
    identity: FloatAttr | IntegerAttr

    def body(self) -> Region:
        """The op on two elements."""
        element = self.identity.type
        block = Block(arg_types=[element, element])
        made = self.op(*block.args)  # pyright: ignore[reportCallIssue]
        block.add_ops([made, tensorized.YieldOp(*made.results)])
        return Region(block)


def combiner(body: Block) -> Combiner | None:
    """What a body ends in: `op(accumulator, element)` with an accumulator (the last argument) that
    occurs nowhere else; None for any other body."""
    accumulator, end = body.args[-1], body.last_op
    made = end.operands[0].owner if end is not None else None
    if not isinstance(made, Operation) or type(made) not in IDENTITIES:
        return None
    uses = list(accumulator.uses)
    if len(uses) != 1 or uses[0].operation is not made or made.results[0].type != accumulator.type:
        return None
    element = accumulator.type
    value = IDENTITIES[type(made)](element)
    if isinstance(element, AnyFloat):
        return Combiner(type(made), FloatAttr(value, element))
    assert isinstance(element, IntegerType)
    return Combiner(type(made), IntegerAttr(int(value), element, truncate_bits=True))

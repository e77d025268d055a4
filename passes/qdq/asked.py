"""From a qnn.quantize backwards: the integers it asks for, made of what is known as integers.

Where the op before is a clamp, the range narrows; where it moves elements, these are asked for; where it
computes, a rule of results.py or a table computes on integers. Elsewhere the float is quantized, and
`reasons` says why.
"""

from __future__ import annotations

from typing import NamedTuple

from xdsl.ir import Operation, SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder
from .affine import Facts, Target, scalar_of
from .moving import moved_operands, redone
from .results import rule_of, unfit
from .table import table_of

DEEPEST = 64
"""So many ops are looked through from one that quantizes."""


class _Readers(NamedTuple):
    """Who reads a value: an op that does not quantize it, and whether all that do ask for the same."""

    other: Operation | None
    alike: bool

    @classmethod
    def of(cls, value: SSAValue) -> _Readers:
        readers = [use.operation for use in value.uses]
        others = [reader for reader in readers if not isinstance(reader, qnn.QuantizeOp)]
        targets = [Target.of(reader) for reader in readers if isinstance(reader, qnn.QuantizeOp)]
        return cls(others[0] if others else None, all(targets[0].alike(other) for other in targets))


class Asked:
    def __init__(self, facts: Facts, reasons: dict[Operation, str]):
        self.facts, self.reasons = facts, reasons
        self._readers: dict[SSAValue, _Readers] = {}
        self._operands: dict[tuple[SSAValue, Target], SSAValue] = {}

    def quantized(self, new: GraphBuilder, op: qnn.QuantizeOp, to: Target) -> SSAValue | None:
        """What takes the place of `op`; None where it stays as it is."""
        if op.x not in self._readers:
            self._readers[op.x] = _Readers.of(op.x)
        readers = self._readers[op.x]
        if readers.other is not None and op.x not in self.facts.affine:
            self._stays(op.x, f"its result is read as a float, too, by {readers.other.name}")
            return None
        return self._made(new, op.x, to, DEEPEST, readers.alike)

    def _stays(self, value: SSAValue, reason: str) -> None:
        if isinstance(value.owner, Operation):
            self.reasons.setdefault(value.owner, reason)

    def _operand(self, new: GraphBuilder, value: SSAValue, to: Target, depth: int) -> SSAValue:
        """`value`, which the op asked for reads, quantized as `to`: once for each that reads it."""
        if (value, to) not in self._operands:
            readers = {use.operation for use in value.uses}
            made = None
            if len(readers) > 1 and value not in self.facts.affine and value not in self.facts.constants:
                self._stays(value, "its result is read by several ops, not all of which quantize it")
            else:
                made = self._made(new, value, to, depth - 1, True)
            self._operands[value, to] = to.quantized(new, value) if made is None else made
        return self._operands[value, to]

    def _made(
        self, new: GraphBuilder, value: SSAValue, to: Target, depth: int, alone: bool
    ) -> SSAValue | None:
        """`value` quantized as `to`; None where no integers are known for it. `alone`: nothing asks for it
        under other parameters."""
        op = value.owner
        if value in self.facts.constants or not isinstance(op, nn.NNOperation) or not depth:
            return None
        if (clamp := _clamp(op)) and (narrowed := to.clamped(*clamp[1:])):
            return self._operand(new, clamp[0], narrowed, depth)
        if value in self.facts.affine:
            return to.requantized(new, self.facts.affine[value])
        if self._moves(op):
            return self._moved(new, op, to, depth) if alone else None
        return self._computed(new, op, to)

    def _moves(self, op: nn.NNOperation) -> bool:
        """Whether integers can be asked for instead; of a choice between floats there would be more to
        quantize, not less."""
        positions = moved_operands(op)
        if isinstance(op, nn.ElementwiseOp):
            return any(op.operands[i] in self.facts.affine for i in positions)
        if len(positions) != 1:
            return bool(positions)
        x = op.operands[positions[0]]
        return x in self.facts.affine or len({use.operation for use in x.uses}) == 1

    def _moved(self, new: GraphBuilder, op: nn.NNOperation, to: Target, depth: int) -> SSAValue | None:
        fill = to.code(op.value_of("value")) if isinstance(op, nn.PadOp) else None
        if isinstance(op, nn.PadOp) and fill is None:
            return None
        inside = None if fill is None else min(max(fill, to.low), to.high)
        integers = {i: self._operand(new, op.operands[i], to, depth) for i in moved_operands(op)}
        return redone(new, op, integers, to.element, inside)

    def _computed(self, new: GraphBuilder, op: nn.NNOperation, to: Target) -> SSAValue | None:
        rule, reason = rule_of(op), ""
        if rule is not None:
            count, make = rule
            operands = [self.facts.affine.get(value) for value in op.operands[:count]]
            reason = unfit(op, operands)
            quantized = [x for x in operands if x is not None]
            if not reason and (made := make(new, op, quantized, to)) is not None:
                return made
        if isinstance(op, nn.ElementwiseOp):
            table = table_of(new, op.result, self.facts, to)
            if isinstance(table, SSAValue):
                return table
            reason = reason or table
        self._stays(op.result, reason or f"{op.name} has no integer form")
        return None


def _clamp(op: nn.NNOperation) -> tuple[SSAValue, float | None, float | None] | None:
    """What is clamped, and between which numbers."""
    if not isinstance(op, nn.ElementwiseOp):
        return None
    numbers = [scalar_of(value) for value in op.inputs]
    match op.fn.data, numbers:
        case "relu", _:
            return op.inputs[0], 0.0, None
        case "clip", [_, float(low), float(high)]:
            return _same_shape(op, 0, low, high)
        case "max", [_, float(low)]:
            return _same_shape(op, 0, low, None)
        case "max", [float(low), _]:
            return _same_shape(op, 1, low, None)
        case "min", [_, float(high)]:
            return _same_shape(op, 0, None, high)
        case "min", [float(high), _]:
            return _same_shape(op, 1, None, high)
    return None


def _same_shape(
    op: nn.ElementwiseOp, operand: int, low: float | None, high: float | None
) -> tuple[SSAValue, float | None, float | None] | None:
    """Bounds of a higher rank add dimensions."""
    x = op.inputs[operand]
    return (x, low, high) if x.type == op.type else None

"""How a quantized tensor is stored, and which tensors can only be stored alike.

A tensor of integers q may be kept as q - shift in another type, wherever what makes it and what reads it are
quantized ops: the shift is subtracted from their zero points and ranges. Values that ops only move (a
reshape, a maximum pool, a concat) are stored alike: they are one *class*. A class with a member that must
stay as it is (an argument, what is returned, what another op reads) stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from xdsl.dialects.builtin import IntegerType, TensorType
from xdsl.ir import Operation, SSAValue, Use

from ...dialects import nn, qnn
from ...dialects.errors import TenonError
from ...dialects.qnn.parameters import limits

_BINARY = {"l": "zp_l", "r": "zp_r"}
ZERO_POINTS: dict[type[Operation], dict[str, str]] = {
    qnn.DequantizeOp: {"x": "zp"},
    qnn.RequantizeOp: {"x": "zp_in"},
    qnn.ConvOp: {"x": "zp_x"},
    qnn.ConvTransposeOp: {"x": "zp_x"},
    qnn.MatmulOp: {"a": "zp_a", "b": "zp_b"},
    qnn.ElementwiseOp: {"x": "zp"},
    qnn.LeakyReluOp: {"x": "zp"},
    qnn.SoftmaxOp: {"x": "zp"},
    qnn.PoolOp: {"x": "zp"},
    qnn.ReduceOp: {"x": "zp"},
    qnn.AddOp: _BINARY,
    qnn.SubtractOp: _BINARY,
    qnn.MulOp: _BINARY,
}
"""Op -> the operands that are quantized tensors, and their zero points."""

MOVING = (
    nn.ReshapeOp,
    nn.TransposeOp,
    nn.SliceOp,
    nn.ConcatOp,
    nn.BroadcastOp,
    nn.PadOp,
    nn.PoolOp,
    nn.GatherOp,
)
"""Ops that only move elements; a pool, if it is that of the largest."""


class Storage(NamedTuple):
    """q is kept as q - shift, in `element`."""

    element: IntegerType
    shift: int


@dataclass
class Class:
    """Values that are stored alike, the uses of them by quantized ops, and whether all of this can change."""

    values: list[SSAValue] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    free: bool = True

    @property
    def element(self) -> IntegerType:
        element = nn.tensor_of(self.values[0]).element_type
        assert isinstance(element, IntegerType)
        return element

    def allows(self, wanted: Storage) -> bool:
        """Whether every op that makes or reads a value can do so."""
        made = all(_makes(value, wanted) for value in self.values)
        return self.free and made and all(_reads(use, wanted) for use in self.uses)


def classes(values: Iterable[SSAValue]) -> dict[SSAValue, Class]:
    """The class of each of `values`, and of all in it."""
    found: dict[SSAValue, Class] = {}
    for value in values:
        if value not in found:
            _collect(value, found)
    return found


def _collect(value: SSAValue, found: dict[SSAValue, Class]) -> None:
    own, pending = Class(), [value]
    while pending:
        member = pending.pop()
        if member in found:
            continue
        found[member] = own
        own.values.append(member)
        maker = member.owner
        if isinstance(maker, Operation) and _moves(maker):
            pending += _moved(maker)
        elif not isinstance(maker, qnn.QnnOperation) or nn.is_compile_time(member):
            own.free = False
        for use in member.uses:
            if _moves(use.operation) and member in _moved(use.operation):
                pending += use.operation.results
            elif zero_point_of(use) is not None:
                own.uses.append(use)
            else:
                own.free = False


def _moves(op: Operation) -> bool:
    if not isinstance(op, nn.PoolOp):
        return isinstance(op, MOVING)
    # A window in nothing but padding would give the least value of the type.
    window = op.window
    full = all(pad < size for pad, size in zip(window.pads, window.kernel * 2, strict=True))
    return op.kind.data == "max" and (not any(window.pads) or (full and set(window.dilations) == {1}))


def _moved(op: Operation) -> list[SSAValue]:
    """The operands whose elements are moved."""
    return list(op.operands[:1] if isinstance(op, nn.GatherOp) else op.operands)


def zero_point_of(use: Use) -> int | None:
    """The place of the zero point of a use, if the op has one for it."""
    op = use.operation
    for name, zero in ZERO_POINTS.get(type(op), {}).items():
        if place(op, name) == use.index:
            return place(op, zero)
    return None


def place(op: Operation, name: str) -> int:
    """The number of a named operand; optional and variadic ones come last in qnn ops."""
    assert isinstance(op, qnn.QnnOperation)
    names = [name for name, _ in type(op).get_irdl_definition().operands]
    return names.index(name)


def result_zero_point(op: qnn.QnnOperation) -> int | None:
    """The place of the zero point of what `op` makes, if that is quantized."""
    name = "zp" if isinstance(op, qnn.QuantizeOp) else "zp_out"
    return place(op, name) if hasattr(op, name) and not isinstance(op, qnn.DequantizeOp) else None


def shifted_range(op: qnn.QnnOperation, shift: int) -> tuple[int, int]:
    """What the op clamps its result to, less `shift`."""
    given = op.value_of("range") if "range" in op.FIELDS else limits(op.type.element_type)
    return given[0] - shift, given[1] - shift


def _makes(value: SSAValue, wanted: Storage) -> bool:
    op, (least, most) = value.owner, limits(wanted.element)
    if isinstance(op, nn.PadOp):
        return least <= op.value_of("value") - wanted.shift <= most
    if not isinstance(op, qnn.QnnOperation):
        return True
    if result_zero_point(op) is None:
        return False
    low, high = shifted_range(op, wanted.shift)
    # An op without a range takes the whole one of its result's type.
    return least <= low <= high <= most if "range" in op.FIELDS else (low, high) == (least, most)


def _reads(use: Use, wanted: Storage) -> bool:
    """Whether the op takes elements of the type: it says so itself."""
    op, changed = use.operation, (use.index, zero_point_of(use))
    assert isinstance(op, qnn.QnnOperation)
    types = [nn.tensor_of(v) for v in op.operands]
    for i in changed:
        assert i is not None
        types[i] = TensorType(wanted.element, types[i].get_shape())
    try:
        op.checked_type(types, **op.values())
    except TenonError:
        return False
    return True

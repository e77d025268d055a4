"""Which values are made inside the buffer of a concat, so that it copies nothing.

The last concat that a value goes into takes it; a concat whose operands then lie side by side in another's
buffer is a view of that (as when every layer of a network appends to what all before it made).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from xdsl.dialects import tensor
from xdsl.dialects.builtin import DenseArrayBase, TensorType, i1
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineExpr

from ...dialects.tensorized import LayoutAttr
from ...dialects.tensorized.linear_form import substitute


class Part(NamedTuple):
    """A place in the result of `concat`: `offset` elements along its axis."""

    concat: tensor.ConcatOp
    offset: int

    def layout(self, whole: LayoutAttr, shape: Sequence[int]) -> LayoutAttr:
        """The layout of a value of `shape` there, given that of the concat's result."""
        indices = [AffineExpr.dimension(i) for i in range(len(shape))]
        axis = axis_of(self.concat)
        if self.offset:
            indices[axis] = indices[axis] + self.offset
        return LayoutAttr.of(substitute(whole.access, indices, shape), whole.physical_shape)


IN_PLACE = "tensorized.in_place"
"""The attribute of a concat that says which operands are made where it would copy them, as booleans."""


def in_place(concat: tensor.ConcatOp) -> list[bool]:
    """For each operand whether it is made where the concat would copy it."""
    marks = concat.attributes.get(IN_PLACE)
    if not isinstance(marks, DenseArrayBase):
        return [False] * len(concat.inputs)
    return [bool(mark) for mark in marks.get_values()]


def mark_in_place(concat: tensor.ConcatOp, marks: Sequence[bool]) -> None:
    """Notes on the concat which operands are made in place."""
    if any(marks):
        concat.attributes[IN_PLACE] = DenseArrayBase.from_list(i1, [int(mark) for mark in marks])


def axis_of(concat: tensor.ConcatOp) -> int:
    return concat.dim.value.data


def offsets(concat: tensor.ConcatOp) -> list[int]:
    """Where each operand begins along the axis."""
    extents: list[int] = []
    for value in concat.inputs:
        assert isinstance(value.type, TensorType)
        extents.append(value.type.get_shape()[axis_of(concat)])
    return list(accumulate(extents, initial=0))[:-1]


def place_parts(
    ops: Sequence[Operation], owns: Callable[[SSAValue], bool], hosts: Callable[[tensor.ConcatOp], bool]
) -> dict[SSAValue, Part]:
    """The parts among the operands and results of concats, which are marked. `owns` says whether a value may
    be made anywhere, `hosts` whether others may be made in the buffer of a concat."""
    parts: dict[SSAValue, Part] = {}
    for concat in reversed([op for op in ops if isinstance(op, tensor.ConcatOp)]):
        if not hosts(concat):
            continue
        inside = _inside(concat, parts)
        values = list(concat.inputs)
        if inside is not None:
            parts[concat.result] = inside
            mark_in_place(concat, [True] * len(values))
            continue
        times = Counter(values)
        mine = [value not in parts and times[value] == 1 and owns(value) for value in values]
        mark_in_place(concat, mine)
        for value, offset, here in zip(values, offsets(concat), mine):
            if here:
                parts[value] = Part(concat, offset)
    return parts


def _inside(concat: tensor.ConcatOp, parts: dict[SSAValue, Part]) -> Part | None:
    """The part of another concat that this one's operands fill, side by side."""
    places = [parts.get(value) for value in concat.inputs]
    first = places[0]
    if first is None or axis_of(first.concat) != axis_of(concat):
        return None
    wanted = [Part(first.concat, first.offset + offset) for offset in offsets(concat)]
    return first if places == wanted else None

"""How registers of an instruction read an operand of a nest, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from xdsl.dialects.builtin import TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineMap

from ...dialects.tensorized.linear_form import flat_strides, row_major


class Access(Enum):
    """How the lanes of one register lie in memory."""

    CONTIGUOUS = "contiguous"
    BROADCAST = "broadcast"
    PACK = "needs packing"
    GATHER = "gather"


def classify(
    value: SSAValue,
    access: AffineMap,
    extents: Sequence[int],
    lanes: Sequence[tuple[int, int]],
    constants: set[int],
) -> Access:
    """`lanes` pairs each loop that runs along lanes with its stride there, in lanes. A compile-time
    operand that does not lie right already is packed; any other is gathered."""
    assert isinstance(value.type, TensorType)
    strides = flat_strides(access, row_major(value.type.get_shape()), extents)
    if strides is not None:
        steps = [(strides[loop], lane) for loop, lane in lanes if extents[loop] > 1]
        if all(step == 0 for step, _ in steps):
            return Access.BROADCAST
        if all(step in (0, lane) for step, lane in steps):
            return Access.CONTIGUOUS
    if isinstance(value, BlockArgument) and value.index in constants:
        return Access.PACK
    return Access.GATHER

"""Lanes combined: registers of a row one with another, then the halves of what is left."""

from __future__ import annotations

from xdsl.dialects.builtin import VectorType

from ...dialects.tensorized import CombineOp, SpreadOp
from .function import FunctionText
from .instruction import emit_scalar
from .registers import shuffle
from .scalar import splat
from .types import vector_type


def emit_combine(function: FunctionText, op: CombineOp) -> None:
    vector = op.value.type
    assert isinstance(vector, VectorType)
    across = vector.get_shape()[-2]
    registers = function.values[op.value]
    rows = [registers[i : i + across] for i in range(0, len(registers), across)]
    function.values[op.res] = [_combined(function, op, vector, row) for row in rows]


def _combined(function: FunctionText, op: CombineOp, vector: VectorType, row: list[str]) -> str:
    """One row's registers as one register with the result in every lane."""
    lanes, element = vector.get_shape()[-1], vector.element_type
    whole, rest = divmod(op.valid_lanes, lanes)
    used = row[:whole]
    if rest:
        neutral = splat(op.identity.value.data, element)
        mask = [i if i < rest else lanes + i for i in range(lanes)]
        used.append(shuffle(function, vector_type(element, lanes), row[whole], neutral, mask))
    while len(used) > 1:  # pairs, so that the chain of dependent operations is short
        pairs = [used[i : i + 2] for i in range(0, len(used), 2)]
        used = [emit_scalar(function, op.body.block, p, lanes) if len(p) == 2 else p[0] for p in pairs]
    (value,), width = used, lanes
    while width > 1:
        type_, width = vector_type(element, width), width // 2
        low = shuffle(function, type_, value, "poison", range(width))
        high = shuffle(function, type_, value, "poison", range(width, 2 * width))
        value = emit_scalar(function, op.body.block, [low, high], width)
    return shuffle(function, vector_type(element, 1), value, "poison", [0] * lanes)


def emit_spread(function: FunctionText, op: SpreadOp) -> None:
    assert isinstance(op.res.type, VectorType)
    across = op.res.type.get_shape()[-2]
    function.values[op.res] = [value for value in function.values[op.value] for _ in range(across)]

"""Maps that end in narrow integers: as many registers as become one are narrowed together.

Packing instructions take two registers and fill one. A register alone is shuffled into a part of one, which
costs as much and fills nothing; with AVX-512 that is one instruction, so there every register stays alone.
Packing saturates: of a clamp before it only what is tighter than the narrow type remains, on narrow lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from xdsl.dialects import arith, llvm
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Attribute, Block, SSAValue

from .function import FunctionText
from .instruction import emit_scalar
from .registers import shuffle
from .scalar import constant_of, truncation
from .types import scalar_type

Narrowing = arith.TruncIOp | llvm.TruncOp

_WIDE, _LANES = 32, 8
"""What is packed: registers of AVX2."""
_IN_ORDER = {8: (8, 32, (0, 4, 1, 5, 2, 6, 3, 7)), 16: (4, 64, (0, 2, 1, 3))}
"""Packing works in halves of registers; parts of so many bits in this order are the elements in theirs."""
_PACK = {(16, False): "ssdw", (16, True): "usdw", (8, False): "sswb", (8, True): "uswb"}
"""Bits and whether unsigned -> the instruction that saturates to them; to bytes, from signed 16 bits."""


def final_narrowing(function: FunctionText, body: Block) -> Narrowing | None:
    """What makes the value that `body` yields, if that is worth doing with other registers' values."""
    last = body.last_op
    made = last.operands[0].owner if last is not None and last.operands else None
    if not isinstance(made, Narrowing) or "avx512f" in function.features:
        return None
    return made if _width(made.operands[0].type) == _WIDE and _width(made.results[0].type) > 1 else None


def _width(type_: Attribute) -> int:
    assert isinstance(type_, IntegerType)
    return type_.width.data


class _Packing(NamedTuple):
    """Registers of `wide` values become integers of `bits`, saturated, and clamped to what is left of a
    clamp."""

    wide: SSAValue
    bits: int
    unsigned: bool
    low: int | None = None
    high: int | None = None


def _packing(function: FunctionText, narrowing: Narrowing, lanes: int) -> _Packing | None:
    """How AVX2 packs what fits, or what is clamped to fit."""
    flags, bits = truncation(narrowing).split()[1:], _width(narrowing.results[0].type)
    if "avx2" not in function.features or lanes != _LANES or not flags:
        return None
    unsigned, value = flags[0] == "nuw", narrowing.operands[0]
    least, most = (0, (1 << bits) - 1) if unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)
    upper = value.owner
    if isinstance(upper, arith.MinSIOp) and isinstance(upper.lhs.owner, arith.MaxSIOp):
        lower, ends = upper.lhs.owner, (constant_of(upper.lhs.owner.rhs), constant_of(upper.rhs))
        if all(isinstance(end, int) and least <= end <= most for end in ends):
            low, high = (
                None if end == limit else end for end, limit in zip(ends, (least, most), strict=True)
            )
            return _Packing(lower.lhs, bits, unsigned, low, high)  # pyright: ignore[reportArgumentType]
    return _Packing(value, bits, unsigned)


def emit_narrowed(
    function: FunctionText, body: Block, narrowing: Narrowing, points: Sequence[tuple[str, ...]], lanes: int
) -> list[str]:
    """The body once per register, up to the narrowing; this once per group."""
    wide, result = narrowing.operands[0], narrowing.results[0]
    size = _WIDE // _width(result.type)
    packing = _packing(function, narrowing, lanes)
    made: list[str] = []
    for first in range(0, len(points), size):
        group = points[first : first + size]
        packed = packing if len(group) == size else None
        last = packed.wide if packed else wide
        registers = function.repeat(partial(_emit, function, body, lanes=lanes, last=last), group)
        if packed:
            whole = _packed(function, registers, packed)
        else:
            whole = _truncated(function, narrowing, registers, lanes)
        made += _parts(function, scalar_type(result.type), whole, len(group), lanes)
    return made


def _emit(function: FunctionText, body: Block, args: Sequence[str], *, lanes: int, last: SSAValue) -> str:
    return emit_scalar(function, body, args, lanes, last)


def _packed(function: FunctionText, registers: Sequence[str], how: _Packing) -> str:
    steps = [(16, how.unsigned)] if how.bits == 16 else [(16, False), (8, how.unsigned)]
    source = f"<{_LANES} x i{_WIDE}>"
    for bits, unsigned in steps:
        packed = f"<{_LANES * _WIDE // bits} x i{bits}>"
        name = f"llvm.x86.avx2.pack{_PACK[bits, unsigned]}"
        registers = [
            function.call(packed, name, [(source, a), (source, b)])
            for a, b in zip(registers[::2], registers[1::2], strict=True)
        ]
        source = packed
    count, bits, order = _IN_ORDER[how.bits]
    cast = function.let(f"bitcast {source} {registers[0]} to <{count} x i{bits}>")
    ordered = shuffle(function, f"<{count} x i{bits}>", cast, "poison", order)
    whole = function.let(f"bitcast <{count} x i{bits}> {ordered} to {source}")
    for name, end in (("max", how.low), ("min", how.high)):
        if end is not None:
            number = end - (1 << how.bits) if end >> how.bits - 1 == 1 else end
            function_name = (
                f"llvm.{'u' if how.unsigned else 's'}{name}.v{_LANES * _WIDE // how.bits}i{how.bits}"
            )
            constant = f"splat (i{how.bits} {number})"
            whole = function.call(source, function_name, [(source, whole), (source, constant)])
    return whole


def _truncated(function: FunctionText, narrowing: Narrowing, registers: list[str], lanes: int) -> str:
    """The registers side by side, two and two; an odd one is followed by anything."""
    source, to = (scalar_type(v.type) for v in (narrowing.operands[0], narrowing.results[0]))
    count = lanes
    while len(registers) > 1:
        registers = registers + ["poison"] * (len(registers) % 2)
        pairs = zip(registers[::2], registers[1::2], strict=True)
        registers = [shuffle(function, f"<{count} x {source}>", a, b, range(2 * count)) for a, b in pairs]
        count *= 2
    return function.let(f"{truncation(narrowing)} <{count} x {source}> {registers[0]} to <{count} x {to}>")


def _parts(function: FunctionText, element: str, whole: str, parts: int, lanes: int) -> list[str]:
    """Each register's share of `whole`."""
    if parts == 1:
        return [whole]
    type_ = f"<{lanes << (parts - 1).bit_length()} x {element}>"
    windows = (range(i * lanes, (i + 1) * lanes) for i in range(parts))
    return [shuffle(function, type_, whole, "poison", window) for window in windows]

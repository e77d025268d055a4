"""Maps that end in narrow integers: as many registers as become one are narrowed together.

Packing instructions take two registers and fill one. A register alone is shuffled into a part of one, which
costs as much and fills nothing; with AVX-512 that is one instruction, so there every register stays alone.
Packing saturates: a clamp to the range of the narrow type is left to it.
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

_PACKED_LANES, _PACKED_BITS = 8, (32, 8)
"""What four registers of AVX2 are packed from and to."""
_IN_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)
"""Packing works in halves of registers; this puts the words of four packed registers in their order."""


def final_narrowing(function: FunctionText, body: Block) -> Narrowing | None:
    """What makes the value that `body` yields, if that is worth doing with other registers' values."""
    last = body.last_op
    made = last.operands[0].owner if last is not None and last.operands else None
    if not isinstance(made, Narrowing) or "avx512f" in function.features:
        return None
    return made if _width(made.operands[0].type) == 32 and _width(made.results[0].type) > 1 else None


def _width(type_: Attribute) -> int:
    assert isinstance(type_, IntegerType)
    return type_.width.data


class _Packing(NamedTuple):
    """Registers of `wide` values become bytes, saturated to unsigned or signed ones."""

    wide: SSAValue
    unsigned: bool


def _packing(function: FunctionText, narrowing: Narrowing, lanes: int) -> _Packing | None:
    """How AVX2 packs what fits into bytes, or what is clamped to fit."""
    bits = _width(narrowing.operands[0].type), _width(narrowing.results[0].type)
    flags = truncation(narrowing).split()[1:]
    if "avx2" not in function.features or lanes != _PACKED_LANES or bits != _PACKED_BITS or not flags:
        return None
    unsigned = flags[0] == "nuw"
    low, high = (0, 255) if unsigned else (-128, 127)
    wide, least = narrowing.operands[0], narrowing.operands[0].owner
    most = least.lhs.owner if isinstance(least, arith.MinSIOp) and constant_of(least.rhs) == high else None
    if isinstance(most, arith.MaxSIOp) and constant_of(most.rhs) == low:
        wide = most.lhs
    return _Packing(wide, unsigned)


def emit_narrowed(
    function: FunctionText, body: Block, narrowing: Narrowing, points: Sequence[tuple[str, ...]], lanes: int
) -> list[str]:
    """The body once per register, up to the narrowing; this once per group."""
    wide, result = narrowing.operands[0], narrowing.results[0]
    size = _width(wide.type) // _width(result.type)
    packing = _packing(function, narrowing, lanes)
    made: list[str] = []
    for first in range(0, len(points), size):
        group = points[first : first + size]
        packed = packing if len(group) == size else None
        last = packed.wide if packed else wide
        registers = function.repeat(partial(_emit, function, body, lanes=lanes, last=last), group)
        if packed:
            whole = _packed(function, registers, packed.unsigned)
        else:
            whole = _truncated(function, narrowing, registers, lanes)
        made += _parts(function, scalar_type(result.type), whole, len(group), lanes)
    return made


def _emit(function: FunctionText, body: Block, args: Sequence[str], *, lanes: int, last: SSAValue) -> str:
    return emit_scalar(function, body, args, lanes, last)


def _packed(function: FunctionText, registers: Sequence[str], unsigned: bool) -> str:
    words, halves = f"<{_PACKED_LANES} x i32>", f"<{2 * _PACKED_LANES} x i16>"
    pairs = [
        function.call(halves, "llvm.x86.avx2.packssdw", [(words, a), (words, b)])
        for a, b in zip(registers[::2], registers[1::2], strict=True)
    ]
    name = "llvm.x86.avx2.packuswb" if unsigned else "llvm.x86.avx2.packsswb"
    bytes_ = f"<{4 * _PACKED_LANES} x i8>"
    packed = function.call(bytes_, name, [(halves, pair) for pair in pairs])
    cast = function.let(f"bitcast {bytes_} {packed} to {words}")
    ordered = shuffle(function, words, cast, "poison", _IN_ORDER)
    return function.let(f"bitcast {words} {ordered} to {bytes_}")


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

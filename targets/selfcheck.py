"""Every declared instruction against its meaning: the machine's result and the body's, on random and corner
operands; and the assembly for its own target against the mnemonic it promises.

Integers must agree exactly. A float body may be rounded after every operation or only once, and a reduction
may run in any order, so a result may differ from the body in f64 by one rounding of each operation's
magnitude; a body without rounding (maximum) must agree exactly, zeros' signs included. An instruction that
flushes may also take denormal operands and results as zero. Where sums overflow, the order decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import AnyFloat, VectorType
from xdsl.ir import Attribute, SSAValue

from ..dialects.errors import TenonError
from ..dialects.nn.dtypes import numpy_dtype
from ..dialects.reference import evaluate_body
from ..dialects.reference.scalar import evaluate_ops
from ..dialects.tensorized import InstructionOp, RangeAttr, YieldOp
from .attach_target import declared_instructions
from .llvm.codegen import emit_assembly, unknown_calls
from .llvm.instruction import is_specific
from .llvm.sample import is_emulated, run_instruction, stream_text
from .record import TargetRecord, host

HARDWARE, EMULATED, ASSEMBLED = "hardware", "emulated", "assembled only"

_ROUNDING = (arith.AddfOp, arith.SubfOp, arith.MulfOp, arith.DivfOp, arith.TruncFOp, arith.SIToFPOp)
_RANDOM_SAMPLES = 256
_SMALLEST_NORMAL = 2.0**-126  # of f32 and bf16 alike
_CORNERS = (0.0, 1.0, 1.5, 3e38, 1.2e-38, 1e-39, 1e-45, 1e-3, np.inf)


@dataclass(frozen=True)
class Verdict:
    """`status`: the instruction ran on this CPU (hardware), others in its place that LLVM or the emitter made
    of its meaning (emulated), or only its assembly was seen (assembled)."""

    instruction: str
    status: str


def check_target(record: TargetRecord, seed: int = 0) -> list[Verdict]:
    """Checks every instruction of a target; raises `TenonError` for the first that breaks its promise."""
    return [
        Verdict(i.sym_name.data, check_instruction(i, record, seed)) for i in declared_instructions(record)
    ]


def check_instruction(instruction: InstructionOp, record: TargetRecord, seed: int = 0) -> str:
    """The status of one instruction, or a `TenonError` with the operands for which it errs."""
    _check_intrinsics(instruction, record)
    check_assembly(instruction, record)
    status = _status(instruction, record)
    if status != ASSEMBLED:
        operands = sample_operands(instruction, seed)
        ran = run_instruction(instruction, operands, host(), is_emulated(instruction, record))
        check_result(instruction, operands, ran)
    return status


def _check_intrinsics(instruction: InstructionOp, record: TargetRecord) -> None:
    """To LLVM a misspelled intrinsic is one more function somewhere else."""
    name, text = instruction.sym_name.data, stream_text(instruction, record, is_emulated(instruction, record))
    try:
        unknown = unknown_calls(text, record)
    except TenonError as error:
        raise TenonError(f"instruction @{name}: {error}") from error
    if unknown:
        raise TenonError(f"instruction @{name} on {record.name}: llvm knows no {', '.join(unknown)}")


def _status(instruction: InstructionOp, record: TargetRecord) -> str:
    if is_emulated(instruction, record):
        return EMULATED
    if instruction.features <= host().enabled:
        return HARDWARE
    # A generic intrinsic exists everywhere; one of an architecture (llvm.x86....) only with its feature.
    return ASSEMBLED if is_specific(instruction) else EMULATED


def check_assembly(instruction: InstructionOp, record: TargetRecord) -> None:
    """The code for `record` must hold a mnemonic of the instruction, unless LLVM or the emitter
    makes it of others there; encodings since AVX put a v before it."""
    if instruction.mnemonic is None or not instruction.features <= record.enabled:
        return
    wanted = instruction.mnemonic.data.split(",")
    assembly = emit_assembly(stream_text(instruction, record), record)
    opcodes = re.findall(r"^\t(?:{\w+}\t)?([a-z]\w*)\t", assembly, re.MULTILINE)
    if not any(opcode.startswith((*wanted, *("v" + w for w in wanted))) for opcode in opcodes):
        name, found = instruction.sym_name.data, ", ".join(sorted(set(opcodes)))
        raise TenonError(
            f"instruction @{name} on {record.name}: no {' or '.join(wanted)} in the assembly, only {found}"
        )


def sample_operands(instruction: InstructionOp, seed: int) -> list[np.ndarray]:
    """Arrays of shape (samples, lanes): all combinations of corner values, corner values at random, so that
    the steps of a reduction differ, and random ones."""
    rng = np.random.default_rng(seed)
    valid = instruction.operand_ranges
    corners = [_corners(r.element_type, v) for r, v in zip(instruction.registers, valid, strict=True)]
    combined = list(zip(*product(*corners), strict=True))
    return [
        _registers(r, values, own, rng)
        for r, values, own in zip(instruction.registers, combined, corners, strict=True)
    ]


def _corners(element: Attribute, valid: RangeAttr | None) -> np.ndarray:
    """Values at which instructions err, of those an operand may have; the least and largest integers too."""
    dtype = numpy_dtype(element)
    if isinstance(element, AnyFloat):
        with np.errstate(over="ignore"):
            return np.array([s * v for v in _CORNERS for s in (1, -1)] + [np.nan]).astype(dtype)
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    if valid is not None:
        low, high = valid.low.data, valid.high.data
    return np.array([low, low + 1, -1, 0, 1, high - 1, high], dtype)


def _registers(
    register: VectorType, combined: Sequence, corners: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    lanes, dtype = register.get_shape()[0], numpy_dtype(register.element_type)
    # Each combination in every lane: a lane that computes something else is found whatever it is.
    first = np.repeat(np.array(combined, dtype)[:, None], lanes, axis=1)
    shape = (_RANDOM_SAMPLES, lanes)
    mixed = rng.choice(corners, shape)
    if dtype.kind == "i":
        rest = rng.integers(corners.min(), corners.max(), shape, dtype, endpoint=True)
    else:
        rest = (rng.standard_normal(shape) * 2.0 ** rng.integers(-4, 5, shape)).astype(dtype)
    return np.concatenate([first, mixed, rest])


def reference(
    instruction: InstructionOp, operands: Sequence[np.ndarray], backwards: bool = False
) -> np.ndarray:
    """The instruction's meaning on operands of shape (samples, lanes): the body at every point of its loops,
    reductions in order, or `backwards`. Float operands may be wider than declared; the result is then wider
    too."""
    result = operands[instruction.accumulator.data].copy()
    points = list(_points(instruction))
    for lanes in reversed(points) if backwards else points:
        read = [o[:, lane] for o, lane in zip(operands, lanes, strict=True)]
        target = lanes[instruction.accumulator.data]
        read[instruction.accumulator.data] = result[:, target]
        (result[:, target],) = evaluate_body(instruction.body.block, read)
    return result


def _points(instruction: InstructionOp) -> Iterator[list[int]]:
    """Lane of each operand at every loop index, the last loop fastest."""
    accesses = [m.data for m in instruction.maps]
    for index in product(*map(range, instruction.extents)):
        yield [access.eval(list(index), [])[0] for access in accesses]


def check_result(instruction: InstructionOp, operands: Sequence[np.ndarray], got: np.ndarray) -> None:
    """Raises `TenonError` where `got` is neither the body's value nor within its rounding."""
    exact = reference(instruction, operands)
    right = _same(got, exact) | _undefined(instruction, operands)
    if got.dtype.kind == "f" and _roundings(instruction):
        seen = [operands] if instruction.flushes is None else [operands, [*map(_flushed, operands)]]
        for given in seen:
            right |= _same(got, reference(instruction, given, backwards=True))
            right |= _within_rounding(instruction, given, got)
            for backwards in (False, True):
                right |= _same(got, reference(instruction, _fused(instruction, given), backwards))
    if not right.all():
        sample, lane = np.argwhere(~right)[0]
        given = ", ".join(str(o[sample].tolist()) for o in operands)
        raise TenonError(
            f"instruction @{instruction.sym_name.data} gives {got[sample, lane]} in lane {lane}, "
            f"expected {exact[sample, lane]}, for {given}"
        )


def _undefined(instruction: InstructionOp, operands: Sequence[np.ndarray]) -> np.ndarray:
    """Where an elementwise body converts a float beyond the integers of the result's type: any value is
    right."""
    undefined = np.zeros(operands[instruction.accumulator.data].shape, bool)
    if instruction.writes is None:
        return undefined
    block = instruction.body.block
    for op in block.ops:
        if isinstance(op, arith.FPToSIOp):
            width = numpy_dtype(op.result.type).itemsize * 8
            for lanes in _points(instruction):
                read = [o[:, lane] for o, lane in zip(operands, lanes, strict=True)]
                values: dict[SSAValue, np.ndarray] = dict(zip(block.args, read, strict=True))
                evaluate_ops((o for o in block.ops if not isinstance(o, YieldOp)), values)
                given = values[op.input].astype(np.float64)
                undefined[:, lanes[-1]] |= ~(np.abs(given) < 2.0 ** (width - 1))
    return undefined


def _same(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Equal, zeros by their sign; any NaN equals any other."""
    if x.dtype.kind != "f":
        return x == y
    return ((x == y) & (np.signbit(x) == np.signbit(y))) | (np.isnan(x) & np.isnan(y))


def _roundings(instruction: InstructionOp) -> int:
    """Roundings of one element of the result."""
    steps = [loop.extent.data for loop in instruction.loops if loop.kind.data == "reduction"]
    return math.prod(steps) * sum(isinstance(op, _ROUNDING) for op in instruction.body.block.ops)


def _fused(instruction: InstructionOp, operands: Sequence[np.ndarray]) -> list[np.ndarray]:
    """All but the accumulator as f64, so that only what it becomes is rounded."""
    place = instruction.accumulator.data
    return [o if i == place else o.astype(np.float64) for i, o in enumerate(operands)]


def _flushed(x: np.ndarray) -> np.ndarray:
    """Denormals as zeros of their sign."""
    if x.dtype.kind in "iub":
        return x
    wide = x.astype(np.float64)
    return np.where(np.abs(wide) < _SMALLEST_NORMAL, np.copysign(0.0, wide), wide).astype(x.dtype)


def _within_rounding(
    instruction: InstructionOp, operands: Sequence[np.ndarray], got: np.ndarray
) -> np.ndarray:
    """Where `got` is the body's value in f64, but for as many roundings of its magnitude."""
    wide = reference(instruction, [o.astype(np.float64) for o in operands])
    magnitude = reference(instruction, [np.abs(o.astype(np.float64)) for o in operands])
    info = np.finfo(got.dtype)
    smallest = float(info.smallest_subnormal if instruction.flushes is None else info.smallest_normal)
    bound = _roundings(instruction) * (info.eps / 2 * magnitude + smallest)
    with np.errstate(over="ignore", invalid="ignore"):
        close = np.abs(got.astype(np.float64) - wide) <= bound
        return close | _same(got, wide.astype(got.dtype))

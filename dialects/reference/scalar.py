"""Scalar code (arith and math ops) evaluated on whole arrays.

Arithmetic rounds after every op, as the hardware does; transcendental functions are evaluated in f64 and
rounded once. Integers wrap around; what MLIR leaves undefined (a shift past the width, a float out of an
integer's range) has some value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from xdsl.dialects import arith, llvm, math, tensor
from xdsl.dialects.builtin import FloatAttr, IntegerAttr
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import IsTerminator
from xdsl.utils.exceptions import InterpretationError

from ..nn.dtypes import numpy_dtype
from ..nn.numeric import erf, integer_divide, maximum, minimum

Evaluate = Callable[..., Any]
"""Takes the op and an array per operand, returns the array of its result."""


def _signed(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    return -x.astype(np.int8) if x.dtype.kind == "b" else x.astype(f"i{x.dtype.itemsize}")


def unsigned(x: np.ndarray) -> np.ndarray:
    """The same bits read without a sign."""
    x = np.asarray(x)
    return x.astype(np.uint8) if x.dtype.kind == "b" else x.astype(f"u{x.dtype.itemsize}")


def _integer_result(value: np.ndarray, op: Operation) -> np.ndarray:
    dtype = numpy_dtype(op.results[0].type)
    return (value & 1).astype(bool) if dtype.kind == "b" else value.astype(dtype)


def _integer(f: Evaluate, view: Evaluate = _signed) -> Evaluate:
    """`f` on the operands read as signed or unsigned, wrapped to the result's width."""
    return lambda op, *xs: _integer_result(f(*map(view, xs)), op)


def _float(f: Evaluate) -> Evaluate:
    return lambda op, *xs: f(*xs)


def _wide(f: Evaluate) -> Evaluate:
    """`f` in f64, rounded once."""
    return lambda op, *xs: f(*(np.asarray(x, np.float64) for x in xs)).astype(numpy_dtype(op.results[0].type))


def _convert(op: Operation, x: np.ndarray) -> np.ndarray:
    return np.asarray(x).astype(numpy_dtype(op.results[0].type))


def _extend(op: Operation, x: np.ndarray) -> np.ndarray:
    """Wider than declared stays as wide: operands may be, to learn what rounding does."""
    x, dtype = np.asarray(x), numpy_dtype(op.results[0].type)
    return x if x.dtype.itemsize > dtype.itemsize else x.astype(dtype)


def _convert_from(view: Evaluate) -> Evaluate:
    return lambda op, x: view(x).astype(numpy_dtype(op.results[0].type))


def _to_unsigned(op: Operation, x: np.ndarray) -> np.ndarray:
    # Through i64, so that values past the signed maximum of the target keep their bits.
    return _integer_result(np.asarray(x).astype(np.int64), op)


def _constant(op: arith.ConstantOp) -> np.ndarray:
    if not isinstance(op.value, FloatAttr | IntegerAttr):
        raise InterpretationError(f"constant {op.value} is no scalar")
    value = op.value.value.data
    dtype = numpy_dtype(op.result.type)
    return np.asarray(value).astype(dtype) if dtype.kind != "b" else np.asarray(bool(value))


def _fma(op: math.FmaOp, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    wide = np.longdouble if np.asarray(a).dtype == np.float64 else np.float64
    a, b, c = (np.asarray(x).astype(wide) for x in (a, b, c))
    return (a * b + c).astype(numpy_dtype(op.result.type))


def _round_half_away(x: np.ndarray) -> np.ndarray:
    return np.copysign(np.floor(np.abs(x) + 0.5), x)


_ORDERS = (np.equal, np.greater, np.greater_equal, np.less, np.less_equal, np.not_equal)


def _cmpf(op: arith.CmpfOp, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Predicates: 0 false, 1-6 ordered comparisons, 7 ord, 8-13 unordered comparisons, 14 uno, 15 true.
    predicate = op.predicate.value.data
    unordered = np.isnan(x) | np.isnan(y)
    if predicate in (0, 15):
        return np.full_like(unordered, predicate == 15)
    if predicate in (7, 14):
        return unordered == (predicate == 14)
    if predicate < 7:
        return _ORDERS[predicate - 1](x, y) & ~unordered
    return _ORDERS[predicate - 8](x, y) | unordered


_INTEGER_ORDERS = (np.less, np.less_equal, np.greater, np.greater_equal)


def _cmpi(op: arith.CmpiOp, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # Predicates: 0 eq, 1 ne, 2-5 signed, 6-9 unsigned.
    predicate = op.predicate.value.data
    if predicate < 2:
        return (np.equal, np.not_equal)[predicate](x, y)
    view = _signed if predicate < 6 else unsigned
    return _INTEGER_ORDERS[(predicate - 2) % 4](view(x), view(y))


_FLOAT_ARITHMETIC: dict[type[Operation], Evaluate] = {
    arith.AddfOp: np.add,
    arith.SubfOp: np.subtract,
    arith.MulfOp: np.multiply,
    arith.DivfOp: np.divide,
    arith.NegfOp: np.negative,
    arith.MaximumfOp: maximum,
    arith.MinimumfOp: minimum,
    arith.MaxnumfOp: np.fmax,
    arith.MinnumfOp: np.fmin,
    math.AbsFOp: np.abs,
    math.FloorOp: np.floor,
    math.CeilOp: np.ceil,
    math.TruncOp: np.trunc,
    math.RoundEvenOp: np.rint,
    math.SqrtOp: np.sqrt,
    math.CopySignOp: np.copysign,
    llvm.FRemOp: np.fmod,
}
_SIGNED: dict[type[Operation], Evaluate] = {
    arith.AddiOp: np.add,
    arith.SubiOp: np.subtract,
    arith.MuliOp: np.multiply,
    arith.AndIOp: np.bitwise_and,
    arith.OrIOp: np.bitwise_or,
    arith.XOrIOp: np.bitwise_xor,
    arith.ShLIOp: np.left_shift,
    arith.ShRSIOp: np.right_shift,
    arith.DivSIOp: integer_divide,
    arith.MaxSIOp: np.maximum,
    arith.MinSIOp: np.minimum,
    arith.RemSIOp: lambda x, y: np.fmod(x, np.where(y == 0, 1, y).astype(x.dtype)),
    math.AbsIOp: np.abs,
}
_UNSIGNED: dict[type[Operation], Evaluate] = {
    arith.ShRUIOp: np.right_shift,
    arith.DivUIOp: lambda x, y: x // np.where(y == 0, 1, y).astype(x.dtype),
    arith.RemUIOp: lambda x, y: x % np.where(y == 0, 1, y).astype(x.dtype),
    arith.MaxUIOp: np.maximum,
    arith.MinUIOp: np.minimum,
}
_TRANSCENDENTAL: dict[type[Operation], Evaluate] = {
    math.ExpOp: np.exp,
    math.Exp2Op: np.exp2,
    math.ExpM1Op: np.expm1,
    math.LogOp: np.log,
    math.Log2Op: np.log2,
    math.Log10Op: np.log10,
    math.Log1pOp: np.log1p,
    math.PowFOp: np.power,
    math.SinOp: np.sin,
    math.CosOp: np.cos,
    math.TanOp: np.tan,
    math.TanhOp: np.tanh,
    math.SinhOp: np.sinh,
    math.CoshOp: np.cosh,
    math.AsinOp: np.arcsin,
    math.AcosOp: np.arccos,
    math.AtanOp: np.arctan,
    math.AsinhOp: np.arcsinh,
    math.AcoshOp: np.arccosh,
    math.AtanhOp: np.arctanh,
    math.Atan2Op: np.arctan2,
    math.ErfOp: erf,
    math.CbrtOp: np.cbrt,
    math.RsqrtOp: lambda x: 1 / np.sqrt(x),
    math.RoundOp: _round_half_away,
}

EVALUATIONS: dict[type[Operation], Evaluate] = {
    arith.ConstantOp: _constant,
    arith.CmpfOp: _cmpf,
    arith.CmpiOp: _cmpi,
    arith.SelectOp: lambda op, condition, x, y: np.where(condition, x, y),
    arith.ExtFOp: _extend,
    arith.TruncFOp: _convert,
    arith.SIToFPOp: _convert_from(_signed),
    arith.UIToFPOp: _convert_from(unsigned),
    arith.FPToSIOp: _to_unsigned,
    arith.FPToUIOp: _to_unsigned,
    arith.ExtSIOp: _integer(lambda x: x),
    arith.TruncIOp: _integer(lambda x: x),
    llvm.TruncOp: _integer(lambda x: x),
    arith.ExtUIOp: _convert_from(unsigned),
    arith.IndexCastOp: _integer(lambda x: x),
    arith.BitcastOp: lambda op, x: np.asarray(x).view(numpy_dtype(op.results[0].type)),
    math.FmaOp: _fma,
    tensor.ExtractOp: lambda op, table, *indices: table[tuple(indices)],
}
EVALUATIONS |= {op: _float(f) for op, f in _FLOAT_ARITHMETIC.items()}
EVALUATIONS |= {op: _integer(f) for op, f in _SIGNED.items()}
EVALUATIONS |= {op: _integer(f, unsigned) for op, f in _UNSIGNED.items()}
EVALUATIONS |= {op: _wide(f) for op, f in _TRANSCENDENTAL.items()}


def evaluate_ops(ops: Iterable[Operation], values: dict[SSAValue, np.ndarray]) -> None:
    """Run scalar ops in order on arrays that broadcast; adds each result to `values`."""
    with np.errstate(all="ignore"):
        for op in ops:
            evaluate = EVALUATIONS.get(type(op))
            if evaluate is None:
                raise InterpretationError(f"no scalar interpretation of {op.name}")
            values[op.results[0]] = evaluate(op, *(values[operand] for operand in op.operands))


Captured = Mapping[SSAValue, np.ndarray]
"""Tensors from outside a body that it looks elements up in."""


def captured_values(block: Block) -> list[SSAValue]:
    """The values from outside that the ops of a body use, each once."""
    inside = {result for op in block.ops for result in op.results} | set(block.args)
    return [v for v in dict.fromkeys(v for op in block.ops for v in op.operands) if v not in inside]


def evaluate_body(
    block: Block, args: Sequence[np.ndarray], captured: Captured | None = None
) -> list[np.ndarray]:
    """The operands of the block's terminator, for one array per block argument; arrays broadcast."""
    terminator = block.last_op
    assert terminator is not None and terminator.has_trait(IsTerminator)
    values: dict[SSAValue, np.ndarray] = dict(zip(block.args, args, strict=True))
    values.update(captured or {})
    evaluate_ops((op for op in block.ops if op is not terminator), values)
    return [values[operand] for operand in terminator.operands]

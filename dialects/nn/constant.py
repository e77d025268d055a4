"""Constants, and which values are known at compile time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from xdsl.dialects.builtin import AnyFloat, DenseIntOrFPElementsAttr, TensorType
from xdsl.ir import Block, Operation, SSAValue
from xdsl.irdl import IRDLOperation, base, irdl_op_definition, prop_def, result_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import ConstantLike, Pure
from xdsl.utils.exceptions import VerifyException

from ..errors import TenonError
from .attributes import WeightAttr
from .base import NNOperation
from .dense_text import parse_value, print_value
from .dtypes import SMALL_FLOATS, dense_array, dense_attribute, numpy_dtype
from .weights import WeightStore

MAX_DENSE = 16
"""Larger constants live in the weight store and are named by digest."""


@irdl_op_definition
class ConstantOp(IRDLOperation):
    """A tensor known at compile time, small in the IR or named in the weight store.

    ```mlir
    %half = nn.constant dense<5.000000e-01> : tensor<f32>
    %w = nn.constant #nn.weight<"<64 hexadecimal digits>", tensor<64x64x3x3xf32>>
    ```
    """

    name = "nn.constant"
    value = prop_def(base(WeightAttr) | base(DenseIntOrFPElementsAttr))
    result = result_def(TensorType)
    traits = traits_def(Pure(), ConstantLike())

    def __init__(self, value: WeightAttr | DenseIntOrFPElementsAttr):
        if not isinstance(value, WeightAttr | DenseIntOrFPElementsAttr):
            raise TenonError(f"constant is {value}, expected #nn.weight or dense<>")
        super().__init__(result_types=[value.type], properties={"value": value})

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        print_value(self.value, printer)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> ConstantOp:
        start = parser.pos
        value = parse_value(parser)
        if not isinstance(value, WeightAttr | DenseIntOrFPElementsAttr):
            parser.raise_error("expected #nn.weight or dense<>", start, parser.pos)
        op = cls(value)
        op.attributes |= parser.parse_optional_attr_dict()
        return op

    def verify_(self) -> None:
        if self.result.type != self.value.type:
            raise VerifyException(f"result has type {self.result.type}, expected {self.value.type}")


def constant(store: WeightStore, array: np.ndarray) -> ConstantOp:
    """`array` as a constant: `dense<>` up to MAX_DENSE elements, else put into `store`."""
    array = np.asarray(array)
    return ConstantOp(dense_attribute(array) if _is_dense(array) else store.put(array))


def _is_dense(array: np.ndarray) -> bool:
    """An empty dense<> does not parse back, nor (xDSL 0.74) an infinity or NaN in one of 8-bit floats."""
    small_float = array.dtype.name in SMALL_FLOATS or array.dtype.name == "float8_e8m0fnu"
    if small_float and not np.isfinite(array.astype(np.float32)).all():
        return False
    return 0 < array.size <= MAX_DENSE


def scalar(value: float | int, like: TensorType) -> ConstantOp:
    """A rank-0 constant of the element type of `like`."""
    return ConstantOp(dense_attribute(np.asarray(value, numpy_dtype(like.element_type)), like.element_type))


def one_number(value: SSAValue) -> float | None:
    """The number that every element of a small constant of floats is; None for any other value."""
    owner = value.owner
    if not isinstance(owner, ConstantOp) or not isinstance(owner.value, DenseIntOrFPElementsAttr):
        return None
    if not isinstance(owner.value.get_element_type(), AnyFloat):
        return None
    numbers = dense_array(owner.value).reshape(-1).astype(np.float64)
    return float(numbers[0]) if len({number.tobytes() for number in numbers}) == 1 else None


def is_compile_time(value: SSAValue) -> bool:
    """Whether `value` is a constant, or made by nn ops from constants alone."""
    pending, seen = [value], {value}
    while pending:
        owner = pending.pop().owner
        if isinstance(owner, ConstantOp):
            continue
        if isinstance(owner, Block) or not isinstance(owner, NNOperation):
            return False
        new = [operand for operand in owner.operands if operand not in seen]
        seen.update(new)
        pending += new
    return True


def compile_time_values(ops: Iterable[Operation]) -> set[SSAValue]:
    """All compile-time results among `ops`, in one sweep; ops come in order of dominance (Operation.walk)."""
    found: set[SSAValue] = set()
    for op in ops:
        if isinstance(op, ConstantOp) or (isinstance(op, NNOperation) and found.issuperset(op.operands)):
            found.update(op.results)
    return found

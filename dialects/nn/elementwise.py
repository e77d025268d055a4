"""Elementwise ops: one op for all functions, and the cast."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import AnyFloat, IntegerType, StringAttr, TensorType, i1
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import irdl_op_definition, operand_def, prop_def, var_operand_def

from ..errors import TenonError
from .base import NNOperation, same_element, shape_text, tensor_of
from .dtypes import POWERS_OF_TWO, numpy_dtype
from .functions import ELEMENTWISE, Function


def _number(fn: str, types: list[TensorType]) -> Attribute:
    element = same_element(fn, *types)
    if element == i1:
        raise TenonError(f"{fn}: element type i1 is not a number")
    return element


def _float(fn: str, types: list[TensorType]) -> Attribute:
    element = same_element(fn, *types)
    if not isinstance(element, AnyFloat):
        raise TenonError(f"{fn}: element type {element} is not a float type")
    return element


def _integer(fn: str, types: list[TensorType]) -> Attribute:
    element = same_element(fn, *types)
    if not isinstance(element, IntegerType) or element == i1:
        raise TenonError(f"{fn}: element type {element} is not an integer type")
    return element


def _logic(fn: str, types: list[TensorType]) -> Attribute:
    if same_element(fn, *types) != i1:
        raise TenonError(f"{fn}: element type {types[0].element_type}, expected i1")
    return i1


def _compare(fn: str, types: list[TensorType]) -> Attribute:
    same_element(fn, *types)
    return i1


def _where(fn: str, types: list[TensorType]) -> Attribute:
    if types[0].element_type != i1:
        raise TenonError(f"{fn}: the condition has element type {types[0].element_type}, expected i1")
    return same_element(fn, *types[1:])


_RULES: dict[str, Callable[[str, list[TensorType]], Attribute]] = {
    "number": _number,
    "float": _float,
    "integer": _integer,
    "logic": _logic,
    "compare": _compare,
    "where": _where,
}
"""Type rule of a function -> check of the operands' element types, returning the result's."""


def broadcast_shape(op: str, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """numpy broadcasting; TenonError where the shapes do not broadcast."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise TenonError(f"{op}: shapes {', '.join(map(shape_text, shapes))} do not broadcast") from None


@irdl_op_definition
class ElementwiseOp(NNOperation):
    """A function of the table ELEMENTWISE, element by element, with numpy broadcasting.

    ```mlir
    %y = nn.elementwise add(%x, %b) : (tensor<1x64x56x56xf32>, tensor<64x1x1xf32>) -> tensor<1x64x56x56xf32>
    ```
    Parameters (a slope, bounds) are operands, so that kernels can take them as arguments. What each function
    does on NaN, zeros and integers stands in functions.py.
    """

    name = "nn.elementwise"
    fn = prop_def(StringAttr)
    inputs = var_operand_def(TensorType)
    KIND: ClassVar = "fn"

    def __init__(self, fn: str, *operands: SSAValue | Operation):
        super().__init__(
            operands=[operands],
            properties=self.properties_of(fn=fn),
            result_types=[_elementwise_type(fn, [tensor_of(x) for x in operands])],
        )

    @property
    def function(self) -> Function:
        return ELEMENTWISE[self.fn.data]

    def infer_type(self) -> TensorType:
        return _elementwise_type(self.fn.data, [tensor_of(x) for x in self.inputs])


def _elementwise_type(fn: str, types: list[TensorType]) -> TensorType:
    function = ELEMENTWISE.get(fn)
    if function is None:
        raise TenonError(f"elementwise function '{fn}' is unknown, expected one of {', '.join(ELEMENTWISE)}")
    if len(types) != function.arity:
        raise TenonError(f"{fn}: got {len(types)} operands, expected {function.arity}")
    element = _RULES[function.rule](fn, types)
    return TensorType(element, broadcast_shape(fn, [t.get_shape() for t in types]))


@irdl_op_definition
class CastOp(NNOperation):
    """Converts every element to the result's element type.

    ```mlir
    %y = nn.cast(%x) : (tensor<4xf32>) -> tensor<4xi32>
    ```
    Float to integer truncates towards zero (undefined out of range, and for NaN); to a narrower float it
    rounds to the nearest, ties to even; to a narrower integer it wraps around; to i1 it asks for non-zero. To
    a float of 8 bits, what is out of range becomes infinity or NaN, whichever the type has, and to one of 4
    bits its largest number.
    To bf16 a target may take f32 denormals as zeros of their sign: AVX-512 has only such an instruction.
    """

    name = "nn.cast"
    x = operand_def(TensorType)
    MOVES: ClassVar = True

    def __init__(self, x: SSAValue | Operation, element_type: Attribute):
        super().__init__(operands=[x], result_types=[_cast_type(tensor_of(x), element_type)])

    def infer_type(self) -> TensorType:
        return _cast_type(tensor_of(self.x), self.type.element_type)


def _cast_type(x: TensorType, element: Attribute) -> TensorType:
    numpy_dtype(element)
    if POWERS_OF_TWO in (x.element_type, element) and x.element_type != element:
        raise TenonError(f"cast: {POWERS_OF_TWO} has no cast, its bits are exponents")
    return TensorType(element, x.get_shape())


@irdl_op_definition
class BitcastOp(NNOperation):
    """The bits of every element read as another type of the same width; i1 is a byte of 0 or 1.

    ```mlir
    %y = nn.bitcast(%x) : (tensor<4xf32>) -> tensor<4xui32>
    ```
    """

    name = "nn.bitcast"
    x = operand_def(TensorType)
    MOVES: ClassVar = True

    def __init__(self, x: SSAValue | Operation, element_type: Attribute):
        super().__init__(operands=[x], result_types=[_bitcast_type(tensor_of(x), element_type)])

    def infer_type(self) -> TensorType:
        return _bitcast_type(tensor_of(self.x), self.type.element_type)


def _bitcast_type(x: TensorType, element: Attribute) -> TensorType:
    source, to = numpy_dtype(x.element_type), numpy_dtype(element)
    if source.itemsize != to.itemsize:
        raise TenonError(f"bitcast: {source} has {source.itemsize} bytes an element, {to} {to.itemsize}")
    return TensorType(element, x.get_shape())

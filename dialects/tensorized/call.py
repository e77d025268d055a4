"""The calls that run kernels."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    DenseIntOrFPElementsAttr,
    MemRefType,
    ShapedType,
    SymbolRefAttr,
    TensorType,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, var_operand_def, var_result_def
from xdsl.traits import SymbolTable
from xdsl.utils.exceptions import VerifyException

from ..nn.constant import ConstantOp
from ..nn.dtypes import dense_array
from .kernel import KernelOp
from .range import RangeAttr


def _size(value: Attribute) -> tuple[Attribute, int]:
    if not isinstance(value, TensorType | MemRefType):
        raise VerifyException(f"a kernel takes tensors or memrefs, not {value}")
    assert isinstance(value, ShapedType)
    count = 1
    for extent in value.get_shape():
        count *= extent
    return value.element_type, count


@irdl_op_definition
class CallOp(IRDLOperation):
    """Runs a kernel: `%y = tensorized.call @conv_0(%x, %w) : (tensor<...>, tensor<...>) -> tensor<...>`.

    Operands are taken row-major: a shape may differ from the kernel argument's as long as element type
    and count agree. After `plan-memory` it passes memrefs, the output last, and returns nothing.
    """

    name = "tensorized.call"
    kernel = prop_def(SymbolRefAttr)
    arguments = var_operand_def(TensorType | MemRefType)
    results_ = var_result_def(TensorType)
    assembly_format = "$kernel `(` $arguments `)` attr-dict `:` functional-type($arguments, $results_)"

    def __init__(self, kernel: str, arguments: Sequence[SSAValue], results: Sequence[Attribute]):
        super().__init__(
            operands=[arguments], result_types=[results], properties={"kernel": SymbolRefAttr(kernel)}
        )

    def callee(self) -> KernelOp:
        found = SymbolTable.lookup_symbol(self, self.kernel)
        if not isinstance(found, KernelOp):
            raise VerifyException(f"unknown kernel {self.kernel}")
        return found

    def verify_(self) -> None:
        callee = self.callee()
        given = [v.type for v in (*self.arguments, *self.results_)]
        wanted = [*callee.function_type.inputs, *callee.function_type.outputs]
        if len(given) != len(wanted):
            raise VerifyException(
                f"{self.kernel} takes and returns {len(wanted)} values, the call has {len(given)}"
            )
        for i, (have, want) in enumerate(zip(given, wanted)):
            if _size(have) != _size(want):
                raise VerifyException(f"{self.kernel}: value {i} is {have}, the kernel's is {want}")
        for i, (value, known) in enumerate(zip(self.arguments, callee.argument_ranges)):
            if known is not None and isinstance(value.owner, ConstantOp):
                self._verify_constant(i, value.owner, known)

    def _verify_constant(self, i: int, constant: ConstantOp, known: RangeAttr) -> None:
        """What is written in the IR lies within what the kernel says of it."""
        if isinstance(constant.value, DenseIntOrFPElementsAttr):
            array = dense_array(constant.value)
            wrong = array[(array < known.low.data) | (array > known.high.data)]
            if wrong.size:
                raise VerifyException(f"{self.kernel}: value {i} holds {wrong[0]}, not within {known.text}")

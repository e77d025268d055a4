"""Elements at computed positions, in the body of a nest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xdsl.dialects import arith
from xdsl.dialects.builtin import DenseArrayBase, IntegerAttr, IntegerType, TensorType, i64
from xdsl.ir import Block, BlockArgument, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from .buffers import IotaOp
from .kernel import KernelOp
from .nest import GenericOp
from .range import RangeAttr


@irdl_op_definition
class LookupOp(IRDLOperation):
    """In the body of a nest: the element of an argument of the kernel at computed positions.

    ```mlir
    %v = tensorized.lookup %table[%i, %d] as [100, 64] : tensor<100x64xf32>
    ```
    The argument is row-major and seen in the shape after `as`. Positions are i64 and must be inside.
    """

    name = "tensorized.lookup"
    table = operand_def(TensorType)
    indices = var_operand_def(IntegerType(64))
    res = result_def()
    shape = prop_def(DenseArrayBase)
    traits = traits_def(Pure())

    def __init__(self, table: SSAValue, indices: Sequence[SSAValue], view: Sequence[int]):
        assert isinstance(table.type, TensorType)
        super().__init__(
            operands=[table, indices],
            result_types=[table.type.element_type],
            properties={"shape": DenseArrayBase.from_list(i64, list(view))},
        )

    @property
    def view(self) -> tuple[int, ...]:
        """The shape the argument is seen in."""
        return tuple(int(n) for n in self.shape.get_values())  # pyright: ignore[reportAttributeAccessIssue]

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.table)
        printer.print_string("[")
        printer.print_list(self.indices, printer.print_ssa_value)
        printer.print_string(f"] as {list(self.view)} : ")
        printer.print_attribute(self.table.type)

    @classmethod
    def parse(cls, parser: Parser) -> LookupOp:
        table = parser.parse_unresolved_operand()
        indices = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_unresolved_operand)
        parser.parse_keyword("as")
        view = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
        parser.parse_punctuation(":")
        resolved = parser.resolve_operand(table, parser.parse_type())
        return cls(resolved, [parser.resolve_operand(i, i64) for i in indices], view)

    def verify_(self) -> None:
        assert isinstance(self.table.type, TensorType)
        if len(self.indices) != len(self.view):
            raise VerifyException(f"{len(self.indices)} positions in {list(self.view)}")
        if math.prod(self.view) != math.prod(self.table.type.get_shape()):
            raise VerifyException(f"{self.table.type} cannot be seen as {list(self.view)}")
        for index, extent in zip(self.indices, self.view, strict=True):
            known = _known(index)
            if known is not None and not RangeAttr.of(0, extent - 1).holds(known):
                raise VerifyException(f"a position lies within {known.text}, the table has {extent} there")


def _known(index: SSAValue) -> RangeAttr | None:
    """What a position lies within: a constant, an element of an iota or of the kernel's argument. None for
    one that is computed: what computes it keeps it inside."""
    if isinstance(index.owner, arith.ConstantOp) and isinstance(index.owner.value, IntegerAttr):
        value = index.owner.value.value.data
        return RangeAttr.of(value, value)
    nest = index.owner.parent_op() if isinstance(index.owner, Block) else None
    if not isinstance(nest, GenericOp) or not isinstance(index, BlockArgument):
        return None
    read, kernel = nest.operands[index.index], nest.parent_op()
    if isinstance(read.owner, IotaOp) and isinstance(read.type, TensorType):
        return RangeAttr.of(0, read.type.get_shape()[0] - 1)
    if not isinstance(kernel, KernelOp) or not isinstance(read, BlockArgument):
        return None
    if (known := kernel.argument_ranges[read.index]) is None:
        where = f"argument {read.index} of @{kernel.sym_name.data}"
        raise VerifyException(f"positions are {where}, which does not say what it lies within")
    return known


def looks_up(nest: GenericOp) -> bool:
    """Whether the body of a nest reads elements at computed positions."""
    return any(isinstance(op, LookupOp) for op in nest.body.block.ops)

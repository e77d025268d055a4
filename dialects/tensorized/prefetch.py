"""Prefetches: cache lines asked for before the loads that need them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import AffineMapAttr, IndexType, IntAttr, MemRefType
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import IRDLOperation, irdl_op_definition, operand_def, prop_def, traits_def, var_operand_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import MemoryReadEffect
from xdsl.utils.exceptions import VerifyException

from .access import access_text


@irdl_op_definition
class PrefetchOp(IRDLOperation):
    """Brings cache lines into the second-level cache; no value depends on it.

    ```mlir
    tensorized.prefetch %w[%o, %p, %k] at (d0, d1, d2)
      -> (d0 * 9216 + (d1 * 3000 + d2 * 500) floordiv 65536 * 16 + 9216) lines 2 : memref<12x192x48xf32>
    ```
    The map takes the index operands to the position of an element, counted row-major from the first one
    of the buffer; `lines` cache lines from there are asked for. A position outside the buffer is allowed:
    what follows the last block is usually what the next kernel reads.
    """

    name = "tensorized.prefetch"
    ref = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    map = prop_def(AffineMapAttr)
    lines = prop_def(IntAttr)
    traits = traits_def(MemoryReadEffect())

    def __init__(self, ref: SSAValue, indices: Sequence[SSAValue], position: AffineMap, lines: int):
        super().__init__(
            operands=[ref, indices], properties={"map": AffineMapAttr(position), "lines": IntAttr(lines)}
        )

    def print(self, printer: Printer) -> None:
        names = [f"d{i}" for i in range(len(self.indices))]
        printer.print_string(" ")
        printer.print_ssa_value(self.ref)
        printer.print_string("[")
        printer.print_list(self.indices, printer.print_ssa_value)
        printer.print_string(f"] at ({', '.join(names)}) -> {access_text(self.map.data, names)}")
        printer.print_string(f" lines {self.lines.data} : ")
        printer.print_attribute(self.ref.type)

    @classmethod
    def parse(cls, parser: Parser) -> PrefetchOp:
        ref = parser.parse_unresolved_operand()
        indices = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_unresolved_operand)
        parser.parse_keyword("at")
        position = parser.parse_affine_map()
        parser.parse_keyword("lines")
        lines = parser.parse_integer(allow_boolean=False)
        parser.parse_punctuation(":")
        resolved = [parser.resolve_operand(i, IndexType()) for i in indices]
        return cls(parser.resolve_operand(ref, parser.parse_type()), resolved, position, lines)

    def verify_(self) -> None:
        position, count = self.map.data, len(self.indices)
        if position.num_dims != count or len(position.results) != 1:
            raise VerifyException(f"map {position} does not take {count} indices to one position")
        if self.lines.data < 1:
            raise VerifyException(f"lines is {self.lines.data}, expected at least 1")

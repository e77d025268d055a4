"""An elementwise instruction inside a scalar body."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import SymbolRefAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def, result_def, traits_def, var_operand_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from .contract import find_instruction
from .instruction import InstructionOp


@irdl_op_definition
class ComputeOp(IRDLOperation):
    """One element of what an elementwise instruction computes: `tensorize-match` puts it in the place of the
    ops that are the instruction's body.

    ```mlir
    %i = tensorized.compute @round_8xi32(%x) : (f32) -> i32
    ```
    On registers of as many lanes, or a multiple, it is the instruction; on others its body.
    """

    name = "tensorized.compute"
    instruction = prop_def(SymbolRefAttr)
    arguments = var_operand_def()
    res = result_def()
    traits = traits_def(Pure())

    def __init__(self, instruction: str, arguments: Sequence[SSAValue], result: Attribute):
        super().__init__(
            operands=[arguments],
            result_types=[result],
            properties={"instruction": SymbolRefAttr(instruction)},
        )

    def declaration(self) -> InstructionOp:
        return find_instruction(self, self.instruction)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.instruction)
        with printer.in_parens():
            printer.print_list(self.arguments, printer.print_ssa_value)
        printer.print_string(" : ")
        printer.print_function_type(self.operand_types, self.result_types)

    @classmethod
    def parse(cls, parser: Parser) -> ComputeOp:
        instruction = parser.parse_attribute()
        operands = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        parser.parse_punctuation(":")
        type_ = parser.parse_function_type()
        arguments = parser.resolve_operands(operands, type_.inputs.data, parser.pos)
        if not isinstance(instruction, SymbolRefAttr) or len(type_.outputs) != 1:
            parser.raise_error("expected an instruction's name and one result")
        return cls(instruction.root_reference.data, arguments, type_.outputs.data[0])

    def verify_(self) -> None:
        instruction = self.declaration()
        if instruction.writes is None:
            raise VerifyException(f"{self.instruction} accumulates: it is no elementwise instruction")
        *inputs, result = [r.element_type for r in instruction.registers]
        if [a.type for a in self.arguments] != inputs or self.res.type != result:
            raise VerifyException(f"operands and result do not have the element types of {self.instruction}")

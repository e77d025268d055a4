"""A nest whose body is an instruction's."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    StringAttr,
    SymbolRefAttr,
    TensorType,
)
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import irdl_op_definition, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure, SymbolTable
from xdsl.utils.exceptions import VerifyException

from .access import LoopAttr, parse_by_loop
from .instruction import InstructionOp
from .nest import NestOperation


@irdl_op_definition
class ContractOp(NestOperation):
    """A nest whose body is an instruction's: what `tensorize-match` makes of a generic.

    ```mlir
    %s = tensorized.contract @fma_8xf32 loops (p: parallel 49, o: parallel 64, k: reduction 576)
      ins(%x at (p, k) : tensor<49x576xf32>, %w at (o floordiv 8, k, o mod 8) : tensor<8x576x8xf32>)
      init(%b at (p, o) : tensor<49x64xf32>) bind {i = o} -> tensor<49x64xf32>
    ```
    `ins` come in the instruction's operand order without its accumulator, which is the init.
    `bind` says which loop of the nest runs along each loop of the instruction.
    """

    name = "tensorized.contract"
    instruction = prop_def(SymbolRefAttr)
    bind = prop_def(DictionaryAttr)
    traits = traits_def(Pure())

    def __init__(
        self,
        instruction: str,
        inputs: Sequence[SSAValue],
        init: SSAValue,
        loops: Sequence[LoopAttr],
        maps: Sequence[AffineMap],
        bind: dict[str, str],
    ):
        super().__init__(
            operands=[inputs, init],
            result_types=[init.type],
            properties={
                "instruction": SymbolRefAttr(instruction),
                "loops": ArrayAttr(loops),
                "maps": ArrayAttr(map(AffineMapAttr, maps)),
                "bind": DictionaryAttr({k: StringAttr(v) for k, v in bind.items()}),
            },
        )

    @property
    def binding(self) -> dict[str, str]:
        """Instruction loop -> loop of this nest."""
        return {k: v.data for k, v in self.bind.data.items() if isinstance(v, StringAttr)}

    def declaration(self) -> InstructionOp:
        return find_instruction(self, self.instruction)

    @property
    def lane_loops(self) -> dict[str, int]:
        """The loops of this nest that the lanes of an accumulator run along, and how many; that of
        neighbouring lanes comes first."""
        declared = self.declaration()
        extents = {loop.label.data: loop.extent.data for loop in declared.loops}
        return {self.binding[label]: extents[label] for label in declared.lane_loops}

    @property
    def widths(self) -> dict[str, int]:
        """Reduction loop of this nest -> how many steps of it one instruction takes; a loop that no
        instruction's runs along has no entry."""
        return {
            self.binding[loop.label.data]: loop.extent.data
            for loop in self.declaration().loops
            if loop.kind.data == "reduction"
        }

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.instruction)
        self.print_nest(printer)
        bind = ", ".join(f"{k} = {v}" for k, v in self.binding.items())
        printer.print_string(f" bind {{{bind}}} -> ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> ContractOp:
        instruction = parser.parse_attribute()
        operands, properties = cls.parse_nest(parser)
        parser.parse_keyword("bind")
        bind = parse_by_loop(parser, lambda: StringAttr(parser.parse_identifier("loop name")))
        parser.parse_punctuation("->")
        properties |= {"instruction": instruction, "bind": DictionaryAttr(bind)}
        return cls.build(operands=operands, result_types=[parser.parse_type()], properties=properties)

    def verify_(self) -> None:
        self.verify_nest()
        instruction = self.declaration()
        kinds = dict(zip(self.loop_names, self.kinds))
        wanted = {loop.label.data: loop.kind.data for loop in instruction.loops}
        if self.binding.keys() != wanted.keys():
            raise VerifyException(
                f"bind names {sorted(self.binding)}, the instruction's loops are {sorted(wanted)}"
            )
        for inner, outer in self.binding.items():
            if outer not in kinds:
                raise VerifyException(f"bind: no loop {outer}")
            if kinds[outer] != wanted[inner]:
                raise VerifyException(
                    f"bind: {outer} is a {kinds[outer]} loop, {inner} a {wanted[inner]} loop"
                )
        if len(set(self.binding.values())) != len(self.binding):
            raise VerifyException("bind: two loops of the instruction run along one loop")
        elements = [r.element_type for r in instruction.registers]
        elements.append(elements.pop(instruction.accumulator.data))
        if [
            v.type.element_type for v in (*self.inputs, self.init) if isinstance(v.type, TensorType)
        ] != elements:
            raise VerifyException(f"operands do not have the element types of {self.instruction}")
        self._verify_lanes(instruction)

    def _verify_lanes(self, instruction: InstructionOp) -> None:
        """An operand that varies along a loop of the instruction has lanes for it in its register."""
        own = dict(zip(self.loop_names, range(len(self.loops))))
        registers = [m.data.used_dims() for m in instruction.maps]
        registers.append(registers.pop(instruction.accumulator.data))
        for k, (lanes, access) in enumerate(zip(registers, self.accesses)):
            for i, loop in enumerate(instruction.loops):
                outer = self.binding[loop.label.data]
                if loop.extent.data > 1 and i not in lanes and own[outer] in access.used_dims():
                    what = "the init" if k == len(self.inputs) else f"operand {k}"
                    along = f"{loop.label.data} = {outer}"
                    raise VerifyException(f"{what} varies along {along}, its register has no lanes there")


def find_instruction(user: Operation, name: SymbolRefAttr) -> InstructionOp:
    found = SymbolTable.lookup_symbol(user, name)
    if not isinstance(found, InstructionOp):
        raise VerifyException(f"unknown instruction {name}")
    return found

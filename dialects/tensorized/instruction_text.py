"""The text form of `tensorized.instruction`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, IntAttr, StringAttr, UnitAttr, VectorType
from xdsl.ir import Attribute, Region
from xdsl.parser import Parser
from xdsl.printer import Printer

from .access import access_text, loops_text, parse_access, parse_loops
from .range import RangeAttr, parse_range, ranges_attribute

if TYPE_CHECKING:
    from .instruction import InstructionOp

STRINGS = ("intrinsic", "feature", "mnemonic")
NUMBERS = ("latency", "per_cycle", "cycles")
"""The fields that say what it costs."""


def print_instruction(op: InstructionOp, printer: Printer) -> None:
    """All behind the op's name."""
    names = [loop.label.data for loop in op.loops]
    printer.print_string(" ")
    printer.print_symbol_name(op.sym_name.data)
    for field in STRINGS:
        if (value := getattr(op, field)) is not None:
            printer.print_string(f' {field} "{value.data}"')
    for field in NUMBERS:
        if (value := getattr(op, field)) is not None:
            printer.print_string(f" {field} {value.data}")
    if op.tile is not None:
        printer.print_string(f" tile {[size.data for size in op.tile]}")
    if op.flushes is not None:
        printer.print_string(" flushes")
    printer.print_string(f" {loops_text(op.loops.data)} (")
    for i, argument in enumerate(op.body.block.args):
        mark = "inout " if op.writes is None else "out "
        printer.print_string((", " if i else "") + (mark if i == op.accumulator.data else ""))
        printer.print_ssa_value(argument)
        printer.print_string(": ")
        printer.print_attribute(op.registers.data[i])
        printer.print_string(" at " + access_text(op.maps.data[i].data, names))
        if (valid := op.operand_ranges[i]) is not None:
            printer.print_string(f" within {valid.text}")
    printer.print_string(") ")
    printer.print_region(op.body, print_entry_block_args=False)
    if op.emission is not None:
        printer.print_string(" emit ")
        printer.print_region(op.emission)


def parse_instruction(parser: Parser) -> tuple[dict[str, Attribute], list[Region | list[Region]]]:
    """The properties and regions that the text says."""
    properties: dict[str, Attribute] = {"sym_name": parser.parse_symbol_name()}
    for field in STRINGS:
        if parser.parse_optional_keyword(field) is not None:
            properties[field] = StringAttr(parser.parse_str_literal())
    for field in NUMBERS:
        if parser.parse_optional_keyword(field) is not None:
            properties[field] = IntAttr(parser.parse_integer(allow_boolean=False, allow_negative=False))
    if parser.parse_optional_keyword("tile") is not None:
        sizes = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
        properties["tile"] = ArrayAttr(map(IntAttr, sizes))
    if parser.parse_optional_keyword("flushes") is not None:
        properties["flushes"] = UnitAttr()
    properties["loops"] = loops = parse_loops(parser)
    names = [loop.label.data for loop in loops]
    registers: list[VectorType] = []
    maps: list[AffineMapAttr] = []
    accumulators: list[int] = []
    ranges: list[RangeAttr | None] = []

    def operand():
        if parser.parse_optional_keyword("out") is not None:
            properties["writes"] = UnitAttr()
            accumulators.append(len(registers))
        elif parser.parse_optional_keyword("inout") is not None:
            accumulators.append(len(registers))
        argument = parser.parse_argument(expect_type=False)
        parser.parse_punctuation(":")
        register = parser.parse_type()
        if not isinstance(register, VectorType):
            parser.raise_error("expected a vector type for a register")
        parser.parse_keyword("at")
        registers.append(register)
        maps.append(AffineMapAttr(parse_access(parser, names)))
        bounded = parser.parse_optional_keyword("within") is not None
        ranges.append(parse_range(parser) if bounded else None)
        return argument.resolve(register.element_type)

    arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, operand)
    if len(accumulators) != 1:
        parser.raise_error(f"an instruction has one inout or out operand, not {len(accumulators)}")
    properties |= {
        "registers": ArrayAttr(registers),
        "maps": ArrayAttr(maps),
        "accumulator": IntAttr(accumulators[0]),
    }
    if (known := ranges_attribute(ranges)) is not None:
        properties["ranges"] = known
    regions: list[Region | list[Region]] = [parser.parse_region(arguments)]
    regions.append([parser.parse_region()] if parser.parse_optional_keyword("emit") is not None else [])
    return properties, regions

"""Kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntAttr,
    StringAttr,
    SymbolNameConstraint,
    UnitAttr,
)
from xdsl.ir import Attribute, Operation, Region
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from .access import parse_by_loop
from .attributes import LevelAttr, level_text, parse_level
from .instruction import YieldOp
from .nest import NestOperation
from .range import RangeAttr, parse_range, ranges_attribute, ranges_of


@irdl_op_definition
class KernelOp(IRDLOperation):
    """A function of physical tensors: nests that share one parallel band, scheduled as one.

    ```mlir
    tensorized.kernel @conv_0(%x: tensor<58x3712xf32>, %w: tensor<64x576xf32> constant, %b: tensor<64xf32>)
      -> tensor<56x56x64xf32> lanes {o = 8} schedule [order [o, h, w] tile {o = 16, w = 6}, order [r, k]] {
      ...
      tensorized.yield %y : tensor<56x56x64xf32>
    }
    ```
    `constant` marks an argument that every caller computes at compile time, so that it may be packed, and
    `within [-64, 64]` behind it says what its elements lie within, for every caller.
    `lanes` names the loops that run along vector lanes, and how many. Loops go by their names, which
    mean the same in every nest of the kernel. A first level bound to `threads` cuts parallel loops into parts
    that may run at the same time. After `lower-kernels` the arguments are memrefs, the last
    one the output, and the body is loops over registers.
    """

    name = "tensorized.kernel"
    sym_name = prop_def(SymbolNameConstraint())
    function_type = prop_def(FunctionType)
    constants = prop_def(ArrayAttr[IntAttr])
    ranges = opt_prop_def(ArrayAttr[RangeAttr | UnitAttr])
    lanes = opt_prop_def(DictionaryAttr)
    schedule = opt_prop_def(ArrayAttr[LevelAttr])
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())

    def __init__(
        self,
        name: str,
        results: Sequence[Attribute],
        body: Region,
        constants: Sequence[int] = (),
        ranges: Sequence[RangeAttr | None] = (),
    ):
        arguments = [a.type for a in body.block.args]
        super().__init__(
            properties={
                "sym_name": StringAttr(name),
                "function_type": FunctionType.from_lists(arguments, list(results)),
                "constants": ArrayAttr(map(IntAttr, sorted(constants))),
                "ranges": ranges_attribute(ranges),
            },
            regions=[body],
        )

    @property
    def constant_arguments(self) -> set[int]:
        return {i.data for i in self.constants}

    @property
    def argument_ranges(self) -> list[RangeAttr | None]:
        """For each argument what its elements lie within; None where nothing is known."""
        return ranges_of(self.ranges, len(self.body.block.args))

    @property
    def lane_counts(self) -> dict[str, int]:
        entries = self.lanes.data if self.lanes else {}
        return {k: v.data for k, v in entries.items() if isinstance(v, IntAttr)}

    def set_schedule(self, lanes: Mapping[str, int], levels: Sequence[LevelAttr]) -> None:
        self.properties["lanes"] = DictionaryAttr({k: IntAttr(v) for k, v in lanes.items()})
        self.properties["schedule"] = ArrayAttr(levels)

    def update_type(self) -> None:
        """Makes the function type agree with the body after arguments or the result changed type."""
        block = self.body.block
        last = block.last_op
        results = [v.type for v in last.operands] if last else []
        self.properties["function_type"] = FunctionType.from_lists([a.type for a in block.args], results)

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.sym_name.data)
        printer.print_string("(")
        for i, argument in enumerate(self.body.block.args):
            printer.print_string(", " if i else "")
            printer.print_ssa_value(argument)
            printer.print_string(": ")
            printer.print_attribute(argument.type)
            printer.print_string(" constant" if i in self.constant_arguments else "")
            if (known := self.argument_ranges[i]) is not None:
                printer.print_string(f" within {known.text}")
        printer.print_string(")")
        for i, result in enumerate(self.function_type.outputs):
            printer.print_string(", " if i else " -> ")
            printer.print_attribute(result)
        if self.lanes is not None:
            lanes = ", ".join(f"{k} = {v}" for k, v in self.lane_counts.items())
            printer.print_string(f" lanes {{{lanes}}}")
        if self.schedule is not None:
            printer.print_string(f" schedule [{', '.join(map(level_text, self.schedule))}]")
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)

    @classmethod
    def parse(cls, parser: Parser) -> KernelOp:
        name = parser.parse_symbol_name().data
        constants: list[int] = []
        ranges: list[RangeAttr | None] = []

        def argument():
            parsed = parser.parse_argument()
            if parser.parse_optional_keyword("constant") is not None:
                constants.append(len(ranges))
            bounded = parser.parse_optional_keyword("within") is not None
            ranges.append(parse_range(parser) if bounded else None)
            return parsed

        arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, argument)
        results: list[Attribute] = []
        if parser.parse_optional_punctuation("->") is not None:
            results = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        lanes = None
        if parser.parse_optional_keyword("lanes") is not None:
            lanes = parse_by_loop(parser, lambda: parser.parse_integer(allow_boolean=False))
        levels = None
        if parser.parse_optional_keyword("schedule") is not None:
            levels = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: parse_level(parser))
        kernel = cls(name, results, parser.parse_region(arguments), constants, ranges)
        if lanes is not None:
            kernel.properties["lanes"] = DictionaryAttr({k: IntAttr(v) for k, v in lanes.items()})
        if levels is not None:
            kernel.properties["schedule"] = ArrayAttr(levels)
        return kernel

    def verify_(self) -> None:
        block = self.body.block
        if [a.type for a in block.args] != list(self.function_type.inputs):
            raise VerifyException(f"@{self.sym_name.data}: arguments do not have the function type's inputs")
        last = block.last_op
        if not isinstance(last, YieldOp) or [v.type for v in last.operands] != list(
            self.function_type.outputs
        ):
            raise VerifyException(f"@{self.sym_name.data}: the body must yield {self.function_type.outputs}")
        if any(i >= len(block.args) for i in self.constant_arguments):
            raise VerifyException(f"@{self.sym_name.data}: constant names an argument that does not exist")
        if self.ranges is not None and len(self.ranges) != len(block.args):
            raise VerifyException(
                f"@{self.sym_name.data}: has {len(self.ranges)} ranges, {len(block.args)} arguments"
            )
        self._verify_lanes()
        self._verify_threads()

    def _verify_lanes(self) -> None:
        """Lanes are so many along a loop that there is."""
        name = self.sym_name.data
        nests = [op for op in self.body.block.ops if isinstance(op, NestOperation)]
        loops = list(dict.fromkeys(loop for nest in nests for loop in nest.loop_names))
        for loop, count in self.lane_counts.items():
            if count < 1:
                raise VerifyException(f"@{name}: has {count} lanes along loop {loop}, expected at least 1")
            if nests and loop not in loops:
                raise VerifyException(
                    f"@{name}: lanes run along loop {loop}, its loops are {', '.join(loops)}"
                )

    def _verify_threads(self) -> None:
        """Parts that run side by side come first, and no reduction is among their loops."""
        name, levels = self.sym_name.data, list(self.schedule or ())
        if any(level.is_threads for level in levels[1:]):
            raise VerifyException(f"@{name}: the level of threads must be the first")
        if not levels or not levels[0].is_threads:
            return
        nests = [op for op in self.body.block.ops if isinstance(op, NestOperation)]
        reduced = {n for nest in nests for n, kind in zip(nest.loop_names, nest.kinds) if kind == "reduction"}
        for loop in levels[0].loop_order:
            if loop in reduced:
                raise VerifyException(f"@{name}: threads cannot share loop {loop}: it is a reduction")


def kernels(module: Operation) -> list[KernelOp]:
    """The kernels of a module, in order."""
    return [
        op
        for region in module.regions
        for block in region.blocks
        for op in block.ops
        if isinstance(op, KernelOp)
    ]

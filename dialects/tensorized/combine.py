"""Register-level ops between the lanes of a grid: what a reduction along lanes ends in."""

from __future__ import annotations

from xdsl.dialects.builtin import FloatAttr, IntAttr, IntegerAttr, VectorType
from xdsl.ir import Region, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from .instruction import YieldOp


def grid_of(value: SSAValue) -> tuple[int, ...]:
    """The register grid of a vector: its shape without the lanes."""
    assert isinstance(value.type, VectorType)
    return value.type.get_shape()[:-1]


@irdl_op_definition
class CombineOp(IRDLOperation):
    """Combines the registers of each row of a grid, and their lanes, into one value that fills every lane.

    ```mlir
    %s = tensorized.combine %acc identity -0.0 : f32 valid 40 : vector<2x4x16xf32> -> vector<2x1x16xf32> {
    ^bb0(%a : f32, %b : f32):
      %c = arith.addf %a, %b : f32
      tensorized.yield %c : f32
    }
    ```
    The row is the last two dimensions, of the result one register. The body must be associative and
    commutative: the order is open. `identity` changes nothing in it. `valid n`: only the first n elements
    of each row count.
    """

    name = "tensorized.combine"
    value = operand_def(VectorType)
    identity = prop_def(FloatAttr | IntegerAttr)
    valid = opt_prop_def(IntAttr)
    res = result_def(VectorType)
    body = region_def("single_block")
    traits = traits_def(Pure())

    def __init__(
        self,
        value: SSAValue,
        identity: FloatAttr | IntegerAttr,
        result: VectorType,
        body: Region,
        valid: int | None = None,
    ):
        super().__init__(
            operands=[value],
            result_types=[result],
            properties={"identity": identity, "valid": None if valid is None else IntAttr(valid)},
            regions=[body],
        )

    @property
    def valid_lanes(self) -> int:
        """Elements of a row that count."""
        assert isinstance(self.value.type, VectorType)
        rows, lanes = self.value.type.get_shape()[-2:]
        return rows * lanes if self.valid is None else self.valid.data

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.value)
        printer.print_string(" identity ")
        printer.print_attribute(self.identity)
        if self.valid is not None:
            printer.print_string(f" valid {self.valid.data}")
        printer.print_string(" : ")
        printer.print_attribute(self.value.type)
        printer.print_string(" -> ")
        printer.print_attribute(self.res.type)
        printer.print_string(" ")
        printer.print_region(self.body)

    @classmethod
    def parse(cls, parser: Parser) -> CombineOp:
        operand = parser.parse_unresolved_operand()
        parser.parse_keyword("identity")
        identity = parser.parse_attribute()
        valid = None
        if parser.parse_optional_keyword("valid") is not None:
            valid = parser.parse_integer(allow_boolean=False)
        parser.parse_punctuation(":")
        source = parser.parse_type()
        parser.parse_punctuation("->")
        result = parser.parse_type()
        if not isinstance(result, VectorType) or not isinstance(identity, FloatAttr | IntegerAttr):
            parser.raise_error("expected a number as identity and a vector type as result")
        return cls(parser.resolve_operand(operand, source), identity, result, parser.parse_region(), valid)

    def verify_(self) -> None:
        source, result = self.value.type, self.res.type
        assert isinstance(source, VectorType) and isinstance(result, VectorType)
        shape, element = source.get_shape(), source.element_type
        if len(shape) < 2 or result != VectorType(element, [*shape[:-2], 1, shape[-1]]):
            raise VerifyException(f"combines {source} into {result}, expected one register a row")
        if not 0 < self.valid_lanes <= shape[-1] * shape[-2]:
            raise VerifyException(f"valid {self.valid_lanes} is not within 1..{shape[-1] * shape[-2]}")
        last = self.body.block.last_op
        if [a.type for a in self.body.block.args] != [element] * 2 or self.identity.type != element:
            raise VerifyException(f"the body must take two {element}, and the identity be one")
        if not isinstance(last, YieldOp) or [v.type for v in last.operands] != [element]:
            raise VerifyException(f"the body must yield one {element}")


@irdl_op_definition
class SpreadOp(IRDLOperation):
    """Repeats the one register of each row.

    ```mlir
    %b = tensorized.spread %s : vector<2x1x16xf32> -> vector<2x4x16xf32>
    ```
    """

    name = "tensorized.spread"
    value = operand_def(VectorType)
    res = result_def(VectorType)
    traits = traits_def(Pure())
    assembly_format = "$value attr-dict `:` type($value) `->` type($res)"

    def __init__(self, value: SSAValue, result: VectorType):
        super().__init__(operands=[value], result_types=[result])

    def verify_(self) -> None:
        source, result = self.value.type, self.res.type
        assert isinstance(source, VectorType) and isinstance(result, VectorType)
        have, want = source.get_shape(), result.get_shape()
        if len(have) < 2 or have != (*want[:-2], 1, want[-1]) or source.element_type != result.element_type:
            raise VerifyException(f"spreads {source} over {result}, expected rows of one register")

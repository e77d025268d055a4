"""Tensors made rather than computed: packed copies and buffers to write."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, FloatAttr, TensorType, f64, i64
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from .access import LoopAttr, access_text, loops_text, parse_access, parse_loops
from .attributes import float_text, parse_float
from .nest import check_access, loop_names


@irdl_op_definition
class PackOp(IRDLOperation):
    """Reorganizes a tensor: result[to(i)] = source[from(i)] for every loop index i; positions that `to`
    never reaches are zero.

    ```mlir
    %p = tensorized.pack %w loops (o: parallel 60, k: parallel 576)
      from (o, k) to (o floordiv 16, k, o mod 16)
      : tensor<60x576xf32> to tensor<4x576x16xf32>
    ```
    """

    name = "tensorized.pack"
    source = operand_def(TensorType)
    res = result_def(TensorType)
    loops = prop_def(ArrayAttr[LoopAttr])
    source_map = prop_def(AffineMapAttr)
    result_map = prop_def(AffineMapAttr)
    traits = traits_def(Pure())

    def __init__(
        self,
        source: SSAValue,
        loops: Sequence[LoopAttr],
        taken: AffineMap,
        placed: AffineMap,
        result: TensorType,
    ):
        super().__init__(
            operands=[source],
            result_types=[result],
            properties={
                "loops": ArrayAttr(loops),
                "source_map": AffineMapAttr(taken),
                "result_map": AffineMapAttr(placed),
            },
        )

    def print(self, printer: Printer) -> None:
        names = loop_names(self.loops)
        printer.print_string(" ")
        printer.print_ssa_value(self.source)
        printer.print_string(
            f" {loops_text(self.loops.data)} from {access_text(self.source_map.data, names)}"
        )
        printer.print_string(f" to {access_text(self.result_map.data, names)} : ")
        printer.print_attribute(self.source.type)
        printer.print_string(" to ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> PackOp:
        source = parser.parse_unresolved_operand()
        loops = parse_loops(parser)
        names = loop_names(loops)
        parser.parse_keyword("from")
        taken = parse_access(parser, names)
        parser.parse_keyword("to")
        placed = parse_access(parser, names)
        parser.parse_punctuation(":")
        source_type = parser.parse_type()
        parser.parse_keyword("to")
        result = parser.parse_type()
        if not isinstance(result, TensorType):
            parser.raise_error("expected a tensor type")
        return cls(parser.resolve_operand(source, source_type), loops.data, taken, placed, result)

    def verify_(self) -> None:
        source, result = self.source.type, self.res.type
        assert isinstance(source, TensorType) and isinstance(result, TensorType)
        check_access(self.source_map.data, source, self.loops)
        check_access(self.result_map.data, result, self.loops)
        if source.element_type != result.element_type:
            raise VerifyException(f"packs {source.element_type} into {result.element_type}")


@irdl_op_definition
class EmptyOp(IRDLOperation):
    """A tensor to be written: `%e = tensorized.empty fill 0.0 : tensor<58x58x64xf32>`. Elements nobody
    writes hold `fill`; without it they are undefined (the interpretation poisons them with NaN)."""

    name = "tensorized.empty"
    res = result_def(TensorType)
    fill = opt_prop_def(FloatAttr)
    traits = traits_def(Pure())

    def __init__(self, result: TensorType, fill: float | None = None):
        super().__init__(
            result_types=[result], properties={"fill": None if fill is None else FloatAttr(fill, f64)}
        )

    def print(self, printer: Printer) -> None:
        if self.fill is not None:
            printer.print_string(f" fill {float_text(self.fill.value.data)}")
        printer.print_string(" : ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> EmptyOp:
        fill = parse_float(parser) if parser.parse_optional_keyword("fill") is not None else None
        parser.parse_punctuation(":")
        result = parser.parse_type()
        if not isinstance(result, TensorType):
            parser.raise_error("expected a tensor type")
        return cls(result, fill)


@irdl_op_definition
class IotaOp(IRDLOperation):
    """The positions 0, 1, 2, ... along a loop: `%p = tensorized.iota : tensor<64xi64>`. Only a lookup reads
    it, whose address then steps through memory with the loop: it takes no memory itself."""

    name = "tensorized.iota"
    res = result_def(TensorType)
    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($res)"

    def __init__(self, extent: int):
        super().__init__(result_types=[TensorType(i64, [extent])])

    def verify_(self) -> None:
        if self.res.type != TensorType(i64, self.res.type.get_shape()[:1]):
            raise VerifyException(f"result is {self.res.type}, expected one dimension of i64")

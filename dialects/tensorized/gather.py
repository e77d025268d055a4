"""Registers of elements at computed positions."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AffineMapAttr,
    DenseArrayBase,
    IndexType,
    IntAttr,
    MemRefType,
    VectorType,
    i64,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import (
    AttrSizedOperandSegments,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import MemoryReadEffect
from xdsl.utils.exceptions import VerifyException

from .access import access_text
from .register import RegisterAccess


@irdl_op_definition
class GatherOp(RegisterAccess):
    """v[grid..., lane] = ref[map(indices, grid..., lane) + sum of stride * position], elements counted
    row-major through the whole memref.

    ```mlir
    %v = tensorized.gather %x[%d] by (%p * 64) at (d0, v0, l) -> (d0 * 16 + v0 * 8 + l)
      : memref<100x64xf32>, (vector<2x1xi64>) -> vector<2x8xf32>
    ```
    A position of one lane is that of the whole register. With `valid n` elements past the first n of the
    last two dimensions, taken together, are not read but zero. What is read must lie inside.
    """

    name = "tensorized.gather"
    ref = operand_def(MemRefType)  # again: operands are numbered as they are declared
    indices = var_operand_def(IndexType)
    positions = var_operand_def(VectorType)
    strides = prop_def(DenseArrayBase)
    res = result_def(VectorType)
    traits = traits_def(MemoryReadEffect())
    irdl_options = (AttrSizedOperandSegments(as_property=True),)

    def __init__(
        self,
        ref: SSAValue,
        indices: Sequence[SSAValue],
        access: AffineMap,
        positions: Sequence[SSAValue],
        strides: Sequence[int],
        result: VectorType,
        valid: int | None = None,
    ):
        super().__init__(
            operands=[ref, indices, positions],
            result_types=[result],
            properties={
                "map": AffineMapAttr(access),
                "strides": DenseArrayBase.from_list(i64, list(strides)),
                "valid": None if valid is None else IntAttr(valid),
            },
        )

    @property
    def vector(self) -> VectorType:
        assert isinstance(self.res.type, VectorType)
        return self.res.type

    @property
    def position_strides(self) -> tuple[int, ...]:
        """Elements by which a step of each position moves."""
        return tuple(int(n) for n in self.strides.get_values())  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def uniform(self) -> bool:
        """Whether all lanes of a register share their positions."""
        types = [p.type for p in self.positions]
        return all(isinstance(t, VectorType) and t.get_shape()[-1] == 1 for t in types)

    @property
    def memory_strides(self) -> Sequence[int]:
        return [1]

    def print(self, printer: Printer) -> None:
        names = [f"d{i}" for i in range(len(self.indices))]
        names += [f"v{i}" for i in range(self.vector.get_num_dims() - 1)] + ["l"]

        def position(item: tuple[SSAValue, int]) -> None:
            printer.print_ssa_value(item[0])
            printer.print_string(f" * {item[1]}")

        printer.print_string(" ")
        printer.print_ssa_value(self.ref)
        printer.print_string("[")
        printer.print_list(self.indices, printer.print_ssa_value)
        printer.print_string("] by (")
        printer.print_list(zip(self.positions, self.position_strides, strict=True), position)
        printer.print_string(f") at ({', '.join(names)}) -> {access_text(self.access, names)}")
        if self.valid is not None:
            printer.print_string(f" valid {self.valid.data}")
        printer.print_string(" : ")
        printer.print_attribute(self.ref.type)
        printer.print_string(", (")
        printer.print_list([p.type for p in self.positions], printer.print_attribute)
        printer.print_string(") -> ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> GatherOp:
        strides: list[int] = []

        def position():
            value = parser.parse_unresolved_operand()
            parser.parse_characters("*")
            strides.append(parser.parse_integer(allow_boolean=False))
            return value

        ref = parser.parse_unresolved_operand()
        indices = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_unresolved_operand)
        parser.parse_keyword("by")
        positions = parser.parse_comma_separated_list(parser.Delimiter.PAREN, position)
        parser.parse_keyword("at")
        access = parser.parse_affine_map()
        valid = parser.parse_integer() if parser.parse_optional_keyword("valid") is not None else None
        parser.parse_punctuation(":")
        memory = parser.parse_type()
        parser.parse_punctuation(",")
        types = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_type)
        parser.parse_punctuation("->")
        result = parser.parse_type()
        if not isinstance(result, VectorType):
            parser.raise_error("expected a vector type")
        return cls(
            parser.resolve_operand(ref, memory),
            [parser.resolve_operand(i, IndexType()) for i in indices],
            access,
            parser.resolve_operands(positions, types, parser.pos),
            strides,
            result,
            valid,
        )

    def verify_(self) -> None:
        self.verify_access()
        if len(self.positions) != len(self.position_strides):
            raise VerifyException(
                f"{len(self.positions)} positions have {len(self.position_strides)} strides"
            )
        shape = self.vector.get_shape()
        allowed: set[Attribute] = {VectorType(i64, shape), VectorType(i64, [*shape[:-1], 1])}
        for position in self.positions:
            if position.type not in allowed:
                raise VerifyException(
                    f"position is {position.type}, expected i64 in the shape of {self.vector}"
                )

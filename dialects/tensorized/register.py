"""Register-level ops: grids of vector registers loaded, computed on and stored.

A register tile is one N-d vector: the last dimension is the lanes of a register, the leading ones a grid
of registers. Only the emitter unrolls the grid.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    AffineMapAttr,
    IndexType,
    IntAttr,
    MemRefType,
    SymbolRefAttr,
    VectorType,
)
from xdsl.ir import Attribute, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import MemoryReadEffect, MemoryWriteEffect, Pure
from xdsl.utils.exceptions import VerifyException

from .access import access_text
from .contract import find_instruction
from .instruction import InstructionOp, YieldOp
from .linear_form import row_major


class RegisterAccess(IRDLOperation):
    """What load and store share: `%ref[%i, ...] at (d0, ..., v0, ..., l) -> (index, ...)`: the map takes
    the index operands, then the vector's dimensions, to an index of the memref."""

    ref = operand_def(MemRefType)
    indices = var_operand_def(IndexType)
    map = prop_def(AffineMapAttr)
    valid = opt_prop_def(IntAttr)

    @property
    def vector(self) -> VectorType:
        raise NotImplementedError

    @property
    def access(self) -> AffineMap:
        return self.map.data

    @property
    def valid_lanes(self) -> int | None:
        return None if self.valid is None else self.valid.data

    @property
    def memory_strides(self) -> Sequence[int]:
        """How many elements a step of each index of the map moves."""
        assert isinstance(self.ref.type, MemRefType)
        return row_major(self.ref.type.get_shape())

    def print_access(self, printer: Printer) -> None:
        rank = self.vector.get_num_dims()
        names = [f"d{i}" for i in range(len(self.indices))] + [f"v{i}" for i in range(rank - 1)] + ["l"]
        printer.print_ssa_value(self.ref)
        printer.print_string("[")
        printer.print_list(self.indices, printer.print_ssa_value)
        printer.print_string(f"] at ({', '.join(names)}) -> {access_text(self.access, names)}")
        if self.valid is not None:
            printer.print_string(f" valid {self.valid.data}")

    @staticmethod
    def parse_access(parser: Parser):
        ref = parser.parse_unresolved_operand()
        indices = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_unresolved_operand)
        parser.parse_keyword("at")
        properties: dict[str, Attribute] = {"map": AffineMapAttr(parser.parse_affine_map())}
        if parser.parse_optional_keyword("valid") is not None:
            properties["valid"] = IntAttr(parser.parse_integer(allow_boolean=False))
        return ref, [parser.resolve_operand(i, IndexType()) for i in indices], properties

    def verify_access(self) -> None:
        assert isinstance(self.ref.type, MemRefType)
        dims = len(self.indices) + self.vector.get_num_dims()
        if self.access.num_dims != dims:
            raise VerifyException(f"map {self.access} has {self.access.num_dims} dimensions, expected {dims}")
        if len(self.access.results) != len(self.memory_strides):
            raise VerifyException(f"map {self.access} does not index {self.ref.type}")
        if self.ref.type.element_type != self.vector.element_type:
            raise VerifyException(f"{self.vector} and {self.ref.type} have different elements")
        shape = self.vector.get_shape()
        row = shape[-1] * (shape[-2] if len(shape) > 1 else 1)
        if self.valid is not None and not 0 < self.valid.data <= row:
            raise VerifyException(f"valid {self.valid.data} is not within 1..{row}")


@irdl_op_definition
class LoadOp(RegisterAccess):
    """v[grid..., lane] = ref[map(indices, grid..., lane)]; a dimension the map ignores is broadcast.

    ```mlir
    %v = tensorized.load %x[%h, %k] at (d0, d1, v0, v1, l) -> (d0 + v0, d1)
      : memref<58x64xf32>, vector<6x2x8xf32>
    ```
    `valid n`: of the last two dimensions, taken together, only the first n elements are read; the rest
    are zero. `lanes m of n`: of every n lanes only the first m are read, the rest are zero; so the last step
    of a reduction runs whole instructions.
    """

    name = "tensorized.load"
    res = result_def(VectorType)
    part = opt_prop_def(IntAttr)
    group = opt_prop_def(IntAttr)
    traits = traits_def(MemoryReadEffect())

    def __init__(
        self,
        ref: SSAValue,
        indices: Sequence[SSAValue],
        access: AffineMap,
        result: VectorType,
        valid: int | None = None,
        lanes: tuple[int, int] | None = None,
    ):
        part = {} if lanes is None else {"part": IntAttr(lanes[0]), "group": IntAttr(lanes[1])}
        super().__init__(
            operands=[ref, indices],
            result_types=[result],
            properties={
                "map": AffineMapAttr(access),
                "valid": None if valid is None else IntAttr(valid),
                **part,
            },
        )

    @property
    def read_lanes(self) -> list[bool]:
        """Whether a lane is read."""
        lanes = self.vector.get_shape()[-1]
        if self.part is None or self.group is None:
            return [True] * lanes
        return [lane % self.group.data < self.part.data for lane in range(lanes)]

    @property
    def vector(self) -> VectorType:
        assert isinstance(self.res.type, VectorType)
        return self.res.type

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        self.print_access(printer)
        if self.part is not None and self.group is not None:
            printer.print_string(f" lanes {self.part.data} of {self.group.data}")
        printer.print_string(" : ")
        printer.print_attribute(self.ref.type)
        printer.print_string(", ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> LoadOp:
        ref, indices, properties = cls.parse_access(parser)
        if parser.parse_optional_keyword("lanes") is not None:
            properties["part"] = IntAttr(parser.parse_integer(allow_boolean=False))
            parser.parse_keyword("of")
            properties["group"] = IntAttr(parser.parse_integer(allow_boolean=False))
        parser.parse_punctuation(":")
        memref = parser.parse_type()
        parser.parse_punctuation(",")
        vector = parser.parse_type()
        return cls.build(
            operands=[parser.resolve_operand(ref, memref), indices],
            result_types=[vector],
            properties=properties,
        )

    def verify_(self) -> None:
        self.verify_access()
        if self.part is not None and self.group is not None:
            lanes, part, group = self.vector.get_shape()[-1], self.part.data, self.group.data
            if not 0 < part < group or lanes % group:
                raise VerifyException(f"lanes {part} of {group} are no part of registers of {lanes}")


@irdl_op_definition
class StoreOp(RegisterAccess):
    """ref[map(indices, grid..., lane)] = v[grid..., lane].

    ```mlir
    tensorized.store %v, %y[%h, %o] at (d0, d1, v0, v1, l) -> (d0, v0, d1 * 16 + v1 * 8 + l) valid 12
      : vector<6x2x8xf32>, memref<56x56x60xf32>
    ```
    `valid n`: of the last two dimensions, taken together, only the first n elements are written.
    """

    name = "tensorized.store"
    value = operand_def(VectorType)
    traits = traits_def(MemoryWriteEffect())

    def __init__(
        self,
        value: SSAValue,
        ref: SSAValue,
        indices: Sequence[SSAValue],
        access: AffineMap,
        valid: int | None = None,
    ):
        super().__init__(
            operands=[value, ref, indices],
            properties={"map": AffineMapAttr(access), "valid": None if valid is None else IntAttr(valid)},
        )

    @property
    def vector(self) -> VectorType:
        assert isinstance(self.value.type, VectorType)
        return self.value.type

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.value)
        printer.print_string(", ")
        self.print_access(printer)
        printer.print_string(" : ")
        printer.print_attribute(self.value.type)
        printer.print_string(", ")
        printer.print_attribute(self.ref.type)

    @classmethod
    def parse(cls, parser: Parser) -> StoreOp:
        value = parser.parse_unresolved_operand()
        parser.parse_punctuation(",")
        ref, indices, properties = cls.parse_access(parser)
        parser.parse_punctuation(":")
        vector = parser.parse_type()
        parser.parse_punctuation(",")
        operands = [
            parser.resolve_operand(value, vector),
            parser.resolve_operand(ref, parser.parse_type()),
            indices,
        ]
        return cls.build(operands=operands, properties=properties)

    def verify_(self) -> None:
        self.verify_access()


@irdl_op_definition
class ApplyOp(IRDLOperation):
    """One instruction per point of the register grid.

    ```mlir
    %c = tensorized.apply @fma_8xf32(%a, %b, %acc)
      : vector<6x2x8xf32>, vector<6x2x8xf32>, vector<6x2x8xf32> -> vector<6x2x8xf32>
    ```
    """

    name = "tensorized.apply"
    instruction = prop_def(SymbolRefAttr)
    arguments = var_operand_def(VectorType)
    res = result_def(VectorType)
    traits = traits_def(Pure())
    assembly_format = "$instruction `(` $arguments `)` attr-dict `:` type($arguments) `->` type($res)"

    def __init__(self, instruction: str, arguments: Sequence[SSAValue], result: Attribute):
        super().__init__(
            operands=[arguments],
            result_types=[result],
            properties={"instruction": SymbolRefAttr(instruction)},
        )

    def declaration(self) -> InstructionOp:
        return find_instruction(self, self.instruction)

    def verify_(self) -> None:
        instruction = self.declaration()
        given, taken = len(self.arguments), len(instruction.registers)
        if given != taken:
            raise VerifyException(f"{self.instruction} takes {taken} operands, not {given}")
        for value, register in zip(
            (*self.arguments, self.res),
            (*instruction.registers, instruction.accumulator_register),
            strict=True,
        ):
            assert isinstance(value.type, VectorType)
            if (value.type.element_type, value.type.get_shape()[-1:]) != (
                register.element_type,
                register.get_shape(),
            ):
                raise VerifyException(f"{self.instruction}: {value.type} is not a grid of {register}")
        if (
            len(
                {
                    v.type.get_shape()[:-1]
                    for v in (*self.arguments, self.res)
                    if isinstance(v.type, VectorType)
                }
            )
            > 1
        ):
            raise VerifyException(f"{self.instruction}: operands have different register grids")


@irdl_op_definition
class MapOp(IRDLOperation):
    """Elementwise over register tiles, with the scalar body of the nest it came from.

    ```mlir
    %y = tensorized.map (%a = %x : vector<6x2x8xf32>) -> vector<6x2x8xf32> {
      %zero = arith.constant 0.000000e+00 : f32
      %m = arith.maximumf %a, %zero : f32
      tensorized.yield %m : f32
    }
    ```
    """

    name = "tensorized.map"
    arguments = var_operand_def(VectorType)
    res = result_def(VectorType)
    body = region_def("single_block")
    traits = traits_def(Pure())

    def __init__(self, arguments: Sequence[SSAValue], result: VectorType, body: Region):
        super().__init__(operands=[arguments], result_types=[result], regions=[body])

    def print(self, printer: Printer) -> None:
        printer.print_string(" (")

        def one(item: tuple[SSAValue, SSAValue]) -> None:
            printer.print_ssa_value(item[0])
            printer.print_string(" = ")
            printer.print_ssa_value(item[1])
            printer.print_string(" : ")
            printer.print_attribute(item[1].type)

        printer.print_list(zip(self.body.block.args, self.arguments), one)
        printer.print_string(") -> ")
        printer.print_attribute(self.res.type)
        printer.print_string(" ")
        printer.print_region(self.body, print_entry_block_args=False)

    @classmethod
    def parse(cls, parser: Parser) -> MapOp:
        operands: list[SSAValue] = []

        def one():
            argument = parser.parse_argument(expect_type=False)
            parser.parse_punctuation("=")
            operand = parser.parse_unresolved_operand()
            parser.parse_punctuation(":")
            vector = parser.parse_type()
            if not isinstance(vector, VectorType):
                parser.raise_error("expected a vector type")
            operands.append(parser.resolve_operand(operand, vector))
            return argument.resolve(vector.element_type)

        arguments = parser.parse_comma_separated_list(parser.Delimiter.PAREN, one)
        parser.parse_punctuation("->")
        result = parser.parse_type()
        return cls.build(operands=[operands], result_types=[result], regions=[parser.parse_region(arguments)])

    def verify_(self) -> None:
        assert isinstance(self.res.type, VectorType)
        types = [v.type for v in self.arguments if isinstance(v.type, VectorType)]
        if any(t.get_shape() != self.res.type.get_shape() for t in types):
            raise VerifyException("operands and result must have one shape")
        if [a.type for a in self.body.block.args] != [t.element_type for t in types]:
            raise VerifyException("body arguments must have the operands' element types")
        last = self.body.block.last_op
        if not isinstance(last, YieldOp) or [v.type for v in last.operands] != [self.res.type.element_type]:
            raise VerifyException(f"the body must yield one {self.res.type.element_type}")

"""Linear transforms of small tiles: as a nest over tensors, and on a grid of registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseIntOrFPElementsAttr,
    IntAttr,
    TensorType,
    VectorType,
)
from xdsl.ir import SSAValue
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from .access import LoopAttr
from .nest import NestOperation


class Line(NamedTuple):
    """What one matrix does: column j is iteration j of the loop `summed`; its row i makes the iterations of
    the loop `made` that are i, counted modulo the number of rows."""

    matrix: DenseIntOrFPElementsAttr
    made: str
    summed: str


@irdl_op_definition
class TransformOp(NestOperation):
    """A reduction over a small tile, with one constant matrix a loop of it:

    ```mlir
    %b = arith.constant dense<...> : tensor<6x6xf32>
    %v = tensorized.transform loops (a: parallel 6, b: parallel 6, t: parallel 14, c: parallel 64,
                                     i: reduction 6, j: reduction 6)
      ins(%x at (i, t * 4 + j, c) : tensor<6x58x64xf32>, %b at (a, i) : tensor<6x6xf32>,
          %b at (b, j) : tensor<6x6xf32>) init(%z at (a, b, t, c) : tensor<6x6x14x64xf32>)
      -> tensor<6x6x14x64xf32>
    ```
    init + the sum of the products of its operands, in any order. The first operand is the tile; a matrix is
    an `arith.constant` at (loop, reduction loop) or (loop mod its rows, reduction loop).
    """

    name = "tensorized.transform"
    traits = traits_def(Pure())

    def __init__(
        self,
        inputs: Sequence[SSAValue],
        init: SSAValue,
        loops: Sequence[LoopAttr],
        maps: Sequence[AffineMap],
    ):
        super().__init__(
            operands=[inputs, init],
            result_types=[init.type],
            properties={"loops": ArrayAttr(loops), "maps": ArrayAttr(map(AffineMapAttr, maps))},
        )

    @property
    def lines(self) -> list[Line]:
        """The matrices, in the order of the loops they make."""
        names = self.loop_names
        found: list[tuple[int, Line]] = []
        for value, access in zip(self.inputs[1:], self.accesses[1:], strict=False):
            made, summed = (next(iter(e.used_dims())) for e in access.results)
            assert isinstance(value.owner, arith.ConstantOp)
            matrix = value.owner.value
            assert isinstance(matrix, DenseIntOrFPElementsAttr)
            found.append((made, Line(matrix, names[made], names[summed])))
        return [line for _, line in sorted(found, key=lambda item: item[0])]

    def print(self, printer: Printer) -> None:
        self.print_nest(printer)
        printer.print_string(" -> ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> TransformOp:
        operands, properties = cls.parse_nest(parser)
        parser.parse_punctuation("->")
        return cls.build(operands=operands, result_types=[parser.parse_type()], properties=properties)

    def verify_(self) -> None:
        self.verify_nest()
        types = {v.type.element_type for v in (*self.inputs, self.init) if isinstance(v.type, TensorType)}
        if len(types) > 1:
            raise VerifyException(f"operands have different elements: {', '.join(sorted(map(str, types)))}")
        used: list[int] = []
        for value, access in zip(self.inputs[1:], self.accesses[1:], strict=False):
            used += self._verify_matrix(value, access)
        if len(set(used)) != len(used):
            raise VerifyException("two matrices act on one loop")
        missing = [n for i, n in enumerate(self.loop_names) if self.kinds[i] == "reduction" and i not in used]
        if missing:
            raise VerifyException(f"no matrix for reduction loops {', '.join(missing)}")

    def _verify_matrix(self, value: SSAValue, access: AffineMap) -> list[int]:
        """The loops of one matrix."""
        constant = value.owner
        if not isinstance(constant, arith.ConstantOp) or len(access.results) != 2:
            raise VerifyException("a matrix of a transform must be an arith.constant of two dimensions")
        assert isinstance(value.type, TensorType)
        row, column = access.results
        made = _made(row, value.type.get_shape()[0])
        if made is None or self.kinds[made] != "parallel":
            raise VerifyException("the rows of a matrix must be a parallel loop, or one modulo their number")
        if not isinstance(column, AffineDimExpr) or self.kinds[column.position] != "reduction":
            raise VerifyException("the columns of a matrix must be a reduction loop")
        return [made, column.position]


def _made(row: AffineExpr, rows: int) -> int | None:
    match row:
        case AffineDimExpr():
            return row.position
        case AffineBinaryOpExpr(
            kind=AffineBinaryOpKind.Mod, lhs=AffineDimExpr() as loop, rhs=AffineConstantExpr(value=count)
        ) if count == rows:
            return loop.position
    return None


@irdl_op_definition
class LinearOp(IRDLOperation):
    """A constant matrix times every line of registers along one dimension of a grid.

    ```mlir
    %y = tensorized.linear %x along 0 by dense<[[1.0, 1.0, 0.0], [0.0, 1.0, -1.0]]> : tensor<2x3xf32>
      : vector<3x5x16xf32> -> vector<2x5x16xf32>
    ```
    y[..., a, ...] = sum over i of matrix[a, i] * x[..., i, ...], in any order.
    """

    name = "tensorized.linear"
    value = operand_def(VectorType)
    axis = prop_def(IntAttr)
    matrix = prop_def(DenseIntOrFPElementsAttr)
    res = result_def(VectorType)
    traits = traits_def(Pure())

    def __init__(self, value: SSAValue, axis: int, matrix: DenseIntOrFPElementsAttr):
        assert isinstance(value.type, VectorType)
        super().__init__(
            operands=[value],
            result_types=[_transformed(value.type, axis, matrix)],
            properties={"axis": IntAttr(axis), "matrix": matrix},
        )

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_ssa_value(self.value)
        printer.print_string(f" along {self.axis.data} by ")
        printer.print_attribute(self.matrix)
        printer.print_string(" : ")
        printer.print_attribute(self.value.type)
        printer.print_string(" -> ")
        printer.print_attribute(self.res.type)

    @classmethod
    def parse(cls, parser: Parser) -> LinearOp:
        value = parser.parse_unresolved_operand()
        parser.parse_keyword("along")
        axis = parser.parse_integer(allow_boolean=False, allow_negative=False)
        parser.parse_keyword("by")
        matrix = parser.parse_attribute()
        parser.parse_punctuation(":")
        source = parser.parse_type()
        parser.parse_punctuation("->")
        return cls.build(
            operands=[parser.resolve_operand(value, source)],
            result_types=[parser.parse_type()],
            properties={"axis": IntAttr(axis), "matrix": matrix},
        )

    def verify_(self) -> None:
        source, shape = self.value.type, self.matrix.get_shape()
        assert isinstance(source, VectorType)
        grid = source.get_shape()[:-1]
        if self.axis.data >= len(grid):
            raise VerifyException(f"axis {self.axis.data} is none of the grid of {source}")
        if len(shape) != 2 or shape[1] != grid[self.axis.data]:
            raise VerifyException(f"matrix is {self.matrix.type}, expected {grid[self.axis.data]} columns")
        if self.matrix.get_element_type() != source.element_type:
            raise VerifyException(f"matrix is {self.matrix.type}, registers hold {source.element_type}")
        if (expected := _transformed(source, self.axis.data, self.matrix)) != self.res.type:
            raise VerifyException(f"result has type {self.res.type}, expected {expected}")


def _transformed(source: VectorType, axis: int, matrix: DenseIntOrFPElementsAttr) -> VectorType:
    shape = list(source.get_shape())
    shape[axis] = matrix.get_shape()[0]
    return VectorType(source.element_type, shape)


def first_rows(matrix: DenseIntOrFPElementsAttr, count: int) -> DenseIntOrFPElementsAttr:
    """The matrix of the first `count` rows."""
    rows, columns = matrix.get_shape()
    if count == rows:
        return matrix
    values = np.array(matrix.get_values()).reshape(rows, columns)[:count]
    type_ = TensorType(matrix.get_element_type(), [count, columns])
    return DenseIntOrFPElementsAttr.from_list(type_, values.reshape(-1).tolist())  # pyright: ignore

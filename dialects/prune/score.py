"""Scores: how much each channel of a group matters."""

from __future__ import annotations

import numpy as np
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp, StringAttr, SymbolRefAttr, TensorType
from xdsl.irdl import IRDLOperation, irdl_op_definition, prop_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import SymbolTable
from xdsl.utils.exceptions import VerifyException

from ..nn.dtypes import dense_array, dense_attribute
from .group import GroupOp


@irdl_op_definition
class ScoreOp(IRDLOperation):
    """How much each channel of a group matters, by one criterion; the lowest leave first.

    ```mlir
    prune.score @conv1 "l1" dense<[0.5, 2.0, 1.25]> : tensor<3xf32>
    ```
    """

    name = "prune.score"
    group = prop_def(SymbolRefAttr)
    criterion = prop_def(StringAttr)
    values = prop_def(DenseIntOrFPElementsAttr)

    def __init__(self, group: str, criterion: str, values: np.ndarray):
        super().__init__(
            properties={
                "group": SymbolRefAttr(group),
                "criterion": StringAttr(criterion),
                "values": dense_attribute(np.asarray(values, np.float32)),
            }
        )

    @property
    def array(self) -> np.ndarray:
        """[channels], f32."""
        return dense_array(self.values)

    def verify_(self) -> None:
        group = SymbolTable.lookup_symbol(self, self.group)
        if not isinstance(group, GroupOp):
            raise VerifyException(f"there is no group {self.group}")
        found, expected = self.values.type, f"tensor<{group.channels}xf32>"
        if not isinstance(found, TensorType) or str(found) != expected:
            raise VerifyException(f"score of {self.group} is {found}, expected {expected}")
        if not np.isfinite(self.array).all():
            raise VerifyException(f"score of {self.group} is not finite")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.group)
        printer.print_string(" ")
        printer.print_string_literal(self.criterion.data)
        printer.print_string(" ")
        printer.print_attribute(self.values)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> ScoreOp:
        group = parser.parse_attribute()
        criterion = parser.parse_str_literal("criterion")
        values = parser.parse_attribute()
        op = cls.create(properties={"group": group, "criterion": StringAttr(criterion), "values": values})
        op.attributes |= parser.parse_optional_attr_dict()
        return op


def scores(module: ModuleOp) -> dict[str, ScoreOp]:
    """The score of each group that has one, by the group's name; of several the last."""
    return {op.group.root_reference.data: op for op in module.body.block.ops if isinstance(op, ScoreOp)}

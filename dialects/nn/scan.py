"""A loop over slices: runs a function of the module again and again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import DenseArrayBase, FunctionType, IntegerAttr, SymbolRefAttr, TensorType
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    prop_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import Pure, SymbolTable
from xdsl.utils.exceptions import VerifyException

from ..errors import TenonError
from .base import shape_text, tensor_of
from .fields import INTEGER, INTEGERS


@irdl_op_definition
class ScanOp(IRDLOperation):
    """Runs a private function `steps` times: a recurrent layer, ONNX's Scan and Loop with a known trip count.

    ```mlir
    %h, %all = nn.scan @step(%h0, %xs, %k) carried 1 sliced 1 steps 12 reversed []
      : (tensor<2x8xf32>, tensor<12x2x4xf32>, tensor<8xf32>) -> (tensor<2x8xf32>, tensor<12x2x8xf32>)

    func.func private @step(%h: tensor<2x8xf32>, %x: tensor<2x4xf32>, %k: tensor<8xf32>)
      -> (tensor<2x8xf32>, tensor<2x8xf32>)
    ```
    Operands are `carried` values, whose first value is given; `sliced` tensors [steps, ...], of which each
    step sees one slice; and captured values, the same in every step. The function takes them in this order
    and returns the next carried values, then elements. Results are the last carried values and the elements
    of all steps, stacked to [steps, ...]. `reversed` lists the sliced operands and stacked results that run
    from the last slice to the first, counted through (sliced operands, then stacked results).
    """

    name = "nn.scan"
    body = prop_def(SymbolRefAttr)
    inputs = var_operand_def(TensorType)
    carried = prop_def(IntegerAttr)
    sliced = prop_def(IntegerAttr)
    steps = prop_def(IntegerAttr)
    reversed = prop_def(DenseArrayBase)
    outs = var_result_def(TensorType)
    traits = traits_def(Pure())
    FIELDS: ClassVar = {"carried": INTEGER, "sliced": INTEGER, "steps": INTEGER, "reversed": INTEGERS}

    def __init__(
        self,
        body: FuncOp,
        inputs: Sequence[SSAValue | Operation],
        *,
        carried: int,
        sliced: int,
        steps: int,
        reversed: Sequence[int] = (),
    ):
        values = {"carried": carried, "sliced": sliced, "steps": steps, "reversed": reversed}
        properties = {name: field.attribute(values[name]) for name, field in self.FIELDS.items()}
        function = body.function_type
        super().__init__(
            operands=[inputs],
            properties=properties | {"body": SymbolRefAttr(body.sym_name.data)},
            result_types=[_result_types([tensor_of(x) for x in inputs], function, carried, sliced, steps)],
        )

    def value_of(self, field: str) -> Any:
        """A property as a Python value."""
        return self.FIELDS[field].value(self.properties[field])

    @property
    def initial(self) -> Sequence[SSAValue]:
        """The first carried values."""
        return self.inputs[: self.value_of("carried")]

    @property
    def slices(self) -> Sequence[SSAValue]:
        """The tensors of which each step sees one slice."""
        first = self.value_of("carried")
        return self.inputs[first : first + self.value_of("sliced")]

    @property
    def captured(self) -> Sequence[SSAValue]:
        return self.inputs[self.value_of("carried") + self.value_of("sliced") :]

    def is_reversed(self, number: int) -> bool:
        """Whether sliced operand `number`, or stacked result `number` - sliced, runs backwards."""
        return number in self.value_of("reversed")

    def function(self) -> FuncOp:
        """The function that is run. Raises VerifyException where there is none of the name."""
        found = SymbolTable.lookup_symbol(self, self.body)
        if not isinstance(found, FuncOp) or found.is_declaration:
            raise VerifyException(f"scan: there is no function {self.body} with a body")
        return found

    def verify_(self) -> None:
        function = self.function()
        inputs = [tensor_of(x) for x in self.inputs]
        carried, sliced, steps = (self.value_of(name) for name in ("carried", "sliced", "steps"))
        try:
            types = _result_types(inputs, function.function_type, carried, sliced, steps)
        except TenonError as error:
            raise VerifyException(str(error)) from error
        if [result.type for result in self.outs] != types:
            raise VerifyException(
                f"scan: results are {_listed(self.result_types)}, expected {_listed(types)}"
            )
        count = sliced + len(types) - carried
        if any(not 0 <= number < count for number in self.value_of("reversed")):
            raise VerifyException(f"scan: reversed {list(self.value_of('reversed'))} is not below {count}")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_attribute(self.body)
        printer.print_operands(self.operands)
        for name, field in self.FIELDS.items():
            printer.print_string(f" {name} {field.text(self.value_of(name))}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_function_type(self.operand_types, self.result_types)

    @classmethod
    def parse(cls, parser: Parser) -> ScanOp:
        body = parser.parse_attribute()
        start = parser.pos
        operands = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        properties: dict[str, Attribute] = {"body": body}
        for name, field in cls.FIELDS.items():
            parser.parse_keyword(name)
            properties[name] = field.attribute(field.parse(parser))
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        function = parser.parse_type()
        if not isinstance(function, FunctionType):
            parser.raise_error("expected the types of operands and results")
        resolved = parser.resolve_operands(operands, function.inputs.data, start)
        op = cls.create(operands=resolved, result_types=list(function.outputs.data), properties=properties)
        op.attributes |= attributes
        return op


def slice_type(tensor: TensorType) -> TensorType:
    """What a step sees of a sliced tensor."""
    return TensorType(tensor.element_type, tensor.get_shape()[1:])


def _listed(types: Iterable[Attribute]) -> str:
    return ", ".join(map(str, types))


def _result_types(
    inputs: list[TensorType], function: FunctionType, carried: int, sliced: int, steps: int
) -> list[TensorType]:
    """What the op returns, after checking the function against the operands."""
    if steps < 1 or min(carried, sliced) < 0 or carried + sliced > len(inputs):
        counts = f"carried {carried}, sliced {sliced}, steps {steps}"
        raise TenonError(f"scan: {counts} do not fit {len(inputs)} operands and at least one step")
    for x in inputs[carried : carried + sliced]:
        if x.get_shape()[:1] != (steps,):
            text = f"a sliced operand has shape {shape_text(x.get_shape())}"
            raise TenonError(f"scan: {text}, expected {steps} slices")
    slices = [slice_type(x) for x in inputs[carried : carried + sliced]]
    expected = [*inputs[:carried], *slices, *inputs[carried + sliced :]]
    if list(function.inputs.data) != expected:
        raise TenonError(f"scan: the function takes {_listed(function.inputs)}, expected {_listed(expected)}")
    outputs = list(function.outputs.data)
    if outputs[:carried] != inputs[:carried]:
        raise TenonError(f"scan: the function returns {_listed(outputs)}, expected the carried types first")
    elements: list[TensorType] = []
    for output in outputs[carried:]:
        if not isinstance(output, TensorType) or not output.has_static_shape():
            raise TenonError(f"scan: the function returns {output}, expected a tensor of static shape")
        elements.append(TensorType(output.element_type, (steps, *output.get_shape())))
    if any(0 in tensor.get_shape() for tensor in (*inputs, *elements)):
        raise TenonError("scan: an operand or result has no elements")
    return [*inputs[:carried], *elements]

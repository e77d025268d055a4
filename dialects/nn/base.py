"""What all nn ops share: one text form, one result whose type is inferred and checked.

nn.<op> [kind](operands) [field value ...] [{attributes}] : (operand types) -> result type
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import FunctionType, StringAttr, TensorType
from xdsl.interfaces import HasCanonicalizationPatternsInterface
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import IRDLOperation, result_def, traits_def
from xdsl.parser import Parser
from xdsl.pattern_rewriter import RewritePattern
from xdsl.printer import Printer
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException

from ..errors import TenonError
from .dtypes import is_stored
from .fields import Field


def tensor_of(value: SSAValue | Operation) -> TensorType:
    """The type of `value`; TenonError unless it is a tensor of static shape."""
    type_ = SSAValue.get(value).type
    if not isinstance(type_, TensorType) or not type_.has_static_shape():
        raise TenonError(f"operand has type {type_}, expected a tensor of static shape")
    return type_


def shape_text(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def same_element(op: str, *tensors: TensorType) -> Attribute:
    """The element type all tensors share; TenonError if they differ."""
    elements = [tensor.element_type for tensor in tensors]
    if any(element != elements[0] for element in elements):
        raise TenonError(f"{op}: element types differ: {', '.join(map(str, elements))}")
    return elements[0]


class NNOperation(IRDLOperation, HasCanonicalizationPatternsInterface):
    """Subclasses list their properties in FIELDS and say in `infer_type` what type the result has."""

    result = result_def(TensorType)
    traits = traits_def(Pure())

    FIELDS: ClassVar[Mapping[str, Field]] = {}
    MOVES: ClassVar[bool] = False
    """Whether the op takes elements that are only stored: integers of 2 and 4 bits, powers of two in 8."""
    KIND: ClassVar[str | None] = None
    """The string property printed as a keyword before the operands."""

    @classmethod
    def properties_of(cls, **values: Any) -> dict[str, Attribute]:
        """Property attributes of the Python values of FIELDS and KIND."""
        kind = {cls.KIND: StringAttr(values.pop(cls.KIND))} if cls.KIND else {}
        return kind | {name: cls.FIELDS[name].attribute(value) for name, value in values.items()}

    def value_of(self, field: str) -> Any:
        """A property as a Python value: a tuple of int, int, bool or float."""
        return self.FIELDS[field].value(self.properties[field])

    def infer_type(self) -> TensorType:
        """The result type that operands and properties imply. Raises TenonError where they are wrong."""
        raise NotImplementedError(self.name)

    @property
    def type(self) -> TensorType:
        return tensor_of(self.result)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        return self.type.get_shape()

    def check_elements(self) -> None:
        """TenonError where an operand or the result has elements that are only stored."""
        for type_ in (*self.operand_types, *self.result_types):
            if not self.MOVES and isinstance(type_, TensorType) and is_stored(type_.element_type):
                raise TenonError(f"{self.name} does not compute with {type_.element_type}: cast it")

    def verify_(self) -> None:
        try:
            self.check_elements()
            inferred = self.infer_type()
        except TenonError as error:
            raise VerifyException(str(error)) from error
        if self.result.type != inferred:
            raise VerifyException(f"result has type {self.result.type}, expected {inferred}")

    def print(self, printer: Printer) -> None:
        if self.KIND:
            kind = self.properties[self.KIND]
            assert isinstance(kind, StringAttr)
            printer.print_string(f" {kind.data}")
        printer.print_operands(self.operands)
        for name, field in self.FIELDS.items():
            printer.print_string(f" {name} {field.text(self.value_of(name))}")
        printer.print_op_attributes(self.attributes)
        printer.print_string(" : ")
        printer.print_function_type(self.operand_types, self.result_types)

    @classmethod
    def parse(cls, parser: Parser):
        values: dict[str, Any] = {cls.KIND: parser.parse_identifier(cls.KIND)} if cls.KIND else {}
        start = parser.pos
        operands = parser.parse_comma_separated_list(parser.Delimiter.PAREN, parser.parse_unresolved_operand)
        for name, field in cls.FIELDS.items():
            parser.parse_keyword(name)
            values[name] = field.parse(parser)
        attributes = parser.parse_optional_attr_dict()
        parser.parse_punctuation(":")
        function = parser.parse_type()
        if not isinstance(function, FunctionType):
            parser.raise_error("expected the types of operands and result")
        resolved = parser.resolve_operands(operands, function.inputs.data, start)
        op = cls.create(
            operands=resolved,
            result_types=list(function.outputs.data),
            properties=cls.properties_of(**values),
        )
        op.attributes |= attributes
        return op

    @classmethod
    def get_canonicalization_patterns(cls) -> tuple[RewritePattern, ...]:
        from .canonicalization import PATTERNS

        return PATTERNS.get(cls.name, ())

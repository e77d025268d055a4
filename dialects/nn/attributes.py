"""Attributes of the nn dialect."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import StringAttr, TensorType
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

DIGEST_LENGTH = 64


@irdl_attr_definition
class WeightAttr(ParametrizedAttribute):
    """Names an array in the weight store beside the module: `#nn.weight<"<sha256>", tensor<64x3x7x7xf32>>`.

    `digest` is the lower-case hexadecimal sha256 over dtype, shape and bytes (see weights.py).
    """

    name = "nn.weight"
    digest: StringAttr
    type: TensorType

    @staticmethod
    def of(digest: str, tensor: TensorType) -> WeightAttr:
        return WeightAttr(StringAttr(digest), tensor)

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            digest = parser.parse_str_literal("digest of a weight")
            parser.parse_punctuation(",")
            tensor = parser.parse_type()
        return (StringAttr(digest), tensor)

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(self.digest.data)
            printer.print_string(", ")
            printer.print_attribute(self.type)

    def verify(self) -> None:
        digest = self.digest.data
        if len(digest) != DIGEST_LENGTH or set(digest) - set("0123456789abcdef"):
            raise VerifyException(f"digest '{digest}' is not {DIGEST_LENGTH} hexadecimal digits")
        if not self.type.has_static_shape():
            raise VerifyException(f"weight of type {self.type} has no static shape")

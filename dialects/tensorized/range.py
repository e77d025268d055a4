"""What is known of the integers of an operand: an interval that holds all of them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ArrayAttr, IntAttr, UnitAttr
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from .access import located

WITHIN = "tensorized.within"
"""The attribute of a `linalg.generic` that says what the elements of its operands lie within, an array of
`#tensorized.range` or `unit`."""


@irdl_attr_definition
class RangeAttr(ParametrizedAttribute):
    """What integers are known to lie within, both ends included: `#tensorized.range<[-64, 64]>`."""

    name = "tensorized.range"
    low: IntAttr
    high: IntAttr

    @staticmethod
    def of(low: int, high: int) -> RangeAttr:
        return RangeAttr(IntAttr(low), IntAttr(high))

    def holds(self, other: RangeAttr) -> bool:
        """Whether `other` lies within this."""
        return self.low.data <= other.low.data and other.high.data <= self.high.data

    @property
    def text(self) -> str:
        return f"[{self.low.data}, {self.high.data}]"

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            return parse_range(parser).parameters

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(self.text)

    def verify(self) -> None:
        if self.low.data > self.high.data:
            raise VerifyException(f"range {self.text} is empty")


def parse_range(parser: AttrParser) -> RangeAttr:
    """`[low, high]`."""
    at = parser.pos
    ends = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
    if len(ends) != 2:
        parser.raise_error(f"a range has two ends, not {len(ends)}", at, parser.pos)
    with located(parser, at):
        return RangeAttr.of(*ends)


def ranges_attribute(ranges: Sequence[RangeAttr | None]) -> ArrayAttr[RangeAttr | UnitAttr] | None:
    """What is known of several operands, in order; None where nothing is."""
    if not any(ranges):
        return None
    return ArrayAttr([UnitAttr() if known is None else known for known in ranges])


def ranges_of(attribute: Attribute | None, count: int) -> list[RangeAttr | None]:
    """`ranges_attribute` read again, for `count` operands."""
    if not isinstance(attribute, ArrayAttr):
        return [None] * count
    return [known if isinstance(known, RangeAttr) else None for known in attribute]

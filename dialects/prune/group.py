"""Groups: dimensions of several values that hold the same channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import (
    ArrayAttr,
    DenseArrayBase,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    SymbolNameConstraint,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import IRDLOperation, irdl_op_definition, opt_prop_def, prop_def, traits_def
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from ..nn.fields import INTEGERS
from .attributes import MOST, EvenAttr, MemberAttr


@irdl_op_definition
class GroupOp(IRDLOperation):
    """Channels that lie along dimensions of several values and can only leave all of them together.

    ```mlir
    prune.group @conv1 extent 64 removed [3, 7]
      members [#prune.member<"conv1", axis 1>, #prune.member<"relu1", axis 1>]
    prune.group @fc extent 1000 pinned "output 'y'" members [#prune.member<"fc", axis 1>]
    ```
    `extent` channels; each member is a dimension of a value and says which of its positions a channel owns.
    `pinned` says why no channel can leave. `even` lists parts that must keep equally many channels, `removed`
    the channels that were selected to leave, ascending.
    """

    name = "prune.group"
    sym_name = prop_def(SymbolNameConstraint())
    extent = prop_def(IntegerAttr)
    pinned = opt_prop_def(StringAttr)
    even = opt_prop_def(ArrayAttr[EvenAttr])
    removed = opt_prop_def(DenseArrayBase)
    members = prop_def(ArrayAttr[MemberAttr])
    traits = traits_def(SymbolOpInterface())

    def __init__(
        self,
        name: str,
        extent: int,
        members: Sequence[MemberAttr],
        *,
        pinned: str | None = None,
        even: Sequence[EvenAttr] = (),
    ):
        properties: dict[str, Attribute | None] = {
            "sym_name": StringAttr(name),
            "extent": IntegerAttr(extent, i64),
            "pinned": None if pinned is None else StringAttr(pinned),
            "even": ArrayAttr(even) if even else None,
            "members": ArrayAttr(members),
        }
        super().__init__(properties=properties)

    @property
    def channels(self) -> int:
        return self.extent.value.data

    @property
    def label(self) -> str:
        """The name."""
        return self.sym_name.data

    @property
    def removed_channels(self) -> tuple[int, ...]:
        return () if self.removed is None else INTEGERS.value(self.removed)

    def remove(self, channels: Sequence[int]) -> None:
        """Say which channels leave."""
        self.removed = INTEGERS.attribute(channels)  # pyright: ignore[reportAttributeAccessIssue]

    def verify_(self) -> None:
        if not 1 <= self.channels <= MOST:
            raise VerifyException(f"group has {self.channels} channels, expected 1 to {MOST}")
        for member in self.members:
            member.positions(self.channels)
        for even in self.even or ():
            count = len(even.parts)
            if count != self.channels:
                raise VerifyException(f'even "{even.op.data}" has {count} entries, expected {self.channels}')
        removed = self.removed_channels
        if list(removed) != sorted(set(removed)) or any(not 0 <= c < self.channels for c in removed):
            raise VerifyException(f"removed {list(removed)} are no ascending channels below {self.channels}")
        if removed and self.pinned is not None:
            raise VerifyException(f"removes {len(removed)} channels and is pinned")

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_symbol_name(self.label)
        printer.print_string(f" extent {self.channels}")
        if self.pinned is not None:
            printer.print_string(" pinned ")
            printer.print_string_literal(self.pinned.data)
        if self.even is not None:
            printer.print_string(" even ")
            printer.print_attribute(self.even)
        if self.removed is not None:
            printer.print_string(f" removed {INTEGERS.text(self.removed_channels)}")
        printer.print_string(" members ")
        printer.print_attribute(self.members)
        printer.print_op_attributes(self.attributes)

    @classmethod
    def parse(cls, parser: Parser) -> GroupOp:
        name = parser.parse_symbol_name()
        parser.parse_keyword("extent")
        extent = parser.parse_integer(allow_boolean=False)
        pinned = even = removed = None
        if parser.parse_optional_keyword("pinned") is not None:
            pinned = parser.parse_str_literal("why no channel can leave")
        if parser.parse_optional_keyword("even") is not None:
            even = parser.parse_attribute()
        if parser.parse_optional_keyword("removed") is not None:
            removed = INTEGERS.parse(parser)
        parser.parse_keyword("members")
        members = parser.parse_attribute()
        op = cls(name.data, extent, (), pinned=pinned)
        op.properties["members"] = members
        if even is not None:
            op.properties["even"] = even
        if removed is not None:
            op.remove(removed)
        op.attributes |= parser.parse_optional_attr_dict()
        return op


def groups(module: ModuleOp) -> Iterator[GroupOp]:
    """The groups of a module."""
    return (op for op in module.body.block.ops if isinstance(op, GroupOp))

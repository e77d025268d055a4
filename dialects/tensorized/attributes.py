"""Attributes of the tensorized dialect: layouts of tensors and levels of a schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    FixedBitwidthType,
    FloatAttr,
    IntAttr,
    NoneAttr,
    StringAttr,
    TensorType,
    f64,
)
from xdsl.ir import Attribute, ParametrizedAttribute
from xdsl.ir.affine import AffineMap
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from .access import located, parse_by_loop


@irdl_attr_definition
class LayoutAttr(ParametrizedAttribute):
    """Where a tensor's elements live: logical index -> physical index, the physical (row-major) shape,
    and the value of every physical position no element maps to (absent: undefined).

    `#tensorized.layout<(d0, d1, d2, d3) -> (d0, d2 + 1, d3 + 1, d1), [1, 58, 58, 64], fill 0.0>` is NHWC
    with a halo of one row and column of zeros. The same form says permutation, halo, blocking
    (floordiv / mod) and row stride (a physical extent larger than the logical one).
    """

    name = "tensorized.layout"
    map: AffineMapAttr
    shape: ArrayAttr[IntAttr]
    fill: FloatAttr | NoneAttr

    @staticmethod
    def of(access: AffineMap, shape: Sequence[int], fill: float | None = None) -> LayoutAttr:
        return LayoutAttr(
            AffineMapAttr(access),
            ArrayAttr(map(IntAttr, shape)),
            NoneAttr() if fill is None else FloatAttr(fill, f64),
        )

    @property
    def access(self) -> AffineMap:
        return self.map.data

    @property
    def physical_shape(self) -> tuple[int, ...]:
        return tuple(n.data for n in self.shape)

    @property
    def fill_value(self) -> float | None:
        return None if isinstance(self.fill, NoneAttr) else self.fill.value.data

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            access = parser.parse_affine_map()
            parser.parse_punctuation(",")
            shape = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
            fill = None
            if parser.parse_optional_punctuation(",") is not None:
                parser.parse_keyword("fill")
                fill = parse_float(parser)
        return LayoutAttr.of(access, shape, fill).parameters

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(f"{self.access}, [{', '.join(map(str, self.physical_shape))}]")
            if self.fill_value is not None:
                printer.print_string(f", fill {float_text(self.fill_value)}")

    def verify(self) -> None:
        if len(self.access.results) != len(self.physical_shape):
            raise VerifyException(
                f"layout map has {len(self.access.results)} results, "
                f"the physical shape {len(self.physical_shape)} dimensions"
            )


def float_text(value: float) -> str:
    """`value` as `parse_float` reads it: the lexer wants a point before an exponent."""
    mantissa, e, exponent = repr(value).partition("e")
    return mantissa + ("" if "." in mantissa or not e else ".0") + e + exponent


def parse_float(parser: AttrParser) -> float:
    """A float as printed by repr: also `inf`, `-inf` and `nan`."""
    negative = parser.parse_optional_punctuation("-") is not None
    for word in ("inf", "nan"):
        if parser.parse_optional_keyword(word) is not None:
            value = float(word)
            break
    else:
        value = float(parser.parse_number(allow_boolean=False))
    return -value if negative else value


def layout_of(tensor: TensorType) -> LayoutAttr:
    """The layout of a tensor type; row-major in logical order where the type names none."""
    if isinstance(tensor.encoding, LayoutAttr):
        return tensor.encoding
    shape = tensor.get_shape()
    return LayoutAttr.of(AffineMap.identity(len(shape)), shape)


def physical_type(tensor: TensorType) -> TensorType:
    """The row-major tensor that holds `tensor` in memory."""
    return TensorType(tensor.element_type, layout_of(tensor).physical_shape)


@irdl_attr_definition
class LevelAttr(ParametrizedAttribute):
    """One level of a schedule: `#tensorized.level<order [o, p] tile {o = 16, p = 6}>`.

    Loops run in `order`, outermost first, each over blocks of its tile (1 if absent). The tiles of the
    last level that has any are the register grid. A loop of extent E runs ceil(E / tile) blocks whose
    sizes differ by at most one (14 by 6 runs 5, 5, 4), except the lane loop, which keeps whole
    registers and a last partial block.

    `threads order [p0] tile {p0 = 28}`: the blocks of this level, which comes first, are the parts that
    threads take; its loops are parallel, so that the results do not depend on how many there are.
    `prefetch [1]`: while a block of the contraction's operand number 1 is read again and again, the block
    that follows it is fetched.
    """

    name = "tensorized.level"
    order: ArrayAttr[StringAttr]
    tile: DictionaryAttr
    prefetch: ArrayAttr[IntAttr]
    binding: StringAttr | NoneAttr

    @staticmethod
    def of(
        order: Sequence[str],
        tile: Mapping[str, int],
        prefetch: Sequence[int] = (),
        binding: str | None = None,
    ) -> LevelAttr:
        return LevelAttr(
            ArrayAttr(map(StringAttr, order)),
            DictionaryAttr({k: IntAttr(v) for k, v in tile.items()}),
            ArrayAttr(map(IntAttr, prefetch)),
            NoneAttr() if binding is None else StringAttr(binding),
        )

    @property
    def loop_order(self) -> list[str]:
        return [name.data for name in self.order]

    @property
    def is_threads(self) -> bool:
        return isinstance(self.binding, StringAttr) and self.binding.data == THREADS

    @property
    def fetched(self) -> list[int]:
        return [operand.data for operand in self.prefetch]

    @property
    def tiles(self) -> dict[str, int]:
        return {k: v.data for k, v in self.tile.data.items() if isinstance(v, IntAttr)}

    @classmethod
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            level = parse_level(parser)
        return level.parameters

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(level_text(self))

    def verify(self) -> None:
        for name, size in self.tiles.items():
            if size < 1:
                raise VerifyException(f"tile of loop {name} is {size}, not positive")
        if any(operand < 0 for operand in self.fetched):
            raise VerifyException(f"prefetch {self.fetched}: operands are counted from 0")
        if len(set(self.fetched)) < len(self.fetched):
            raise VerifyException(f"prefetch {self.fetched}: an operand comes twice")
        if self.fetched and self.is_threads:
            raise VerifyException(
                f"prefetch {self.fetched}: blocks that threads take do not follow one another"
            )
        if isinstance(self.binding, StringAttr) and not self.is_threads:
            raise VerifyException(f"a level is bound to '{self.binding.data}', expected {THREADS}")
        if self.is_threads and set(self.loop_order) != set(self.tiles):
            raise VerifyException(f"threads order {self.loop_order}: each of its loops needs a tile")


THREADS = "threads"
"""What a level may be bound to: its blocks run side by side."""


def parse_level(parser: AttrParser) -> LevelAttr:
    at = parser.pos
    binding = THREADS if parser.parse_optional_keyword(THREADS) is not None else None
    parser.parse_keyword("order")
    order = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_identifier)
    tile: dict[str, int] = {}
    if parser.parse_optional_keyword("tile") is not None:
        tile = parse_by_loop(parser, lambda: parser.parse_integer(allow_boolean=False))
    fetched: list[int] = []
    if parser.parse_optional_keyword("prefetch") is not None:
        fetched = parser.parse_comma_separated_list(parser.Delimiter.SQUARE, parser.parse_integer)
    with located(parser, at):
        return LevelAttr.of(order, tile, fetched, binding)


def level_text(level: LevelAttr) -> str:
    text = f"{THREADS} " if level.is_threads else ""
    text += f"order [{', '.join(level.loop_order)}]"
    if level.tiles:
        text += " tile {" + ", ".join(f"{k} = {v}" for k, v in level.tiles.items()) + "}"
    if level.fetched:
        text += f" prefetch [{', '.join(map(str, level.fetched))}]"
    return text


def element_bytes(element: Attribute) -> int:
    """Bytes one element takes in memory: i1 is stored as a byte."""
    if isinstance(element, FixedBitwidthType):
        return max(1, element.bitwidth // 8)
    raise VerifyException(f"{element} has no size in memory")

"""Text form of loop headers and affine accesses: `loops (h: parallel 7, k: reduction 64)`, `at (h + 1, k)`.

xDSL parses affine maps with named dimensions but prints them as d0, d1; kernels are read by people, so
loops keep their names in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from xdsl.dialects.builtin import ArrayAttr, IntAttr, StringAttr
from xdsl.ir import ParametrizedAttribute
from xdsl.ir.affine import (
    AffineBinaryOpExpr,
    AffineBinaryOpKind,
    AffineConstantExpr,
    AffineDimExpr,
    AffineExpr,
    AffineMap,
)
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AffineParser, AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

KINDS = ("parallel", "reduction")

_Value = TypeVar("_Value")


@contextmanager
def located(parser: AttrParser, at: int) -> Iterator[None]:
    """What an attribute's verifier says of what was parsed since the position `at` names that place."""
    try:
        yield
    except VerifyException as error:
        parser.raise_error(str(error), at, parser.pos)


def parse_by_loop(parser: AttrParser, value: Callable[[], _Value]) -> dict[str, _Value]:
    """`{p2 = 8, p0 = 2}`: something for loops, each of which comes once."""
    found: dict[str, _Value] = {}

    def entry() -> None:
        at = parser.pos
        name = parser.parse_identifier("loop name")
        if name in found:
            parser.raise_error(f"loop {name} comes twice", at, parser.pos)
        parser.parse_punctuation("=")
        found[name] = value()

    parser.parse_comma_separated_list(parser.Delimiter.BRACES, entry)
    return found


@irdl_attr_definition
class LoopAttr(ParametrizedAttribute):
    """One loop of a nest: `#tensorized.loop<h: parallel 7>`. `extent` counts its iterations."""

    name = "tensorized.loop"
    label: StringAttr
    kind: StringAttr
    extent: IntAttr

    @staticmethod
    def of(label: str, kind: str, extent: int) -> LoopAttr:
        return LoopAttr(StringAttr(label), StringAttr(kind), IntAttr(extent))

    @classmethod
    def parse_parameters(cls, parser: AttrParser):
        with parser.in_angle_brackets():
            loop = parse_loop(parser)
        return loop.parameters

    def print_parameters(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string(loop_text(self))

    def verify(self) -> None:
        if self.kind.data not in KINDS:
            raise VerifyException(
                f"loop {self.label.data}: kind {self.kind.data!r} is neither {KINDS[0]} nor {KINDS[1]}"
            )
        if self.extent.data < 1:
            raise VerifyException(f"loop {self.label.data}: extent {self.extent.data} is not positive")


def loop_text(loop: LoopAttr) -> str:
    return f"{loop.label.data}: {loop.kind.data} {loop.extent.data}"


def parse_loop(parser: AttrParser) -> LoopAttr:
    at = parser.pos
    label = parser.parse_identifier("loop name")
    parser.parse_punctuation(":")
    pos = parser.pos
    kind = parser.parse_identifier("loop kind")
    if kind not in KINDS:
        parser.raise_error("expected parallel or reduction", pos, parser.pos)
    extent = parser.parse_integer(allow_boolean=False, allow_negative=False)
    with located(parser, at):
        return LoopAttr.of(label, kind, extent)


def parse_loops(parser: AttrParser) -> ArrayAttr[LoopAttr]:
    parser.parse_keyword("loops")
    return ArrayAttr(parser.parse_comma_separated_list(parser.Delimiter.PAREN, lambda: parse_loop(parser)))


def loops_text(loops: Sequence[LoopAttr]) -> str:
    return "loops (" + ", ".join(map(loop_text, loops)) + ")"


_PRECEDENCE = {
    AffineBinaryOpKind.Add: 1,
    AffineBinaryOpKind.Mul: 2,
    AffineBinaryOpKind.Mod: 2,
    AffineBinaryOpKind.FloorDiv: 2,
    AffineBinaryOpKind.CeilDiv: 2,
}


def expr_text(expr: AffineExpr, names: Sequence[str], outer: int = 0) -> str:
    """`expr` with its dimensions called `names`, parenthesised only where needed."""
    if isinstance(expr, AffineDimExpr):
        return names[expr.position]
    if isinstance(expr, AffineConstantExpr):
        return str(expr.value)
    assert isinstance(expr, AffineBinaryOpExpr)
    level = _PRECEDENCE[expr.kind]
    left, right = expr_text(expr.lhs, names, level), expr_text(expr.rhs, names, level + 1)
    if expr.kind is AffineBinaryOpKind.Add and right.startswith("-"):
        text = f"{left} - {right[1:]}"
    else:
        text = f"{left} {expr.kind.get_token()} {right}"
    return f"({text})" if level < outer else text


def access_text(access: AffineMap, names: Sequence[str]) -> str:
    return "(" + ", ".join(expr_text(e, names) for e in access.results) + ")"


def parse_access(parser: AttrParser, names: Sequence[str]) -> AffineMap:
    """`(h * 2 + r, k)` over the dimensions `names`."""
    # AffineParser's multi-expression rule is private, but Parser.parse_affine_map reaches it the same way.
    affine = AffineParser(parser._parser_state)  # pyright: ignore[reportPrivateUsage]
    bare_id = affine._get_parse_optional_bare_id(list(names), [])  # pyright: ignore[reportPrivateUsage]
    at = parser.pos
    try:
        indices = affine._parse_multi_affine_expr(bare_id)  # pyright: ignore[reportPrivateUsage]
    except NotImplementedError:
        parser.raise_error("an index multiplies or divides by a loop, expected a number", at, parser.pos)
    return AffineMap(len(names), 0, tuple(indices))

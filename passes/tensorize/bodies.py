"""Whether two scalar bodies compute the same: tree isomorphism modulo commutativity; and if not, where they
first differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from xdsl.dialects import arith
from xdsl.ir import Attribute, Block, BlockArgument, Operation, SSAValue

COMMUTATIVE = (
    arith.AddfOp,
    arith.MulfOp,
    arith.AddiOp,
    arith.MuliOp,
    arith.MaximumfOp,
    arith.MinimumfOp,
    arith.MaxnumfOp,
    arith.MinnumfOp,
    arith.MaxSIOp,
    arith.MinSIOp,
    arith.MaxUIOp,
    arith.MinUIOp,
    arith.AndIOp,
    arith.OrIOp,
    arith.XOrIOp,
)

SIGNED = {
    arith.ExtUIOp: arith.ExtSIOp,
    arith.DivUIOp: arith.DivSIOp,
    arith.RemUIOp: arith.RemSIOp,
    arith.ShRUIOp: arith.ShRSIOp,
    arith.MaxUIOp: arith.MaxSIOp,
    arith.MinUIOp: arith.MinSIOp,
    arith.UIToFPOp: arith.SIToFPOp,
    arith.FPToUIOp: arith.FPToSIOp,
}
"""Op on unsigned integers -> the same on signed ones."""


@dataclass
class Difference:
    """The place nearest to the operands at which two bodies part, over all orders of commutative ones."""

    depth: int = -1
    text: str = ""

    def note(self, depth: int, text: str) -> None:
        if depth > self.depth:
            self.depth, self.text = depth, text


def body_bindings(
    pattern: Block, subject: Block, difference: Difference | None = None
) -> Iterator[dict[int, int]]:
    """Every way `pattern` computes what `subject` does: pattern argument -> subject argument; why not goes
    to `difference`. Types must agree at every node: the source type and sign of a cast are compared too."""
    wanted, given = pattern.last_op, subject.last_op
    assert wanted is not None and given is not None
    yield from _Unifier(difference or Difference()).unify(wanted.operands[0], given.operands[0], {}, 0)


def occurrences(pattern: Block, root: SSAValue) -> Iterator[tuple[dict[int, SSAValue], set[SSAValue]]]:
    """Every way `pattern` computes `root` from other values: pattern argument -> value, and the values on the
    way, `root` among them."""
    wanted = pattern.last_op
    assert wanted is not None
    for bound in _Finder().unify(wanted.operands[0], root, {}, 0):
        inner = _between(root, set(bound.values()))
        if root not in bound.values():
            yield bound, inner


def _between(root: SSAValue, ends: set[SSAValue]) -> set[SSAValue]:
    found: set[SSAValue] = set()
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if value not in found and value not in ends and isinstance(value.owner, Operation):
            found.add(value)
            waiting += value.owner.operands
    return found


Bound = dict[int, Any]
"""Pattern argument -> what it stands for: the number of an argument, or a value."""


class _Unifier:
    def __init__(self, difference: Difference):
        self.note = difference.note

    def unify(self, pattern: SSAValue, subject: SSAValue, bound: Bound, depth: int) -> Iterator[Bound]:
        if pattern.type != subject.type:
            self.note(depth, _type_text(pattern, subject, depth))
            return
        if isinstance(pattern, BlockArgument):
            yield from self._bind(pattern, subject, bound, depth)
            return
        wanted, given = pattern.owner, subject.owner
        assert isinstance(wanted, Operation)
        if isinstance(given, Block):
            self.note(depth, f"op: it has {wanted.name} where the operation reads {_name(subject)} as it is")
            return
        if type(wanted) is not type(given):
            self.note(depth, _op_text(wanted, given))
            return
        if not _grants(given, wanted):
            self.note(depth, f"op: its {wanted.name} has other properties than the operation's")
            return
        orders = permutations(given.operands) if isinstance(wanted, COMMUTATIVE) else [tuple(given.operands)]
        for order in orders:
            yield from self._all(list(zip(wanted.operands, order, strict=True)), bound, depth + 1)

    def _all(self, pairs: list[tuple[SSAValue, SSAValue]], bound: Bound, depth: int) -> Iterator[Bound]:
        if not pairs:
            yield bound
            return
        for first in self.unify(*pairs[0], bound, depth):
            yield from self._all(pairs[1:], first, depth)

    def _bind(self, pattern: BlockArgument, subject: SSAValue, bound: Bound, depth: int) -> Iterator[Bound]:
        if not isinstance(subject, BlockArgument):
            made = subject.owner.name if isinstance(subject.owner, Operation) else "a value"
            self.note(depth, f"op: it reads {_name(pattern)} as it is, the operation has {made} there")
        elif bound.get(pattern.index, subject.index) != subject.index:
            self.note(depth, f"operands: {_name(pattern)} would be two operands of the operation")
        else:
            yield {**bound, pattern.index: subject.index}


class _Finder(_Unifier):
    """Pattern arguments stand for any values."""

    def __init__(self) -> None:
        super().__init__(Difference())

    def _bind(self, pattern: BlockArgument, subject: SSAValue, bound: Bound, depth: int) -> Iterator[Bound]:
        if bound.get(pattern.index, subject) is subject:
            yield {**bound, pattern.index: subject}


def _grants(given: Operation, wanted: Operation) -> bool:
    """Whether the operation allows what the instruction does: equal properties, and at least its rights to
    round otherwise (`fastmath`)."""
    theirs, ours = (
        {k: v for k, v in op.properties.items() if not isinstance(v, arith.FastMathFlagsAttr)}
        for op in (given, wanted)
    )
    return theirs == ours and set(_rights(wanted)) <= set(_rights(given))


def _rights(op: Operation) -> tuple:
    flags = op.properties.get("fastmath")
    return tuple(flags.data) if isinstance(flags, arith.FastMathFlagsAttr) else ()


def _name(value: SSAValue) -> str:
    if value.name_hint:
        return f"%{value.name_hint}"
    return f"operand {value.index}" if isinstance(value, BlockArgument) else "a value"


def _type_text(pattern: SSAValue, subject: SSAValue, depth: int) -> str:
    if not depth:
        return f"accumulator type: it yields {pattern.type}, the operation {subject.type}"
    if isinstance(pattern, BlockArgument):
        return f"source type: its {_name(pattern)} is {pattern.type}, the operation reads {subject.type}"
    return f"type: {_maker(pattern)} gives {pattern.type}, the operation's {_maker(subject)} {subject.type}"


def _maker(value: SSAValue) -> str:
    return value.owner.name if isinstance(value.owner, Operation) else _name(value)


def _op_text(wanted: Operation, given: Operation) -> str:
    kinds = {type(wanted), type(given)}
    if any(kinds == {unsigned, signed} for unsigned, signed in SIGNED.items()):
        return f"signedness: it has {wanted.name}{_of(wanted)}, the operation {given.name}"
    return f"op: it has {wanted.name}, the operation {given.name}"


def _of(op: Operation) -> str:
    source: Attribute | SSAValue = op.operands[0]
    return f" of {_name(source)}" if isinstance(source, BlockArgument) else ""

"""Whether two scalar bodies compute the same: tree isomorphism modulo commutativity."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from xdsl.dialects import arith
from xdsl.ir import Block, BlockArgument, SSAValue

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


def body_bindings(pattern: Block, subject: Block) -> Iterator[dict[int, int]]:
    """Every way `pattern` computes what `subject` does: pattern argument -> subject argument.
    Types must agree at every node, so the source type and sign of a cast are compared too."""
    wanted, given = pattern.last_op, subject.last_op
    assert wanted is not None and given is not None
    yield from _unify(wanted.operands[0], given.operands[0], {})


def _unify(pattern: SSAValue, subject: SSAValue, bound: dict[int, int]) -> Iterator[dict[int, int]]:
    if pattern.type != subject.type:
        return
    if isinstance(pattern, BlockArgument):
        if isinstance(subject, BlockArgument) and bound.get(pattern.index, subject.index) == subject.index:
            yield {**bound, pattern.index: subject.index}
        return
    if isinstance(subject, BlockArgument):
        return
    wanted, given = pattern.owner, subject.owner
    if isinstance(wanted, Block) or isinstance(given, Block):
        return
    if type(wanted) is not type(given) or wanted.properties != given.properties:
        return
    orders = permutations(given.operands) if isinstance(wanted, COMMUTATIVE) else [tuple(given.operands)]
    for order in orders:
        yield from _unify_all(list(zip(wanted.operands, order, strict=True)), bound)


def _unify_all(pairs: list[tuple[SSAValue, SSAValue]], bound: dict[int, int]) -> Iterator[dict[int, int]]:
    if not pairs:
        yield bound
        return
    for first in _unify(*pairs[0], bound):
        yield from _unify_all(pairs[1:], first)

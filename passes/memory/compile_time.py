"""Which ops of a function are evaluated once, when the model is compiled."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects.nn import ConstantOp, NNOperation
from ...dialects.tensorized import PackOp


def compile_time_ops(ops: Iterable[Operation]) -> dict[Operation, None]:
    """The constants among `ops` and all nn ops and packs over compile-time values, in order."""
    found: dict[Operation, None] = {}
    values: set[SSAValue] = set()
    for op in ops:
        derived = isinstance(op, NNOperation | PackOp) and values.issuperset(op.operands)
        if derived or isinstance(op, ConstantOp):
            found[op] = None
            values.update(op.results)
    return found


def expression_keys(ops: Iterable[Operation], keys: dict[tuple, int]) -> dict[SSAValue, int]:
    """A number per result of `ops`, which come in order of dominance: equal where the expressions are the
    same ops with the same properties over equal operands. `keys` numbers the expressions; pass it again to
    compare the results of several functions."""
    numbers: dict[SSAValue, int] = {}
    for op in ops:
        operands = tuple(numbers[operand] for operand in op.operands)
        properties = frozenset(op.properties.items())
        for position, result in enumerate(op.results):
            key = (op.name, properties, operands, position, result.type)
            numbers[result] = keys.setdefault(key, len(keys))
    return numbers


def clone_expression(value: SSAValue, clones: dict[SSAValue, SSAValue], before: Operation) -> None:
    """Copies the ops that compute `value`, operands first, those copied before excepted."""
    pending = [value]
    while pending:
        op = pending[-1].owner
        assert isinstance(op, Operation)
        missing = [operand for operand in op.operands if operand not in clones]
        if pending[-1] in clones or not missing:
            pending.pop()
        pending += missing
        if not missing and op.results[0] not in clones:
            copy = op.clone(clones)  # records the results in `clones`
            Rewriter.insert_op(copy, InsertPoint.before(before))

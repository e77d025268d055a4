"""Replacing ops without losing where they came from.

xDSL's own replacement drops source locations; the name of the ONNX node is what reports, errors and
`--check-semantics` know a value by, so every pass replaces ops through here.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import ModuleOp, StringAttr, UnknownLoc
from xdsl.ir import Operation, SSAValue
from xdsl.pattern_rewriter import PatternRewriter
from xdsl.rewriter import Rewriter


def keep_location(new: Operation, source: Operation) -> Operation:
    """Gives `new` the location of `source`, unless it has its own."""
    if isinstance(new.location, UnknownLoc):
        new.location = source.location
    return new


def replace(
    rewriter: PatternRewriter | None,
    op: Operation,
    new_ops: Operation | Sequence[Operation],
    new_results: Sequence[SSAValue | None] | None = None,
) -> None:
    """Put `new_ops` in the place of `op`, whose uses then read `new_results` (the last new op's results if
    not given). New ops inherit the location of `op`, new results its names. Without a pattern rewriter the
    IR is changed directly."""
    ops = [new_ops] if isinstance(new_ops, Operation) else list(new_ops)
    for new in ops:
        keep_location(new, op)
    if rewriter is not None:
        rewriter.replace_op(op, ops, new_results)
    else:
        Rewriter.replace_op(op, ops, new_results)


def free_name(module: ModuleOp, name: str) -> str:
    """`name`, or with a number behind it where the module has the symbol."""
    symbols = (op.properties.get("sym_name") for op in module.body.block.ops)
    taken = {symbol.data for symbol in symbols if isinstance(symbol, StringAttr)}
    unique, n = name, 1
    while unique in taken:
        n += 1
        unique = f"{name}_{n}"
    return unique

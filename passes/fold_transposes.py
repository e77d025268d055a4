"""fold-transposes: reads of a moved tensor become moved reads of the tensor.

Expects: the linalg level (`lower-nn`), where transposes and broadcasts are `linalg.generic`s that copy.
Leaves: no generic that reads such a copy: it reads what was copied, at the permuted access. A copy that only
generics read is gone. What a view or a return reads stays: `fuse-kernels` makes it the epilogue of the kernel
whose result it moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation
from xdsl.ir.affine import AffineConstantExpr, AffineDimExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ..dialects.nn import is_compile_time
from .fusion.group import reduces


@dataclass(frozen=True)
class FoldTransposesPass(ModulePass):
    name = "fold-transposes"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for copy in [found for found in op.walk() if isinstance(found, GenericOp) and moves(found)]:
            for use in list(copy.results[0].uses):
                _fold(copy, use.operation, use.index)
            if not list(copy.results[0].uses):
                start = copy.outputs[0].owner
                Rewriter.erase_op(copy)
                if isinstance(start, Operation) and not any(list(r.uses) for r in start.results):
                    Rewriter.erase_op(start)


def moves(op: GenericOp) -> bool:
    """Whether the op copies its only input to other places: dimensions permuted, repeated or dropped."""
    if len(op.inputs) != 1 or reduces(op) or is_compile_time(op.inputs[0]):
        return False
    read, written = (m.data for m in op.indexing_maps)
    dims = [e.position for e in read.results if isinstance(e, AffineDimExpr)]
    constants = sum(isinstance(e, AffineConstantExpr) for e in read.results)
    last = op.body.block.last_op
    return (
        written.results == AffineMap.identity(written.num_dims).results
        and len(dims) + constants == len(read.results)
        and len(set(dims)) == len(dims)
        and last is not None
        and last.operands[0] is op.body.block.args[0]
    )


def _fold(copy: GenericOp, user: Operation, index: int) -> None:
    """Lets a generic read what was copied, if its operands then still say how far each of its loops runs."""
    if not isinstance(user, GenericOp) or index >= len(user.inputs):
        return
    maps = list(user.indexing_maps)
    maps[index] = AffineMapAttr(copy.indexing_maps.data[0].data.compose(maps[index].data))
    known = {e.position for m in maps for e in m.data.results if isinstance(e, AffineDimExpr)}
    if len(known) < maps[index].data.num_dims:
        return
    user.operands[index] = copy.inputs[0]
    user.properties["indexing_maps"] = ArrayAttr(maps)

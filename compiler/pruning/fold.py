"""Weights that prune-apply cut become constants again: the model is as small in its store as in its IR."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import NameLoc
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn
from ..constants import ConstantRunner
from ..model import Model

CUTS = (nn.GatherOp, nn.SliceOp, nn.PadOp, nn.ReshapeOp)
"""What cutting a weight is made of."""


def fold_cuts(model: Model) -> None:
    """Evaluates every cut of a constant; the result keeps the constant's name. The model then has a store
    of its own, which holds what the module names, and nothing else."""
    runner = ConstantRunner(model.store)
    store = nn.WeightStore()
    for function in [op for op in model.module.ops if isinstance(op, func.FuncOp)]:
        block = function.body.block
        cut: dict[SSAValue, nn.ConstantOp] = {}
        for op in list(block.ops):
            root = _root(op, cut)
            if root is not None:
                cut[op.results[0]] = root
        wanted = [
            value
            for value in cut
            if isinstance(value.owner, CUTS) and not all(_cuts(use.operation, cut) for use in value.uses)
        ]
        # All before any is replaced: a cut of a cut is evaluated from constants of the model's own store.
        for value, array in [(value, runner.evaluate(value)) for value in wanted]:
            _replace(value, nn.constant(store, array), cut[value])
        for op in reversed(list(block.ops)):
            if op.results and not any(result.uses for result in op.results):
                op.detach()
                op.erase()
    for op in model.module.walk():
        if isinstance(op, nn.ConstantOp) and isinstance(op.value, nn.WeightAttr):
            if op.value.digest.data not in store:
                store.put(model.store.get(op.value))
    model.store = store
    model.module.verify()


def _root(op: Operation, cut: dict[SSAValue, nn.ConstantOp]) -> nn.ConstantOp | None:
    """The constant that an op is, or cuts."""
    if isinstance(op, nn.ConstantOp):
        return op
    if isinstance(op, CUTS) and all(operand in cut for operand in op.operands):
        return cut[op.operands[0]]
    return None


def _cuts(op: Operation, cut: dict[SSAValue, nn.ConstantOp]) -> bool:
    return bool(op.results) and op.results[0] in cut


def _replace(value: SSAValue, made: nn.ConstantOp, root: nn.ConstantOp) -> None:
    made.location = root.location if isinstance(root.location, NameLoc) else value.owner.location  # pyright: ignore
    made.attributes |= root.attributes
    made.result.name_hint = root.result.name_hint
    Rewriter.insert_op(made, InsertPoint.before(value.owner))  # pyright: ignore[reportArgumentType]
    value.replace_all_uses_with(made.result)

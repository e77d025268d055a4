"""prune-apply: what masks make useless goes, and the network is smaller.

Expects nn ops and `prune.mask`s, of `prune-select` or written by hand. Leaves no op of the prune dialect: the
same function, without the positions that are zero for certain or that nobody needs. Weights are cut by
compile-time ops (nn.gather, nn.slice), so that no tensor at run time is moved; where a mask hides channels
from one reader only, that reader gathers the others, and a sum with a tensor that holds fewer channels puts
zeros in between. Groups and what was removed of them are kept as the module's attribute `prune.log`.

A product may sum fewer terms, in another order: results agree up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp
from xdsl.ir import Attribute
from xdsl.passes import ModulePass

from ..dialects import prune
from .decompose.mask import decompose_mask
from .functions import straight_functions
from .graph_builder import GraphBuilder
from .pruning.analyze import analyze
from .pruning.flow import Flow
from .pruning.groups import main_function
from .pruning.shrink import Shrinker
from .rewriting import replace

LOG = "prune.log"
"""The module attribute that says what was removed."""


@dataclass(frozen=True)
class PruneApplyPass(ModulePass):
    """Shrinks the first public function."""

    name = "prune-apply"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        _drop_branches(op)
        if any(isinstance(found, prune.MaskOp) for found in op.walk()):
            function = main_function(op, self.name)
            analysis = analyze(function)
            Shrinker(analysis, Flow(analysis, function), function).run()
        _drop_masks(op)
        _log(op)


def _drop_branches(module: ModuleOp) -> None:
    """What masks around them zero is followed through."""
    for branch in [found for found in module.walk() if isinstance(found, prune.BranchOp)]:
        replace(None, branch, [], [branch.x])


def _drop_masks(module: ModuleOp) -> None:
    """Masks elsewhere, in the body of a loop say, become products."""
    for function in straight_functions(module, PruneApplyPass.name):
        for mask in [found for found in function.walk() if isinstance(found, prune.MaskOp)]:
            new = GraphBuilder(mask)
            new.finish(decompose_mask(new, mask))


def _log(module: ModuleOp) -> None:
    """What groups say was removed becomes an attribute; groups and scores go."""
    scores = prune.scores(module)
    entries: list[DictionaryAttr] = []
    for group in list(prune.groups(module)):
        if group.removed_channels:
            entry: dict[str, Attribute] = {"group": group.sym_name, "extent": group.extent}
            if group.label in scores:
                entry["criterion"] = scores[group.label].criterion
            assert group.removed is not None
            entries.append(DictionaryAttr(entry | {"removed": group.removed}))
    for found in list(module.body.block.ops):
        if isinstance(found, prune.GroupOp | prune.ScoreOp):
            found.detach()
            found.erase()
    if entries:
        module.attributes[LOG] = ArrayAttr(entries)

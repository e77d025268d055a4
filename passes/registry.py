"""The table of passes: command-line name -> factory. A factory imports its file when it is called.

A new pass is one line here. Pass name = file name with underscores = class attribute `name`;
tests/test_layering.py checks it. Passes that name a target live in targets/ and its registry.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdsl.passes import ModulePass

# Pass name -> the class in the file of the same name, in the order of the pipeline.
_TABLE = {
    "prune-analyze": "PruneAnalyzePass",
    "prune-score": "PruneScorePass",
    "prune-select": "PruneSelectPass",
    "prune-apply": "PruneApplyPass",
    "qdq-to-integer": "QdqToIntegerPass",
    "fold-batch-norm": "FoldBatchNormPass",
    "quantize-dynamic": "QuantizeDynamicPass",
    "convert-precision": "ConvertPrecisionPass",
    "decompose-nn": "DecomposeNnPass",
    "select-winograd": "SelectWinogradPass",
    "sink-constants": "SinkConstantsPass",
    "legalize-qnn": "LegalizeQnnPass",
    "lower-qnn": "LowerQnnPass",
    "lower-nn": "LowerNnPass",
    "fold-casts": "FoldCastsPass",
    "fold-transposes": "FoldTransposesPass",
    "expand-math": "ExpandMathPass",
    "assign-layouts": "AssignLayoutsPass",
    "fuse-kernels": "FuseKernelsPass",
    "collapse-loops": "CollapseLoopsPass",
    "tensorize-match": "TensorizeMatchPass",
    "schedule-kernels": "ScheduleKernelsPass",
    "plan-memory": "PlanMemoryPass",
    "materialize-weights": "MaterializeWeightsPass",
    "lower-kernels": "LowerKernelsPass",
}


def _lazy(name: str, class_name: str) -> Callable[[], type[ModulePass]]:
    module = "." + name.replace("-", "_")
    return lambda: getattr(import_module(module, __package__), class_name)


PASSES: dict[str, Callable[[], type[ModulePass]]] = {name: _lazy(name, cls) for name, cls in _TABLE.items()}
"""Every pass of this package, by its command-line name."""

"""Reference interpretation: what every op means, on numpy arrays, whole arrays at a time.

A dialect's interpretation is an `InterpreterFunctions` class without constructor arguments, listed in
INTERPRETATIONS. Values are numpy arrays of exactly the type's shape and dtype (dialects/nn/dtypes.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.interpreter import Interpreter

from .nest import evaluate_nest as evaluate_nest
from .scalar import evaluate_body as evaluate_body

INTERPRETATIONS = [
    "tenonc.dialects.reference.control:ControlFunctions",
    "tenonc.dialects.nn.interpretation:NNFunctions",
    "tenonc.dialects.nn.interpretation_norm:NormFunctions",
    "tenonc.dialects.nn.interpretation_scan:ScanFunctions",
    "tenonc.dialects.nn.interpretation_spatial:SpatialFunctions",
    "tenonc.dialects.nn.interpretation_winograd:WinogradFunctions",
    "tenonc.dialects.nn.interpretation_index:IndexFunctions",
    "tenonc.dialects.nn.interpretation_order:OrderFunctions",
    "tenonc.dialects.qnn.interpretation:QnnFunctions",
    "tenonc.dialects.qnn.interpretation_functions:QnnElementFunctions",
    "tenonc.dialects.prune.interpretation:PruneFunctions",
    "tenonc.dialects.reference.tensor:TensorFunctions",
    "tenonc.dialects.reference.linalg:LinalgFunctions",
    "tenonc.dialects.tensorized.interpretation:KernelFunctions",
    "tenonc.dialects.tensorized.interpretation_registers:RegisterFunctions",
    "tenonc.dialects.tensorized.interpretation_buffers:BufferFunctions",
]
"""`module:class` of every interpretation. A new one is one line here."""


@dataclass
class ReferenceInterpreter(Interpreter):
    """An interpreter that knows the weights its module names: digest -> array."""

    weights: Mapping[str, np.ndarray] = field(default_factory=dict)


def interpreter(module: ModuleOp, weights: Mapping[str, np.ndarray] | None = None) -> ReferenceInterpreter:
    """An interpreter of `module` for all dialects of the project; `weights` may be a WeightStore."""
    machine = ReferenceInterpreter(module, weights={} if weights is None else weights)
    for entry in INTERPRETATIONS:
        name, class_name = entry.split(":")
        machine.register_implementations(getattr(import_module(name), class_name)())
    return machine


def weights_of(machine: Interpreter) -> Mapping[str, np.ndarray]:
    """The weights of the interpreter that runs an op."""
    assert isinstance(machine, ReferenceInterpreter)
    return machine.weights

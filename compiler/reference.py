"""Run a model with the reference interpretation: slow, exact, and every intermediate value is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from xdsl.interpreter import Interpreter, PythonValues
from xdsl.ir import Operation, SSAValue

from ..dialects.errors import TenonError
from ..dialects.reference import interpreter
from .executable import checked_input
from .model import Model


class Recorder(Interpreter.Listener):
    """Keeps the result of every op that ran."""

    def __init__(self) -> None:
        self.results: dict[SSAValue, np.ndarray] = {}

    def did_interpret_op(self, op: Operation, results: PythonValues) -> None:
        self.results.update(zip(op.results, results, strict=True))


def run_reference(model: Model, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Every value of the imported model by its ONNX name: inputs, weights in use, intermediates, outputs.

    `inputs` maps input names to arrays of exactly the declared dtypes and shapes. The model must be as
    `load` made it: a pass that rewrote its module has invalidated the names."""
    unknown = set(inputs) ^ {port.name for port in model.inputs}
    if unknown:
        raise TenonError(
            f"inputs are wrong at {sorted(unknown)}, the model has: {[p.name for p in model.inputs]}"
        )
    arrays = [checked_input(port, inputs[port.name]) for port in model.inputs]
    recorder = Recorder()
    machine = interpreter(model.module, model.store)
    machine.listeners = (*machine.listeners, recorder)
    outputs = machine.call_op("main", tuple(arrays))
    found = dict(zip(model.main.body.block.args, arrays, strict=True)) | recorder.results
    values = {name: found[value] for name, value in model.values.items() if value in found}
    return values | dict(zip((port.name for port in model.outputs), outputs, strict=True))

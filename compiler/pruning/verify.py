"""Masked is shrunk: the smaller model computes what the masked one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...dialects import qnn
from ...dialects.errors import TenonError
from ...dialects.reference import interpreter
from ..compare import seeded_inputs
from ..executable import compile
from ..model import Model
from .precise import as_f64

EXACT, NATIVE = 1e-12, 1e-4
"""How far outputs may be apart, of their largest magnitude: in f64, and in native f32. Those of quantized
models not at all in the interpreter; in native code masks stand between floats, where a step may be lost."""


class Check(NamedTuple):
    """The largest difference of an output, relative to its largest magnitude: in the reference interpreter,
    f64 unless the model is `quantized`, and in native code."""

    exact: float
    native: float
    quantized: bool


def verify(masked: Model, model: Model, on_step: Callable[[str], None] | None = None) -> Check:
    """Runs both on seeded inputs. Raises TenonError where they differ by more than they may."""
    step = on_step or (lambda _: None)
    quantized = any(op.dialect_name() == qnn.QNN.name for op in masked.module.walk())
    inputs = seeded_inputs(masked.inputs)
    step("reference interpreter")
    exact = _apart(*(_interpreted(m if quantized else as_f64(m), inputs) for m in (masked, model)))
    step("native code")
    native = _apart(*(list(compile(m, cache=False)(inputs)) for m in (masked, model)))
    limits = (0.0, np.inf) if quantized else (EXACT, NATIVE)
    for what, found, limit in zip(("the interpreter", "native code"), (exact, native), limits, strict=True):
        if not found <= limit:
            raise TenonError(
                f"pruned: in {what} outputs differ by {found:.1e} of the masked, at most {limit}"
            )
    return Check(exact, native, quantized)


def _interpreted(model: Model, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    given = tuple(inputs[port.name].astype(port.dtype) for port in model.inputs)
    return [np.asarray(array) for array in interpreter(model.module, model.store).call_op("main", given)]


def _apart(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
    return max(
        float(np.abs(np.subtract(a, b, dtype=np.float64)).max(initial=0))
        / max(float(np.abs(a).max(initial=0)), np.finfo(float).tiny)
        for a, b in zip(one, other, strict=True)
    )

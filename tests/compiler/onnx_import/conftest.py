"""Comparison of an imported model with onnxruntime."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnxruntime
import pytest

from tenonc.compiler import compile, load, run_reference


def run_onnxruntime(model: Any, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, dict(arrays))


def compare_model(
    model: Any,
    arrays: Mapping[str, np.ndarray],
    native: bool = True,
    bound: float = 1e-5,
    oracle: Any = None,
    **options: Any,
):
    """The model's outputs against onnxruntime's, interpreted and (unless told not to) compiled: within
    `bound` of the largest magnitude, integers exactly. `oracle` is the same model in a form that onnxruntime
    runs, where it does not run this one. Returns the imported model."""
    expected = run_onnxruntime(oracle or model, arrays)
    imported = load(model, **options)
    given = {port.name: arrays[port.name] for port in imported.inputs}
    values = run_reference(imported, given)
    results = [[values[port.name] for port in imported.outputs]]
    if native:
        results.append(list(compile(imported)(given)))
    for found in results:
        for got, want in zip(found, expected, strict=True):
            assert got.dtype == want.dtype and got.shape == want.shape
            allowed = bound * np.abs(want).max(initial=0) if want.dtype.kind == "f" else 0
            np.testing.assert_allclose(got.astype(np.float64), want.astype(np.float64), rtol=0, atol=allowed)
    return imported


@pytest.fixture(scope="session")
def like_onnxruntime() -> Callable[..., Any]:
    return compare_model

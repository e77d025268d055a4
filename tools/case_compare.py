"""Compares a backend case's outputs with what it expects, as the onnx package's own runner does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Wrong(Exception):
    """An output is not what the case says."""


_LEAST_RTOL: dict[str, float] = {"bfloat16": 2**-6}
"""Two units in the last place of a bfloat16, which has 8 bits: what the onnx package's runner allows."""


def compare(outputs: Sequence[Any], expected: Sequence[Any], rtol: float, atol: float) -> None:
    """Raises `Wrong` where outputs differ in number, kind, shape or dtype, or by more than
    atol + rtol * |expected|."""
    if len(outputs) != len(expected):
        raise Wrong(f"{len(outputs)} outputs, expected {len(expected)}")
    for index, (got, want) in enumerate(zip(outputs, expected, strict=True)):
        if isinstance(want, list) and isinstance(got, list):
            compare(got, want, rtol, atol)
        elif isinstance(want, list) or want is None or got is None:
            if want is not got:
                raise Wrong(f"output {index} is a {type(got).__name__}, expected a {type(want).__name__}")
        else:
            _compare_arrays(f"output {index}", np.asarray(got), np.asarray(want), rtol, atol)


def _compare_arrays(what: str, got: np.ndarray, want: np.ndarray, rtol: float, atol: float) -> None:
    if got.shape != want.shape:
        raise Wrong(f"{what} has shape {list(got.shape)}, expected {list(want.shape)}")
    if got.dtype != want.dtype:
        raise Wrong(f"{what} has dtype {got.dtype}, expected {want.dtype}")
    if want.dtype == object:
        if not np.array_equal(got, want):
            raise Wrong(f"{what} has other strings")
        return
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    left, right = got.astype(wide), want.astype(wide)
    rtol = max(rtol, _LEAST_RTOL.get(want.dtype.name, 0.0))
    close = np.isclose(left, right, rtol=rtol, atol=atol, equal_nan=True)
    if not close.all():
        with np.errstate(invalid="ignore"):
            error = np.abs(left - right)[~close]
        worst = np.where(np.isnan(error), np.inf, error).max()
        raise Wrong(
            f"{what}: {int((~close).sum())} of {close.size} values are wrong, the worst by {worst:.3g}"
        )

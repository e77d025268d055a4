"""Calibration data: arrays by input name, checked, and handed out batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...dialects.errors import TenonError
from ..model import Port


class Batches:
    """`data` for inputs `ports`: an array of one batch, or of several one after the other along its first
    dimension; a rest that fills no batch is left out. Iterating gives the inputs of each batch, in order.

    Raises TenonError, naming the input, for another dtype or shape, for NaN, and where there is nothing."""

    def __init__(self, ports: Sequence[Port], data: Mapping[str, Any]):
        self.ports = ports
        if not isinstance(data, Mapping):
            what = f"is a {type(data).__name__}, expected a table of arrays by input name"
            raise TenonError(f"calibration data: {what}")
        unknown = [name for name in data if name not in {port.name for port in ports}]
        if unknown:
            known = ", ".join(port.name for port in ports)
            raise TenonError(f"calibration data: no input '{unknown[0]}', the model's inputs are: {known}")
        self.arrays = [_checked(port, data) for port in ports]
        counts = [
            len(array) // port.shape[0]
            for port, array in zip(ports, self.arrays, strict=True)
            if not _is_one(port, array)
        ]
        self.count = min(counts, default=1)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        for number in range(self.count):
            yield [
                self._part(port, array, number) for port, array in zip(self.ports, self.arrays, strict=True)
            ]

    @staticmethod
    def _part(port: Port, array: np.ndarray, number: int) -> np.ndarray:
        if _is_one(port, array):
            return array
        size = port.shape[0]
        return np.ascontiguousarray(array[number * size : (number + 1) * size])


def _is_one(port: Port, array: np.ndarray) -> bool:
    return array.shape == port.shape


def _checked(port: Port, data: Mapping[str, Any]) -> np.ndarray:
    label = f"calibration data: input '{port.name}'"
    if port.name not in data:
        raise TenonError(f"calibration data: there is no array for input {port}")
    try:
        array = np.asarray(data[port.name])
    except ValueError:  # lists of unequal lengths
        raise TenonError(f"{label}: is no array") from None
    if array.dtype != port.dtype:
        raise TenonError(f"{label}: dtype is {array.dtype}, expected {port.dtype}")
    if array.shape != port.shape:
        expected = f"[N, {', '.join(map(str, port.shape[1:]))}]" if port.shape else "a scalar"
        if not port.shape or array.ndim != len(port.shape) or array.shape[1:] != port.shape[1:]:
            raise TenonError(f"{label}: shape is {list(array.shape)}, expected {expected}")
        if len(array) < port.shape[0]:
            raise TenonError(f"{label}: {len(array)} samples, expected at least {port.shape[0]}, one batch")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        what = "NaN" if np.isnan(array).any() else "an infinity"
        raise TenonError(f"{label}: holds {what}, expected finite numbers")
    return array

"""How a pass asks for the value of an expression. Passes never execute IR; `compiler` does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from xdsl.ir import SSAValue


class Runner(Protocol):
    def evaluate(self, value: SSAValue) -> np.ndarray:
        """The array of a compile-time value: its type's shape and dtype. Raises TenonError if a weight it
        names is missing."""
        ...


class DataRunner(Runner, Protocol):
    def batches(self, values: Sequence[SSAValue]) -> Iterator[list[np.ndarray]]:
        """The arrays of run-time values of the module's first public function, for one batch of calibration
        data after another. Raises TenonError where there is no data."""
        ...

"""How a pass asks for the value of an expression. Passes never execute IR; `compiler` does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from xdsl.ir import SSAValue


class Runner(Protocol):
    def evaluate(self, value: SSAValue) -> np.ndarray:
        """The array of a compile-time value: its type's shape and dtype. Raises TenonError if a weight it
        names is missing."""
        ...

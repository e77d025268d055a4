"""What the loop over slices means."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from .interpretation import Args
from .scan import ScanOp


@register_impls
class ScanFunctions(InterpreterFunctions):
    @impl(ScanOp)
    def scan(self, interpreter: Interpreter, op: ScanOp, args: Args):
        carried, sliced, steps = (op.value_of(name) for name in ("carried", "sliced", "steps"))
        state, slices, captured = (
            args[:carried],
            args[carried : carried + sliced],
            args[carried + sliced :],
        )
        made: list[tuple[np.ndarray, ...]] = []
        for step in range(steps):
            seen = [
                x[steps - 1 - step if op.is_reversed(number) else step] for number, x in enumerate(slices)
            ]
            results = interpreter.call_op(op.body, (*state, *map(np.asarray, seen), *captured))
            state = results[:carried]
            made.append(results[carried:])
        stacked = [np.stack(elements) for elements in zip(*made, strict=True)]
        flipped = [x[::-1] if op.is_reversed(sliced + i) else x for i, x in enumerate(stacked)]
        return (*state, *flipped)

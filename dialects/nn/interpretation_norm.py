"""What the norms mean, in numpy: evaluated in f64, rounded once."""

from __future__ import annotations

import numpy as np
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls

from .interpretation import Args, rounded, wide
from .normalize import NormalizeOp


@register_impls
class NormFunctions(InterpreterFunctions):
    @impl(NormalizeOp)
    def normalize(self, interpreter: Interpreter, op: NormalizeOp, args: Args):
        x, *parameters = map(wide, args)
        x, axes = x.reshape(op.grouped_shape), op.grouped_axes
        epsilon, kind = op.value_of("epsilon"), op.kind.data
        with np.errstate(all="ignore"):
            if kind == "standard":
                x = x - x.mean(axis=axes, keepdims=True)
            if kind in ("standard", "rms"):
                divisor = np.sqrt(np.square(x).mean(axis=axes, keepdims=True) + epsilon)
            else:
                powers = np.abs(x) ** int(kind[1])
                divisor = np.maximum(powers.sum(axis=axes, keepdims=True) ** (1 / int(kind[1])), epsilon)
            y = (x / divisor).reshape(op.shape)
            for combine, parameter in zip((np.multiply, np.add), parameters):
                y = combine(y, parameter)
            return rounded(op, y)

"""qdq-to-integer: what is computed between qnn.dequantize and qnn.quantize is computed on integers.

Expects nn and qnn ops, as imported and canonicalized. Leaves qnn ops, and nn ops on integers, in the place of
nn ops whose operands are dequantized and whose result is quantized:

- convolutions and matrix products of bytes add up in i32, with the bias, and are requantized; where their
  result stays float it is dequantized behind them;
- clamps (relu, clip) become the range of what quantizes behind them;
- what moves elements moves integers, requantized where parameters differ;
- sums, products, means, softmax become qnn ops; any other function, or chain of functions, of one tensor of
  bytes becomes a table of 256 results.

Parameters are combined in f32, at compile time: s_x * s_w of a product, as onnxruntime has it. An op that
stays float says why in `qnn.stays_float`; the module's attribute of that name lists them all.

What one op makes of the same integers differs by one step at most, where the float it rounds lies next to a
half (with a float bias, which is rounded to the scale of the products, next to it by a thousandth of a step);
floats that are dequantized from it by that step. A NaN that a clamp follows becomes its low end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from .functions import straight_functions
from .qdq.islands import Islands
from .qdq.reasons import is_quantized, mark


@dataclass(frozen=True)
class QdqToIntegerPass(ModulePass):
    """Leaves a program without qnn ops as it is."""

    name = "qdq-to-integer"
    preserves: ClassVar[str] = "quantized(1)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if not is_quantized(op):
            return
        for function in straight_functions(op, self.name):
            islands = Islands(function)
            islands.run()
            mark(op, islands.ops, islands.known, islands.reasons)

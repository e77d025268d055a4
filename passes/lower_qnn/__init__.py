"""lower-qnn: quantized ops become loop nests over integers.

Expects qnn ops whose operand types the target can multiply (legalize-qnn). Leaves compile-time ops as they
are, and in the place of every other qnn op `linalg.generic`, views, and a few nn ops for lower-nn: what is
read of scales and zero points (quotients, bounds, tables), compile-time where those are. Every integer is the
one that the op means; a softmax, and a table of parameters that are not compile-time, are float functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ...dialects import nn, qnn
from ..lower_nn import lower, runtime_ops
from ..lower_nn.emitter import Rule
from .affine import lower_dequantize, lower_quantize, lower_requantize
from .arithmetic import lower_add, lower_concat, lower_mul, lower_subtract
from .contraction import lower_conv, lower_matmul
from .functions import lower_elementwise, lower_leaky_relu, lower_softmax
from .reduce import lower_pool, lower_reduce
from .simulated import lower_simulated_dequantize, lower_simulated_quantize

RULES: dict[type[nn.NNOperation], Rule] = {
    qnn.QuantizeOp: lower_quantize,
    qnn.DequantizeOp: lower_dequantize,
    qnn.RequantizeOp: lower_requantize,
    qnn.ConvOp: lower_conv,
    qnn.MatmulOp: lower_matmul,
    qnn.AddOp: lower_add,
    qnn.SubtractOp: lower_subtract,
    qnn.MulOp: lower_mul,
    qnn.ConcatOp: lower_concat,
    qnn.ElementwiseOp: lower_elementwise,
    qnn.LeakyReluOp: lower_leaky_relu,
    qnn.SoftmaxOp: lower_softmax,
    qnn.PoolOp: lower_pool,
    qnn.ReduceOp: lower_reduce,
    qnn.SimulatedQuantizeOp: lower_simulated_quantize,
    qnn.SimulatedDequantizeOp: lower_simulated_dequantize,
}
"""Op -> what emits the ops in its place and returns the value that replaces its result."""


@dataclass(frozen=True)
class LowerQnnPass(ModulePass):
    """Turns every qnn op that is not compile-time into loop nests over integers."""

    name = "lower-qnn"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for node in runtime_ops(op):
            if isinstance(node, qnn.QnnOperation):
                lower(node, RULES, "lower-qnn: {} has no lowering")

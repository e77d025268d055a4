"""The qnn dialect: ops on integers that stand for reals, (q - zero point) * scale.

Scales and zero points are operands; how results are rounded, in which arithmetic and what becomes of a NaN
are fields, never a target's choice: every integer is the same on every path.
"""

from xdsl.ir import Dialect

from .affine import DequantizeOp as DequantizeOp
from .affine import QuantizeOp as QuantizeOp
from .affine import RequantizeOp as RequantizeOp
from .arithmetic import AddOp as AddOp
from .arithmetic import ConcatOp as ConcatOp
from .arithmetic import MulOp as MulOp
from .arithmetic import SubtractOp as SubtractOp
from .base import QnnOperation as QnnOperation
from .contraction import ConvOp as ConvOp
from .contraction import ConvTransposeOp as ConvTransposeOp
from .contraction import MatmulOp as MatmulOp
from .functions import ElementwiseOp as ElementwiseOp
from .functions import LeakyReluOp as LeakyReluOp
from .functions import SoftmaxOp as SoftmaxOp
from .parameters import BYTES as BYTES
from .parameters import NARROW as NARROW
from .parameters import QUANTIZED as QUANTIZED
from .parameters import check_values as check_values
from .parameters import limits as limits
from .parameters import ui8 as ui8
from .parameters import ui16 as ui16
from .reduce import PoolOp as PoolOp
from .reduce import ReduceOp as ReduceOp
from .simulated import CODES as CODES
from .simulated import SimulatedDequantizeOp as SimulatedDequantizeOp
from .simulated import SimulatedQuantizeOp as SimulatedQuantizeOp

QNN = Dialect(
    "qnn",
    [
        QuantizeOp,
        DequantizeOp,
        RequantizeOp,
        ConvOp,
        ConvTransposeOp,
        MatmulOp,
        AddOp,
        SubtractOp,
        MulOp,
        ConcatOp,
        ElementwiseOp,
        LeakyReluOp,
        SoftmaxOp,
        PoolOp,
        ReduceOp,
        SimulatedQuantizeOp,
        SimulatedDequantizeOp,
    ],
)

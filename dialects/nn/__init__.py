"""The nn dialect: float graph operations with ONNX meaning, on tensors of static shape."""

from xdsl.ir import Dialect

from .attributes import WeightAttr as WeightAttr
from .base import NNOperation as NNOperation
from .base import shape_text as shape_text
from .base import tensor_of as tensor_of
from .constant import ConstantOp as ConstantOp
from .constant import compile_time_values as compile_time_values
from .constant import constant as constant
from .constant import is_compile_time as is_compile_time
from .constant import one_number as one_number
from .constant import scalar as scalar
from .conv import ConvOp as ConvOp
from .conv_transpose import ConvTransposeOp as ConvTransposeOp
from .dtypes import POWERS_OF_TWO as POWERS_OF_TWO
from .dtypes import SMALL_FLOATS as SMALL_FLOATS
from .dtypes import SUB_BYTE as SUB_BYTE
from .dtypes import bits_of as bits_of
from .dtypes import compute_type as compute_type
from .dtypes import dense_array as dense_array
from .dtypes import dense_attribute as dense_attribute
from .dtypes import element_type as element_type
from .dtypes import is_half as is_half
from .dtypes import is_small as is_small
from .dtypes import numpy_dtype as numpy_dtype
from .elementwise import BitcastOp as BitcastOp
from .elementwise import CastOp as CastOp
from .elementwise import ElementwiseOp as ElementwiseOp
from .functions import ELEMENTWISE as ELEMENTWISE
from .index import GatherElementsOp as GatherElementsOp
from .index import GatherOp as GatherOp
from .index import IotaOp as IotaOp
from .linear import MatmulOp as MatmulOp
from .norm import BatchNormOp as BatchNormOp
from .normalize import NormalizeOp as NormalizeOp
from .order import ArgReduceOp as ArgReduceOp
from .order import CumulateOp as CumulateOp
from .order import TopKOp as TopKOp
from .pool import PoolOp as PoolOp
from .reduce import ReduceOp as ReduceOp
from .reduce import SoftmaxOp as SoftmaxOp
from .resize import ResizeOp as ResizeOp
from .scan import ScanOp as ScanOp
from .scan import slice_type as slice_type
from .scatter import ScatterElementsOp as ScatterElementsOp
from .scatter import ScatterOp as ScatterOp
from .shape import BroadcastOp as BroadcastOp
from .shape import ConcatOp as ConcatOp
from .shape import PadOp as PadOp
from .shape import ReshapeOp as ReshapeOp
from .shape import SliceOp as SliceOp
from .shape import TransposeOp as TransposeOp
from .weights import WeightStore as WeightStore
from .winograd import WinogradInputOp as WinogradInputOp
from .winograd import WinogradOutputOp as WinogradOutputOp
from .winograd import WinogradWeightsOp as WinogradWeightsOp

NN = Dialect(
    "nn",
    [
        ConstantOp,
        ElementwiseOp,
        CastOp,
        BitcastOp,
        ConvOp,
        ConvTransposeOp,
        WinogradInputOp,
        WinogradWeightsOp,
        WinogradOutputOp,
        PoolOp,
        MatmulOp,
        ReduceOp,
        SoftmaxOp,
        BatchNormOp,
        NormalizeOp,
        ResizeOp,
        ScanOp,
        ReshapeOp,
        TransposeOp,
        ConcatOp,
        SliceOp,
        PadOp,
        BroadcastOp,
        IotaOp,
        GatherOp,
        GatherElementsOp,
        ScatterOp,
        ScatterElementsOp,
        ArgReduceOp,
        TopKOp,
        CumulateOp,
    ],
    [WeightAttr],
)

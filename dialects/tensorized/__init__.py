"""The tensorized dialect: instructions, kernels, scheduled loop nests and grids of registers."""

from xdsl.ir import Dialect

from .access import LoopAttr as LoopAttr
from .attributes import LayoutAttr as LayoutAttr
from .attributes import LevelAttr as LevelAttr
from .attributes import layout_of as layout_of
from .attributes import physical_type as physical_type
from .buffers import EmptyOp as EmptyOp
from .buffers import IotaOp as IotaOp
from .buffers import PackOp as PackOp
from .call import CallOp as CallOp
from .combine import CombineOp as CombineOp
from .combine import SpreadOp as SpreadOp
from .compute import ComputeOp as ComputeOp
from .contract import ContractOp as ContractOp
from .gather import GatherOp as GatherOp
from .instruction import InstructionOp as InstructionOp
from .instruction import YieldOp as YieldOp
from .kernel import KernelOp as KernelOp
from .kernel import kernels as kernels
from .lookup import LookupOp as LookupOp
from .lookup import looks_up as looks_up
from .nest import GenericOp as GenericOp
from .nest import NestOperation as NestOperation
from .prefetch import PrefetchOp as PrefetchOp
from .range import RangeAttr as RangeAttr
from .register import ApplyOp as ApplyOp
from .register import LoadOp as LoadOp
from .register import MapOp as MapOp
from .register import RegisterAccess as RegisterAccess
from .register import StoreOp as StoreOp
from .transform import Line as Line
from .transform import LinearOp as LinearOp
from .transform import TransformOp as TransformOp
from .transform import first_rows as first_rows

TENSORIZED = Dialect(
    "tensorized",
    [
        YieldOp,
        InstructionOp,
        KernelOp,
        CallOp,
        GenericOp,
        ContractOp,
        TransformOp,
        PackOp,
        EmptyOp,
        IotaOp,
        LookupOp,
        LoadOp,
        GatherOp,
        PrefetchOp,
        StoreOp,
        ApplyOp,
        ComputeOp,
        MapOp,
        LinearOp,
        CombineOp,
        SpreadOp,
    ],
    [LoopAttr, LayoutAttr, LevelAttr, RangeAttr],
)

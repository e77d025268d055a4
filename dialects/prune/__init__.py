"""The prune dialect: which dimensions shrink together, how much each channel matters, which are masked."""

from xdsl.ir import Dialect

from .attributes import EvenAttr as EvenAttr
from .attributes import MemberAttr as MemberAttr
from .branch import BranchOp as BranchOp
from .group import GroupOp as GroupOp
from .group import groups as groups
from .mask import MaskOp as MaskOp
from .score import ScoreOp as ScoreOp
from .score import scores as scores

PRUNE = Dialect("prune", [GroupOp, ScoreOp, BranchOp, MaskOp], [MemberAttr, EvenAttr])

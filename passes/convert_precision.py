"""convert-precision: contractions of f32 read 16-bit floats, and what is kept in memory is kept in them.

Expects: nn ops, norms not yet decomposed (their statistics stay f32).
Leaves: the same ops, computing in f32 as before, and `nn.cast`s in pairs that say where a value is rounded:
`cast` to the narrow type, which is what later passes keep in memory, and back. Rounded are

- both operands of every convolution and matrix product, weights at compile time; sums stay f32. A depthwise
  convolution sums too little to gain: its weights stay;
- every intermediate value that an op reads from memory: pools, norms, concats, resizes, reads of positions,
  and an elementwise op of as many elements that first needs another value (a residual).

Not rounded are arguments and results of functions and loops, constants that no contraction reads, what only
softmax and reductions read, and values of fewer elements than the one they are combined with (scales, gates).
What only moves elements (reshape, transpose, slice, concat, maximum pool, ...) moves the narrow ones.

A rounding to bf16 changes a value by at most 2**-9 of its magnitude; what is computed from it, by that times
the condition of the computation. `tenonc compare --precision bf16` shows the deviation of every value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import BFloat16Type, ModuleOp, TensorType, bf16, f32
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import nn
from ..dialects.errors import UsageError
from .rewriting import keep_location

PRECISIONS: dict[str, BFloat16Type | None] = {"fp32": None, "bf16": bf16}
"""What a precision is called -> the type that values are kept in; None leaves them as they are."""

CONTRACTIONS = (nn.ConvOp, nn.ConvTransposeOp, nn.MatmulOp)

MOVING = (
    nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.PadOp, nn.BroadcastOp, nn.ConcatOp, nn.PoolOp, nn.GatherOp,
)  # fmt: skip
"""Ops whose result holds elements of their first operand (a concat's: all of them), unchanged."""

LOCAL = (nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.PadOp, nn.BroadcastOp)
"""Those that read from memory only if what reads them does."""

STATISTICS = (nn.SoftmaxOp, nn.ReduceOp, nn.CumulateOp, nn.ArgReduceOp, nn.TopKOp)
"""Ops that read values as exact as they are."""


@dataclass(frozen=True)
class ConvertPrecisionPass(ModulePass):
    """`convert-precision{to=bf16}`; `to=fp32` changes nothing."""

    name = "convert-precision"
    preserves: ClassVar[str] = "nothing"

    to: str = "fp32"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.to not in PRECISIONS:
            raise UsageError(f"unknown precision '{self.to}': expected one of {', '.join(PRECISIONS)}")
        element = PRECISIONS[self.to]
        if element is None:
            return
        for function in list(op.walk()):
            if isinstance(function, func.FuncOp) and not function.is_declaration:
                _Conversion(function, element).run()


class _Conversion:
    """One function. `narrow` maps a value to the same in the narrow type."""

    def __init__(self, function: func.FuncOp, element: Attribute):
        self.element = element
        self.ops = [op for op in function.walk() if isinstance(op, nn.NNOperation | nn.ScanOp)]
        self.known = nn.compile_time_values(self.ops)
        self.position: dict[SSAValue, int] = {op.results[0]: i for i, op in enumerate(self.ops)}
        self.roots: dict[SSAValue, SSAValue] = {}
        self.narrow: dict[SSAValue, SSAValue] = {}

    def run(self) -> None:
        for op in self.ops:
            if isinstance(op, nn.NNOperation):
                self.roots[op.result] = self._root(op)
        kept = self._kept()
        for op in self.ops:
            if isinstance(op, nn.NNOperation) and op.result in kept:
                self._keep(op)
        for op in self.ops:
            if isinstance(op, CONTRACTIONS):
                self._round_operands(op)

    def _root(self, op: nn.NNOperation) -> SSAValue:
        """The value whose kernel can go on to compute `op`: the last one that it needs."""
        if not isinstance(op, (nn.ElementwiseOp, nn.CastOp, *LOCAL)):
            return op.result
        roots = [self.roots.get(v, v) for v in op.operands if v not in self.known]
        return max(roots, key=lambda root: self.position.get(root, -1), default=op.result)

    def _kept(self) -> set[SSAValue]:
        """The values that are rounded: those that an op reads from memory."""
        kept: set[SSAValue] = set()
        for op in reversed(self.ops):
            value = op.results[0]
            free = isinstance(op, nn.NNOperation) and _is_float(value) and value not in self.known
            users = [use.operation for use in value.uses]
            returned = any(not isinstance(user, nn.NNOperation) for user in users)
            if free and not returned and any(self._reads_memory(user, value, kept) for user in users):
                kept.add(value)
        return kept

    def _reads_memory(self, user: Operation, value: SSAValue, kept: set[SSAValue]) -> bool:
        if isinstance(user, STATISTICS):
            return False
        if isinstance(user, LOCAL):
            return user.results[0] in kept
        if not isinstance(user, nn.ElementwiseOp | nn.CastOp):
            return not (isinstance(user, CONTRACTIONS) and not self._is_operand(user, value))
        root = self.roots[user.results[0]]
        whole = nn.tensor_of(value).element_count() == nn.tensor_of(user.results[0]).element_count()
        return whole and root is not self.roots[value] and not isinstance(root.owner, STATISTICS)

    def _is_operand(self, op: Operation, value: SSAValue) -> bool:
        """Whether a contraction multiplies the value: a bias it only adds."""
        return any(op.operands[i] is value for i in self._factors(op))

    def _factors(self, op: Operation) -> Iterable[int]:
        """The operands of a contraction that it reads in the narrow type."""
        depthwise = (
            isinstance(op, nn.ConvOp) and op.value_of("groups") > 1 and nn.tensor_of(op.w).get_shape()[1] == 1
        )
        return (0,) if depthwise else (0, 1)

    def _keep(self, op: nn.NNOperation) -> None:
        """Gives all readers of the op's result the rounded value."""
        value = op.result
        uses = list(value.uses)
        moved = self._moved(op)
        if moved is not None:
            narrow = self._insert_after(op, moved)
        else:
            narrow = self._insert_after(op, nn.CastOp(value, self.element))
        wide = self._insert_after(narrow.owner, nn.CastOp(narrow, f32))
        self.narrow[wide] = narrow
        for use in uses:
            use.operation.operands[use.index] = wide
        if moved is not None and not list(value.uses):
            Rewriter.erase_op(op)

    def _moved(self, op: nn.NNOperation) -> nn.NNOperation | None:
        """The op on narrow operands, if it only moves elements and those are there."""
        if not isinstance(op, MOVING) or (isinstance(op, nn.PoolOp) and op.kind.data != "max"):
            return None
        count = len(op.operands) if isinstance(op, nn.ConcatOp) else 1
        if not any(v in self.narrow for v in op.operands[:count]):
            return None
        operands = [self._narrowed(op, v) if i < count else v for i, v in enumerate(op.operands)]
        result = TensorType(self.element, op.shape)
        return type(op).create(operands=operands, result_types=[result], properties=op.properties)

    def _round_operands(self, op: Operation) -> None:
        for i in self._factors(op):
            value = op.operands[i]
            if _is_float(value) and value not in self.narrow:
                narrow = self._narrowed(op, value)
                wide = self._insert_before(op, nn.CastOp(narrow, f32))
                op.operands[i] = wide

    def _narrowed(self, user: Operation, value: SSAValue) -> SSAValue:
        """`value` in the narrow type, before `user`."""
        if value in self.narrow:
            return self.narrow[value]
        return self._insert_before(user, nn.CastOp(value, self.element))

    @staticmethod
    def _insert_before(op: Operation, new: nn.NNOperation) -> SSAValue:
        Rewriter.insert_op(keep_location(new, op), InsertPoint.before(op))
        return new.result

    @staticmethod
    def _insert_after(op: object, new: nn.NNOperation) -> SSAValue:
        assert isinstance(op, Operation)
        new.location = op.location
        Rewriter.insert_op(new, InsertPoint.after(op))
        return new.result


def _is_float(value: SSAValue) -> bool:
    return isinstance(value.type, TensorType) and value.type.element_type == f32

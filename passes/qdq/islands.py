"""One function of a quantized program: floats that integers are known for become these integers.

Its ops are taken in order. A value that is dequantized, moved or summed up is known as integers (`Affine`)
from then on. At each qnn.quantize, the integers it asks for are made of what is known, through the ops
between (asked.py). What is then still read as a float is dequantized there; what nothing reads is erased.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import f32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue
from xdsl.rewriter import Rewriter

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder
from .affine import Affine, Facts, Target, element_of, is_scalar, scalar_of
from .asked import Asked
from .moving import POSITIONS, axis_behind, fill_of, moved_operands, redone
from .spelled import spelled_out
from .sums import SUMS, rescaled, with_bias, with_float_bias


class Islands:
    """`reasons` says of ops why they stay float."""

    def __init__(self, function: FuncOp):
        self.block = function.body.block
        self.ops = [op for op in self.block.ops if isinstance(op, nn.NNOperation)]
        self.known = nn.compile_time_values(self.block.ops)
        self.affine: dict[SSAValue, Affine] = {}
        self.dynamic: dict[SSAValue, Affine] = {}
        self.reasons: dict[Operation, str] = {}
        order: dict[Operation, int] = {op: index for index, op in enumerate(self.ops)}
        self.asked = Asked(Facts(self.affine, self.known, order), self.reasons)

    def run(self) -> None:
        for op in self.ops:
            if isinstance(op, qnn.DequantizeOp):
                self._read(op)
            elif isinstance(op, qnn.QuantizeOp):
                self._write(op)
            elif isinstance(op, nn.ElementwiseOp) and (sums := spelled_out(op)):
                self._read_sums(op, sums)
            elif not isinstance(op, qnn.QnnOperation):
                self._pass_on(op)
        for op in reversed(list(self.block.ops)):
            self._finish(op)

    def _read(self, op: qnn.DequantizeOp) -> None:
        if element_of(op.result) != f32 or op.value_of("block"):
            return
        known = self.affine if {op.s, op.zp} <= self.known else self.dynamic
        known[op.result] = Affine(op.x, op.s, op.zp, op.value_of("axis"))

    def _read_sums(self, op: nn.ElementwiseOp, sums: Affine) -> None:
        if any(value in self.known for value in op.inputs):
            self.affine[op.result] = sums
        else:
            new = GraphBuilder(op)
            new.finish(sums.dequantized(new))

    def _write(self, op: qnn.QuantizeOp) -> None:
        """Puts integers in the place of what `op` makes of a float, and of the bounds that follow."""
        if op.result in self.known:
            return
        maker = op.x.owner
        if not is_scalar(op.s) or not is_scalar(op.zp) or op.value_of("block"):
            self._stays(maker, "its result is quantized with parameters per channel")
        elif not {op.s, op.zp} <= self.known:
            self._stays(maker, "its result is quantized with parameters known at run time only")
        else:
            target, last = _bounded(op)
            new = GraphBuilder(op)
            made = self.asked.quantized(new, op, target)
            if made is None and last is not op:
                made = target.quantized(new, op.x)
            if made is not None:
                _named(made, op)
                last.result.replace_all_uses_with(made)

    def _stays(self, op: object, reason: str) -> None:
        if isinstance(op, Operation):
            self.reasons.setdefault(op, reason)

    def _pass_on(self, op: nn.NNOperation) -> None:
        """What `op` makes of integers that are known, where it makes the same of the floats."""
        new, operands = GraphBuilder(op), [self.affine.get(value) for value in op.operands]
        if type(op) in SUMS:
            found = self._summed(new, op, operands)
        elif not any(operands):
            return
        elif isinstance(op, POSITIONS):
            found = _positions(new, op, operands[0])
        elif isinstance(op, nn.ElementwiseOp):
            found = _moved(new, op, operands) or _computed(new, op, operands, self.known)
        else:
            found = _moved(new, op, operands)
        if isinstance(found, Affine):
            self.affine[op.result] = found

    def _summed(
        self, new: GraphBuilder, op: nn.NNOperation, operands: Sequence[Affine | None]
    ) -> Affine | None:
        """With a bias or parameters known at run time only, the result is a float at once."""
        either = [known or self.dynamic.get(v) for known, v in zip(operands, op.operands, strict=True)]
        if not any(either):
            return None
        dynamic = any(v in self.dynamic for v in op.operands) or not self.known.issuperset(op.operands[2:])
        found = SUMS[type(op)](new, op, either, dynamic)
        if isinstance(found, str):
            self.reasons[op] = found
            return None
        if dynamic:
            new.finish(with_float_bias(new, op, found.dequantized(new)))
        return None if dynamic else found

    def _finish(self, op: Operation) -> None:
        """Last to first: a value that is still read is dequantized, an op that nothing reads erased."""
        if not isinstance(op, nn.NNOperation | nn.ConstantOp):
            return
        if not op.result.uses:
            Rewriter.erase_op(op)
        elif not isinstance(op, qnn.DequantizeOp) and op.result in self.affine:
            new = GraphBuilder(op)
            new.finish(self.affine[op.result].dequantized(new))


def _bounded(op: qnn.QuantizeOp) -> tuple[Target, nn.NNOperation]:
    """What is asked for, where bounds of the integers follow, and the op that makes it."""
    target = Target.of(op)
    uses = list(op.result.uses)
    user = uses[0].operation if len(uses) == 1 else None
    if not isinstance(user, nn.ElementwiseOp) or user.fn.data != "clip" or user.inputs[0] is not op.result:
        return target, op
    low, high = (scalar_of(bound) for bound in user.inputs[1:])
    if low is None or high is None or user.type != op.type:
        return target, op
    return target.within(int(low), int(high)), user


def _named(made: SSAValue, op: Operation) -> None:
    """Gives what was just inserted the name of `op`, in whose place it stands."""
    if isinstance(made.owner, Operation) and made.owner.next_op is op:
        made.owner.location = op.location


def _positions(new: GraphBuilder, op: nn.NNOperation, x: Affine | None) -> None:
    if x is not None and x.per_tensor and not x.is_sum:
        copy = type(op).create(operands=[x.q], result_types=[op.type], properties=op.properties)
        op.result.replace_all_uses_with(new(copy))


def _moved(new: GraphBuilder, op: nn.NNOperation, operands: Sequence[Affine | None]) -> Affine | None:
    """Elements of operands that all have the same parameters."""
    positions = moved_operands(op)
    first, *rest = [operands[i] for i in positions] or [None]
    if first is None or first.is_sum or not all(x is not None and first.alike(x) for x in rest):
        return None
    axis = 0 if first.per_tensor else axis_behind(op, first.axis)
    fill = fill_of(op, first)
    if axis is None or (isinstance(op, nn.PadOp) and fill is None):
        return None
    integers = {i: x.q for i in positions if (x := operands[i]) is not None}
    return first.moved(redone(new, op, integers, element_of(first.q), fill), axis)


def _computed(
    new: GraphBuilder, op: nn.ElementwiseOp, operands: Sequence[Affine | None], known: set[SSAValue]
) -> Affine | None:
    """A product with a number, a sum with a bias, a relu: under parameters that follow from the operand's."""
    if op.fn.data in ("mul", "div"):
        return rescaled(new, op, operands)
    if op.fn.data == "add":
        return with_bias(new, op, operands, known)
    x = operands[0]
    if op.fn.data == "relu" and x is not None and x.per_tensor and not x.is_sum:
        return x.moved(new.compute("max", x.q, x.zero_point))
    return None

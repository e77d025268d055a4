"""Which linalg ops become one kernel.

A reduction takes the generic that makes its start value; an elementwise generic joins the group that
makes one of its operands, when it is that operand's only user and reads it at the very point it writes.
So no value inside a group is seen from outside, and each is consumed in the iteration that makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xdsl.dialects import tensor
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineMap

from ...dialects.nn import is_compile_time


@dataclass
class Group:
    """Ops of one kernel in program order; the last one makes its result."""

    ops: list[Operation] = field(default_factory=list)

    @property
    def result(self) -> SSAValue:
        return self.ops[-1].results[0]

    @property
    def reduction(self) -> GenericOp | None:
        return next((op for op in self.ops if isinstance(op, GenericOp) and reduces(op)), None)

    @property
    def concat(self) -> tensor.ConcatOp | None:
        last = self.ops[-1]
        return last if isinstance(last, tensor.ConcatOp) else None


def reduces(op: GenericOp) -> bool:
    return any(kind.data.value == "reduction" for kind in op.iterator_types)


def looks_up(op: GenericOp) -> bool:
    """Whether the body reads a captured tensor at computed positions."""
    return any(isinstance(inner, tensor.ExtractOp) for inner in op.body.block.ops)


def band_rank(op: GenericOp) -> int:
    return sum(kind.data.value == "parallel" for kind in op.iterator_types)


def makes_start(op: GenericOp) -> bool:
    """Whether the op only makes the start value of one reduction."""
    uses = list(op.results[0].uses)
    if reduces(op) or len(uses) != 1 or not isinstance(uses[0].operation, GenericOp):
        return False
    user = uses[0].operation
    return reduces(user) and user.outputs[0] is op.results[0] and regular(user)


def regular(op: GenericOp) -> bool:
    """The parallel loops come first and index the output in order."""
    rank, out = band_rank(op), op.indexing_maps.data[-1].data
    kinds = [kind.data.value for kind in op.iterator_types]
    return out.results == AffineMap.identity(rank).results and "reduction" not in kinds[:rank]


def form_groups(ops: Iterable[Operation], formed: Sequence[Group] = ()) -> list[Group]:
    """Groups in an order in which they can run: that of their last ops. `formed` are groups whose ops are
    not looked at."""
    makers: dict[SSAValue, Group] = {}
    groups: list[Group] = []
    ends = {group.ops[-1]: group for group in formed}
    taken = {op for group in formed for op in group.ops}
    for op in ops:
        if op in ends:
            groups.append(ends[op])
            continue
        if op in taken:
            continue
        if isinstance(op, tensor.ConcatOp):
            group = Group([op])
        elif not isinstance(op, GenericOp) or makes_start(op):
            continue
        elif reduces(op):
            start = op.outputs[0].owner
            group = Group([start, op] if isinstance(start, GenericOp) and makes_start(start) else [op])
        elif (host := _host(op, makers)) is not None:
            group = host
            groups.remove(host)
            group.ops.append(op)
        else:
            group = Group([op])
        groups.append(group)
        makers[group.result] = group
    return groups


def _host(op: GenericOp, makers: dict[SSAValue, Group]) -> Group | None:
    """The group made last among those the op can join."""
    hosts = [makers[value] for value, access in _operands(op) if _joins(op, value, access, makers)]
    return hosts[-1] if len(hosts) == 1 else max(hosts, key=_position) if hosts else None


def _position(group: Group) -> int:
    block = group.ops[-1].parent
    assert block is not None
    return block.get_operation_index(group.ops[-1])


def _operands(op: GenericOp):
    return zip(op.inputs, (m.data for m in op.indexing_maps))


def _joins(op: GenericOp, value: SSAValue, access: AffineMap, makers: dict[SSAValue, Group]) -> bool:
    if value not in makers or makers[value].concat is not None or is_compile_time(value):
        return False
    last = makers[value].ops[-1]
    single = all(use.operation is op for use in value.uses)
    if not single or not isinstance(last, GenericOp) or not regular(op) or not regular(last):
        return False
    reads = [a for v, a in _operands(op) if v is value]
    identity = AffineMap.identity(band_rank(op))
    return all(a.results == identity.results for a in reads) and band_rank(op) == band_rank(last)

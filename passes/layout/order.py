"""Which order a tensor's dimensions are stored in: contractions vote, everything else follows.

A contraction with compile-time weights wants the dimensions that index the weights directly innermost,
in its input (the channels it reduces) and in its output (the channels along vector lanes). Elementwise
ops, pools, pads, slices, concats and gathers along one axis tie their operands and results to one order. A
transform of tiles wants the dimension it does not touch innermost. What nobody votes on follows the other
side of a reshape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from xdsl.dialects import tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import BlockArgument, Operation, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap

from ...dialects.nn import is_compile_time
from ..fusion.transform import transformed_loops
from .views import groups

Order = tuple[int, ...]


class DimensionOrders:
    """Union-find over values, each class with the votes of the contractions that touch it."""

    def __init__(self, ops: Iterable[Operation]):
        self._parent: dict[SSAValue, SSAValue] = {}
        self._votes: dict[SSAValue, Counter[Order]] = {}
        self._reshapes: list[tensor.ExpandShapeOp | tensor.CollapseShapeOp] = []
        for op in ops:
            self._visit(op)
        self._settle()

    def order(self, value: SSAValue) -> Order | None:
        """The order most contractions want for `value`; None where none has a wish."""
        votes = self._votes.get(self._find(value))
        return votes.most_common(1)[0][0] if votes else None

    def _find(self, value: SSAValue) -> SSAValue:
        root = value
        while (parent := self._parent.get(root, root)) is not root:
            root = parent
        while value is not root:  # next time the way is short
            self._parent[value], value = root, self._parent[value]
        return root

    def tie(self, a: SSAValue, b: SSAValue) -> None:
        """Stores `a` and `b` in one order."""
        a, b = self._find(a), self._find(b)
        if a is b or is_compile_time(a) or is_compile_time(b):
            return
        self._parent[b] = a
        self._votes.setdefault(a, Counter()).update(self._votes.pop(b, Counter()))

    def _vote(self, value: SSAValue, order: Order | None) -> None:
        """A vote on a reshaped tensor counts for the tensor it is reshaped from or to."""
        if order is None or is_compile_time(value):
            return
        if isinstance(value.owner, tensor.ExpandShapeOp):
            self._vote(value.owner.src, _collapsed_order(order, groups(value.owner)))
            return
        users = [use.operation for use in value.uses]
        if len(users) == 1 and isinstance(users[0], tensor.CollapseShapeOp):
            self._vote(users[0].result, _collapsed_order(order, groups(users[0])))
            return
        self._votes.setdefault(self._find(value), Counter())[order] += 1

    def _visit(self, op: Operation) -> None:
        if isinstance(op, GenericOp):
            self._visit_generic(op)
        elif isinstance(op, tensor.PadOp | tensor.ExtractSliceOp):
            self.tie(op.source, op.result)
        elif isinstance(op, tensor.ConcatOp):
            for operand in op.inputs:
                self.tie(op.result, operand)
        elif isinstance(op, tensor.ExpandShapeOp | tensor.CollapseShapeOp) and not is_compile_time(op.src):
            self._reshapes.append(op)

    def _settle(self) -> None:
        """What nobody voted on follows the other side of a reshape."""
        changed = True
        while changed:
            changed = any([self._follow(op) for op in self._reshapes])

    def _follow(self, op: tensor.ExpandShapeOp | tensor.CollapseShapeOp) -> bool:
        """Gives the side of a reshape that has no wish that of the other one, if it can have it."""
        expands = isinstance(op, tensor.ExpandShapeOp)
        wide, narrow = (op.result, op.src) if expands else (op.src, op.result)
        has = [self.order(wide), self.order(narrow)]
        if (has[0] is None) == (has[1] is None):
            return False
        if has[1] is not None:
            order = tuple(dim for group in has[1] for dim in groups(op)[group])
            self._votes.setdefault(self._find(wide), Counter())[order] += 1
            return True
        assert has[0] is not None
        order = _collapsed_order(has[0], groups(op))
        if order is None:
            return False
        self._votes.setdefault(self._find(narrow), Counter())[order] += 1
        return True

    def _visit_generic(self, op: GenericOp) -> None:
        maps = [m.data for m in op.indexing_maps]
        result = op.results[0]
        if touched := transformed_loops(op):
            for value, access in zip((*op.inputs, result), maps):
                self._vote(value, _untouched_last(access, touched))
            return
        weights = [m for v, m in zip(op.inputs, maps) if is_compile_time(v) and len(m.results) > 1]
        reduces = any(t.data.value == "reduction" for t in op.iterator_types)
        if reduces and weights:
            shared = {e.position for m in weights for e in m.results if isinstance(e, AffineDimExpr)}
            shared -= _batch(maps)
            for value, access in zip((*op.inputs, result), maps):
                self._vote(value, _weights_last(access, shared))
            return
        for value, access in zip(op.inputs, maps):
            if _follows(access, maps[-1], value, result):
                self.tie(result, value)
        for value in _looked_up_in_line(op):
            self.tie(result, value)


def _weights_last(access: AffineMap, shared: set[int]) -> Order:
    """The dimensions indexed by exactly a loop that also indexes the weights go last."""
    inner = [i for i, e in enumerate(access.results) if isinstance(e, AffineDimExpr) and e.position in shared]
    return (*(i for i in range(len(access.results)) if i not in inner), *inner)


def _batch(maps: Sequence[AffineMap]) -> set[int]:
    """The loops that are the first dimensions of every operand and of the result: products in a row."""
    found: set[int] = set()
    for firsts in zip(*(access.results for access in maps)):
        if len(set(firsts)) > 1 or not isinstance(firsts[0], AffineDimExpr):
            break
        found.add(firsts[0].position)
    return found


def _untouched_last(access: AffineMap, touched: set[int]) -> Order | None:
    """The last dimension that no matrix of a transform touches goes last."""
    free = [
        i for i, e in enumerate(access.results) if isinstance(e, AffineDimExpr) and e.position not in touched
    ]
    if len(access.results) < 2 or not free:
        return None
    return (*(i for i in range(len(access.results)) if i != free[-1]), free[-1])


def _follows(access: AffineMap, out: AffineMap, value: SSAValue, result: SSAValue) -> bool:
    """Whether dimension i of the input corresponds to dimension i of the output, for all i."""
    if not isinstance(value.type, TensorType) or len(access.results) != len(out.results):
        return False
    if value.type.get_num_dims() < 2:
        return False
    return all(
        o.used_dims() <= e.used_dims() or not e.used_dims() for e, o in zip(access.results, out.results)
    )


def _looked_up_in_line(op: GenericOp) -> Iterator[SSAValue]:
    """Captured tensors whose dimensions are the result's: at each the position depends on that loop alone."""
    rank = len(op.indexing_maps.data[-1].data.results)
    for extract in [inner for inner in op.body.block.ops if isinstance(inner, tensor.ExtractOp)]:
        loops = [_loops_behind(op, index) for index in extract.indices]
        if len(loops) == rank > 1 and all(used <= {dim} for dim, used in enumerate(loops)):
            yield extract.tensor


def _loops_behind(op: GenericOp, index: SSAValue) -> set[int]:
    """The loops with which an index of the body varies."""
    pending, found = [index], set[int]()
    while pending:
        value = pending.pop()
        if isinstance(value, BlockArgument):
            found |= op.indexing_maps.data[value.index].data.used_dims()
        else:
            pending += value.owner.operands  # pyright: ignore[reportAttributeAccessIssue]
    return found


def _collapsed_order(order: Order, reassociation: Sequence[Sequence[int]]) -> Order | None:
    """The order of the collapsed dimensions, if every group stays together in `order`."""
    place = {dim: i for i, dim in enumerate(order)}
    for group in reassociation:
        if any(place[b] != place[a] + 1 for a, b in zip(group, group[1:])):
            return None
    return tuple(sorted(range(len(reassociation)), key=lambda g: place[reassociation[g][0]]))

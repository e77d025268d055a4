"""Which linalg ops become one row kernel: reductions over the same elements, and what lies between them.

Softmax, norms and their like reduce each row of a tensor, compute with the result and the row again, reduce
that, and so on. The *domain* of a group is the loops of its first reduction: the parallel ones (the *band*)
and those it reduces (the *row*). Every op of the group runs over the band, or over band and row, and reads
what the group made where it was made: so one row after another can be finished. One value leaves the group,
that of its last op.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import arith, math
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from ...dialects.nn import is_compile_time
from ...dialects.tensorized import layout_of
from ...dialects.tensorized.linear_form import linear_form, substitute
from .combiner import combiner
from .group import Group, band_rank, looks_up, makes_start, reduces, regular
from .views import base

Loops = list[int | None]
"""For each loop of an op the loop of the domain it is; None for a loop of extent 1."""

MAX_OPS = 64
"""Ops in one group: longer chains are cut, so that forming groups takes linear time."""

COSTLY = (math.ExpOp, math.LogOp, math.ErfOp, math.TanhOp, math.PowFOp, math.SinOp, math.CosOp, arith.DivfOp)
"""Scalar ops not worth computing twice; their expansions by expand-math hold a bitcast."""


@dataclass
class RowGroup(Group):
    """`loops` says what the loops of each op are in the domain, whose first `band` loops are the band."""

    extents: tuple[int, ...] = ()
    band: int = 0
    loops: dict[Operation, Loops] = field(default_factory=dict)

    @property
    def reduction(self) -> GenericOp | None:
        return next(op for op in self.ops if isinstance(op, GenericOp) and reduces(op))

    def over_row(self, op: Operation) -> bool:
        """Whether the op has the loops of the row, not only those of the band."""
        return any(loop is not None and loop >= self.band for loop in self.loops[op])

    def access(self, op: GenericOp, value: SSAValue, access: AffineMap) -> AffineMap:
        """A logical access of `op` as a physical one over the domain."""
        return domain_access(value, access, self.loops[op], self.extents)


def domain_access(value: SSAValue, access: AffineMap, loops: Loops, extents: Sequence[int]) -> AffineMap:
    """A logical access of `value` as a physical one over the loops of a domain."""
    assert isinstance(value.type, TensorType)
    physical = layout_of(value.type).access.compose(access)
    dims = [AffineExpr.constant(0) if n is None else AffineExpr.dimension(n) for n in loops]
    return substitute(physical, dims, extents)


def form_row_groups(ops: Sequence[Operation]) -> list[RowGroup]:
    """The row groups among `ops`, no op in two of them."""
    taken: set[Operation] = set()
    position = {op: i for i, op in enumerate(ops)}
    groups: list[RowGroup] = []
    for op in ops:
        if isinstance(op, GenericOp) and op not in taken and _seeds(op):
            group = _Growth(op, position, taken).grown()
            taken.update(group.ops)
            groups.append(group)
    return groups


def _seeds(op: GenericOp) -> bool:
    """A reduction of one tensor, element by element: no contraction and no overlapping windows."""
    if not reduces(op) or not regular(op) or combiner(op.body.block) is None:
        return False
    extents = op.get_static_loop_ranges()
    row = [int(n) for n in extents[band_rank(op) :]]
    reads = [m.data for v, m in zip(op.inputs, op.indexing_maps) if not is_compile_time(v)]
    whole = [r for r in reads if all(isinstance(e, AffineDimExpr) for e in r.results)]
    return len(op.inputs) == len(reads) == len(whole) == 1 and max(row) > 1


class _Growth:
    """Collects the ops of one group, from its first reduction on."""

    def __init__(self, seed: GenericOp, position: dict[Operation, int], taken: set[Operation]):
        self.seed, self.position, self.taken = seed, position, taken
        extents = tuple(int(n) for n in seed.get_static_loop_ranges())
        loops: Loops = [i if n > 1 else None for i, n in enumerate(extents)]
        self.group = RowGroup([], extents=extents, band=band_rank(seed))
        self.written: dict[SSAValue, AffineMap] = {}
        self._add_reduction(seed, loops)

    def grown(self) -> RowGroup:
        self._forwards()
        self._trim()
        self._backwards()
        self.group.ops.sort(key=self.position.__getitem__)
        return self.group

    def _add(self, op: GenericOp, loops: Loops) -> None:
        self.group.ops.append(op)
        self.group.loops[op] = loops
        result = op.results[0]
        out = op.indexing_maps.data[-1].data
        self.written[result] = domain_access(result, out, loops, self.group.extents)

    def _add_reduction(self, op: GenericOp, loops: Loops) -> None:
        start = op.outputs[0].owner
        if isinstance(start, GenericOp) and makes_start(start) and not start.inputs:
            self._add(start, loops[: self.group.band])
        self._add(op, loops)

    def _forwards(self) -> None:
        """Takes in users of what the group made, in program order."""
        waiting = {self.seed.results[0]}
        seen: set[Operation] = set(self.group.ops)
        candidates: set[Operation] = set()
        while waiting or candidates:
            for value in waiting:
                candidates.update(op for op in _users(value) if op not in seen)
            waiting = set()
            if not candidates or len(self.group.ops) >= MAX_OPS:
                return
            op = min(candidates, key=lambda op: self.position.get(op, -1))
            candidates.discard(op)
            seen.add(op)
            loops = self._loops_of(op)
            if loops is None or not isinstance(op, GenericOp):
                continue
            if reduces(op):
                self._add_reduction(op, loops)
            else:
                self._add(op, loops)
            waiting = {op.results[0]}

    def _loops_of(self, op: Operation) -> Loops | None:
        """The loops of `op` in the domain, if it may join."""
        if not isinstance(op, GenericOp) or op not in self.position or op in self.taken:
            return None
        if not regular(op) or makes_start(op) or looks_up(op) or self._has_later_host(op):
            return None
        loops = self._matched(op)
        return loops if loops is not None and self._reads_where_written(op, loops) else None

    def _matched(self, op: GenericOp) -> Loops | None:
        """Loops matched by the accesses of what the group made; the rest of the row in order."""
        group = self.group
        extents = [int(n) for n in op.get_static_loop_ranges()]
        known: dict[int, int] = {}
        for value, access in _reads(op):
            if (written := self.written.get(base(value))) is not None:
                found = _unified(value, access, extents, written, group.extents)
                if found is None or any(known.setdefault(a, b) != b for a, b in found.items()):
                    return None
        long = [i for i, n in enumerate(extents) if n > 1]
        open_loops = [i for i in long if i not in known]
        row = [i for i in range(group.band, len(group.extents)) if group.extents[i] > 1]
        open_row = [i for i in row if i not in known.values()]
        if len(open_loops) == len(open_row):
            known |= dict(zip(open_loops, open_row))
        if set(known) != set(long) or any(extents[a] != group.extents[b] for a, b in known.items()):
            return None
        band = {i for i in range(group.band) if group.extents[i] > 1}
        used = list(known.values())
        if len(set(used)) != len(used) or set(used) not in (band, band | set(row)):
            return None
        return [known.get(i) for i in range(len(extents))] if self._kinds_fit(op, known) else None

    def _kinds_fit(self, op: GenericOp, known: dict[int, int]) -> bool:
        """A reduction runs over the row and nothing else; a combination that lanes can share."""
        if not reduces(op):
            return True
        rank, band = band_rank(op), self.group.band
        sides = {(loop >= rank, at >= band) for loop, at in known.items()}
        whole = {i for i in range(band, len(self.group.extents)) if self.group.extents[i] > 1}
        return (
            combiner(op.body.block) is not None
            and sides <= {(False, False), (True, True)}
            and whole <= set(known.values())
            and isinstance(op.outputs[0].owner, GenericOp)
            and makes_start(op.outputs[0].owner)
        )

    def _reads_where_written(self, op: GenericOp, loops: Loops) -> bool:
        for value, access in _reads(op):
            if (written := self.written.get(base(value))) is not None:
                if domain_access(value, access, loops, self.group.extents).results != written.results:
                    return False
        return True

    def _has_later_host(self, op: GenericOp) -> bool:
        """Whether a later kernel than this group's first op could take `op` in as its epilogue."""
        if reduces(op):
            return False
        identity = AffineMap.identity(band_rank(op)).results
        for value, access in _reads(op):
            owner = value.owner
            if isinstance(owner, GenericOp) and owner not in self.group.loops and owner in self.position:
                single = all(use.operation is op for use in value.uses)
                later = self.position[owner] > self.position[self.seed]
                if single and later and access.results == identity and regular(owner):
                    return True
        return False

    def _trim(self) -> None:
        """Drops ops from the end until only the last one's value is used outside."""
        group = self.group
        group.ops.sort(key=self.position.__getitem__)
        while sum(map(self._escapes, group.ops)) > 1:
            dropped = group.ops[-1]
            start = (
                dropped.operands[-1].owner if isinstance(dropped, GenericOp) and reduces(dropped) else None
            )
            self._drop(dropped)
            if isinstance(start, GenericOp) and start in group.loops:
                self._drop(start)

    def _drop(self, op: Operation) -> None:
        self.group.ops.remove(op)
        del self.group.loops[op], self.written[op.results[0]]

    def _escapes(self, op: Operation) -> bool:
        return any(user not in self.group.loops for user in _users(op.results[0]))

    def _backwards(self) -> None:
        """Takes in elementwise ops that only the group reads, where computing them again costs little."""
        changed = True
        while changed and len(self.group.ops) < MAX_OPS:
            changed = any(self._take_producer(op) for op in list(self.group.ops))

    def _take_producer(self, op: Operation) -> bool:
        assert isinstance(op, GenericOp)
        for value, access in _reads(op):
            made = value.owner
            if value in self.written or not isinstance(made, GenericOp) or made not in self.position:
                continue
            plain = not reduces(made) and not makes_start(made) and not looks_up(made)
            free = made not in self.taken and plain and regular(made)
            inside = all(user in self.group.loops for user in _users(value))
            again = sum(1 for _ in value.uses) > 1 and is_costly(made)
            if not free or not inside or again or is_compile_time(value) or _follows_contraction(made):
                continue
            loops = self._producer_loops(op, access)
            if loops is None or len(loops) != band_rank(made):
                continue
            self._add(made, loops)
            if all(self._reads_here(user, value) for user in _users(value)):
                return True
            self._drop(made)
        return False

    def _reads_here(self, user: Operation, value: SSAValue) -> bool:
        assert isinstance(user, GenericOp)
        return self._reads_where_written(user, self.group.loops[user])

    def _producer_loops(self, op: GenericOp, access: AffineMap) -> Loops | None:
        """The domain's loops along the dimensions of a value that `op` reads at `access`, if it varies with
        the whole row."""
        loops: Loops = []
        for expr in access.results:
            if not isinstance(expr, AffineDimExpr):
                return None
            loops.append(self.group.loops[op][expr.position])
        used = {n for n in loops if n is not None}
        return loops if used == {i for i, n in enumerate(self.group.extents) if n > 1} else None


def _reads(op: GenericOp) -> list[tuple[SSAValue, AffineMap]]:
    maps = [m.data for m in op.indexing_maps]
    start = [(op.outputs[0], maps[-1])] if reduces(op) else []
    return [*zip(op.inputs, maps), *start]


def _users(value: SSAValue) -> list[Operation]:
    """Who reads `value`, through views."""
    found: list[Operation] = []
    pending = [value]
    while pending:
        for use in pending.pop().uses:
            if base(use.operation.results[0]) is base(value) if use.operation.results else False:
                pending.append(use.operation.results[0])
            else:
                found.append(use.operation)
    return found


def is_costly(op: GenericOp) -> bool:
    """Whether the body holds what should be computed once."""
    return any(isinstance(inner, (*COSTLY, arith.BitcastOp)) for inner in op.body.block.ops)


def _follows_contraction(op: GenericOp) -> bool:
    """Whether `op` would be the epilogue of a kernel with a reduction."""
    for value, access in _reads(op):
        owner = value.owner
        if isinstance(owner, GenericOp) and all(use.operation is op for use in value.uses):
            if access.results == AffineMap.identity(band_rank(op)).results:
                if reduces(owner) or _follows_contraction(owner):
                    return True
    return False


def _unified(
    value: SSAValue, access: AffineMap, extents: Sequence[int], written: AffineMap, domain: Sequence[int]
) -> dict[int, int] | None:
    """Loop of the reader -> loop of the domain, such that a read goes where the value was written."""
    assert isinstance(value.type, TensorType)
    physical = layout_of(value.type).access.compose(access)
    found: dict[int, int] = {}
    for read, write in zip(physical.results, written.results, strict=True):
        reads, writes = linear_form(read, extents), linear_form(write, domain)
        if reads.constant != writes.constant or len(reads.terms) != len(writes.terms):
            return None
        by_step = {step: atom for atom, step in writes.terms.items()}
        if len(by_step) != len(writes.terms):
            return None
        for atom, step in reads.terms.items():
            other = by_step.get(step)
            if not isinstance(atom, AffineDimExpr) or not isinstance(other, AffineDimExpr):
                return None
            if found.setdefault(atom.position, other.position) != other.position:
                return None
    return found

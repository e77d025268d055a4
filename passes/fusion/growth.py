"""Which linalg ops become one kernel.

A group grows from a seed, a reduction first and then what is left: it takes in users of what it made, as long
as they run over its domain and read where it was written; ops are dropped from its end until only the last
one's value is seen from outside. A reduction takes the generic that makes its start value. Reductions that
work element by element (softmax, norms) take in further ones over the same row. They, and groups without a
reduction, take in cheap producers: a sum of two gathers is one kernel. A gather that contractions make as
they read is in no group.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from xdsl.dialects import arith, math, tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap

from ...dialects.nn import is_compile_time
from ...dialects.tensorized import layout_of
from ...dialects.tensorized.linear_form import linear_form
from .gathered import gathered
from .group import (
    Group,
    Loops,
    band_rank,
    domain_access,
    looks_up,
    loop_extents,
    makes_start,
    reads_of,
    reduces,
    reduces_rows,
    regular,
)
from .views import VIEWS, base

MAX_OPS = 64
"""Ops in one group: longer chains are cut, so that forming groups takes linear time."""

MAX_SCALARS = 512
"""Scalar ops in the bodies of a group that grows: no core gains from more in one loop, and LLVM's time grows
faster than a loop's body."""

COSTLY = (math.ExpOp, math.LogOp, math.ErfOp, math.TanhOp, math.PowFOp, math.SinOp, math.CosOp, arith.DivfOp)
"""Scalar ops not worth computing twice; their expansions by expand-math hold a bitcast."""


def form_groups(ops: Sequence[Operation]) -> list[Group]:
    """Groups in an order in which they can run: that of their last ops."""
    position = {op: i for i, op in enumerate(ops)}
    generics = [op for op in ops if isinstance(op, GenericOp)]
    groups = [Group([op]) for op in ops if isinstance(op, tensor.ConcatOp)]
    made = (gathered(op, i) for op in generics for i in range(len(op.inputs)))
    taken: set[Operation] = {gather for gather in made if gather is not None}
    for seeds in (filter(reduces, generics), generics):
        for seed in seeds:
            if seed not in taken and not makes_start(seed):
                groups.append(_Growth(seed, position, taken).grown())
                taken.update(groups[-1].ops)
    return sorted(groups, key=lambda group: position[group.ops[-1]])


class _Growth:
    """Collects the ops of one group, from its seed on."""

    def __init__(self, seed: GenericOp, position: dict[Operation, int], taken: set[Operation]):
        self.seed, self.position, self.taken = seed, position, taken
        extents = tuple(loop_extents(seed))
        loops: Loops = [i if n > 1 else None for i, n in enumerate(extents)]
        self.group = Group(extents=extents, band=band_rank(seed), rows=reduces_rows(seed))
        self.row = self.group.long(self.group.band, len(extents)) if self.group.rows else []
        self.written: dict[SSAValue, AffineMap] = {}
        self.scalars = 0
        self._join(seed, loops)

    def grown(self) -> Group:
        if regular(self.seed):
            self._forwards()
            self._trim()
        if self.group.rows or not reduces(self.seed):
            self._backwards()
        self.group.ops.sort(key=self.position.__getitem__)
        return self.group

    def _add(self, op: GenericOp, loops: Loops) -> None:
        self.group.ops.append(op)
        self.group.loops[op] = loops
        self.scalars += len(op.body.block.ops)
        result = op.results[0]
        out = op.indexing_maps.data[-1].data
        self.written[result] = domain_access(result, out, loops, self.group.extents)

    def _may_grow(self) -> bool:
        return len(self.group.ops) < MAX_OPS and self.scalars < MAX_SCALARS

    def _join(self, op: GenericOp, loops: Loops) -> None:
        """`op`, and what makes its start value if it is a reduction."""
        start = op.outputs[0].owner
        if reduces(op) and isinstance(start, GenericOp) and makes_start(start) and start not in self.taken:
            self._add(start, loops[: band_rank(op)])
        self._add(op, loops)

    def _forwards(self) -> None:
        """Takes in users of what the group made, in program order."""
        seen: set[Operation] = set(self.group.ops)
        waiting: list[tuple[int, Operation]] = []

        def offer(value: SSAValue) -> None:
            for op in _users(value):
                if op not in seen and op in self.position:
                    seen.add(op)
                    heappush(waiting, (self.position[op], op))

        last = self.seed.results[0]
        offer(last)
        while waiting and self._may_grow() and not self._leaves(last):
            _, op = heappop(waiting)
            loops = self._loops_of(op)
            if loops is not None and isinstance(op, GenericOp):
                self._join(op, loops)
                last = op.results[0]
                offer(last)

    def _loops_of(self, op: Operation) -> Loops | None:
        """The loops of `op` in the domain, if it may join."""
        if not isinstance(op, GenericOp) or op not in self.position or op in self.taken:
            return None
        if not regular(op) or makes_start(op) or (self.row and looks_up(op)) or self._has_later_host(op):
            return None
        loops = self._matched(op)
        return loops if loops is not None and self._reads_where_written(op, loops) else None

    def _matched(self, op: GenericOp) -> Loops | None:
        """Loops matched by the accesses of what the group made; the rest of the row in order."""
        group, extents = self.group, loop_extents(op)
        known: dict[int, int] = {}
        for value, access in reads_of(op):
            if (written := self.written.get(base(value))) is not None:
                found = _unified(value, access, extents, written, group.extents)
                if found is None or any(known.setdefault(a, b) != b for a, b in found.items()):
                    return None
        long = [i for i, n in enumerate(extents) if n > 1]
        open_loops = [i for i in long if i not in known]
        open_row = [i for i in self.row if i not in known.values()]
        if len(open_loops) == len(open_row):
            known |= dict(zip(open_loops, open_row))
        if set(known) != set(long) or any(extents[a] != group.extents[b] for a, b in known.items()):
            return None
        band, used = set(group.long(0, group.band)), list(known.values())
        if len(set(used)) != len(used) or set(used) not in (band, band | set(self.row)):
            return None
        return [known.get(i) for i in range(len(extents))] if self._kinds_fit(op, known) else None

    def _kinds_fit(self, op: GenericOp, known: dict[int, int]) -> bool:
        """A reduction runs over the row and nothing else; a combination that lanes can share."""
        if not reduces(op):
            return True
        if not self.row:
            return False
        rank, band = band_rank(op), self.group.band
        sides = {(loop >= rank, at >= band) for loop, at in known.items()}
        return (
            reduces_rows(op)
            and sides <= {(False, False), (True, True)}
            and set(self.row) <= set(known.values())
        )

    def _reads_where_written(self, op: GenericOp, loops: Loops) -> bool:
        for value, access in reads_of(op):
            if (written := self.written.get(base(value))) is not None:
                if domain_access(value, access, loops, self.group.extents).results != written.results:
                    return False
        return True

    def _has_later_host(self, op: GenericOp) -> bool:
        """Whether a later kernel than this group's first op could take `op` in as its epilogue. Where neither
        reduces, this one takes the other's ops in."""
        if reduces(op):
            return False
        identity = AffineMap.identity(band_rank(op)).results
        for value, access in reads_of(op):
            owner = base(value).owner
            if isinstance(owner, GenericOp) and owner not in self.group.loops and owner in self.position:
                later = self.position[owner] > self.position[self.seed]
                mine = not reduces(self.seed) and not reduces(owner) and owner not in self.taken
                if later and not mine and access.results == identity and regular(owner):
                    if all(user is op for user in _users(owner.results[0])):
                        return True
        return False

    def _trim(self) -> None:
        """Drops ops from the end until only the last one's value is used outside."""
        ops = sorted(self.group.ops, key=self.position.__getitem__)
        place = {op: i for i, op in enumerate(ops)}
        reach = 0  # how many ops it takes to hold all users of the values but the last one's
        kept = 1
        for count, op in enumerate(ops, start=1):
            assert isinstance(op, GenericOp)
            if reach <= count and not makes_start(op):
                kept = count
            last = max((place.get(user, len(ops)) for user in _users(op.results[0])), default=0)
            reach = max(reach, last + 1)
        for op in ops[kept:]:
            self._drop(op)

    def _drop(self, op: Operation) -> None:
        self.group.ops.remove(op)
        del self.group.loops[op], self.written[op.results[0]]

    def _leaves(self, value: SSAValue) -> bool:
        """Whether something reads `value` that can join no group any more."""
        return any(
            not isinstance(op, GenericOp) or op not in self.position or op in self.taken
            for op in _users(value)
        )

    def _backwards(self) -> None:
        """Takes in elementwise ops that only the group reads, where computing them again costs little."""
        changed = True
        while changed and self._may_grow():
            changed = any(self._take_producer(op) for op in list(self.group.ops))

    def _take_producer(self, op: Operation) -> bool:
        assert isinstance(op, GenericOp)
        for value, access in reads_of(op):
            made = value.owner
            if value in self.written or not isinstance(made, GenericOp) or made not in self.position:
                continue
            plain = not reduces(made) and not makes_start(made) and not (self.row and looks_up(made))
            free = made not in self.taken and plain and regular(made)
            inside = all(user in self.group.loops for user in _users(value))
            again = sum(1 for _ in value.uses) > 1 and is_costly(made)
            if not free or not inside or again or is_compile_time(value):
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
        whole = self.group.long(0, len(self.group.extents))
        return loops if {n for n in loops if n is not None} == set(whole) else None


def _users(value: SSAValue) -> list[Operation]:
    """Who reads `value`, through views."""
    found: list[Operation] = []
    pending = [value]
    while pending:
        for use in pending.pop().uses:
            user = use.operation
            if isinstance(user, VIEWS):
                pending.append(user.results[0])
            else:
                found.append(user)
    return found


def is_costly(op: GenericOp) -> bool:
    """Whether the body holds what should be computed once."""
    return any(isinstance(inner, (*COSTLY, arith.BitcastOp)) for inner in op.body.block.ops)


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

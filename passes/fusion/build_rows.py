"""A row group as a `tensorized.kernel`: nests over the band, and over band and row.

Values of the band are tensors over the band's loops, values of the whole domain tensors over all of them.
One value of the domain that costs much to compute and is read by a later reduction waits in the output,
which the last nest then overwrites element by element.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import tensorized
from ...dialects.tensorized import LoopAttr, layout_of
from ...dialects.tensorized.linear_form import flat_strides, row_major, substitute
from .build import KernelBuilder, identity_body, is_used, scalar_body
from .group import reduces
from .rows import RowGroup, domain_access, is_costly
from .views import base


@dataclass
class RowKernelBuilder(KernelBuilder):
    """`indices` are the domain's loops as expressions of the kernel's, whose names are `names`."""

    group: RowGroup
    names: list[str] = field(default_factory=list)
    extents: list[int] = field(default_factory=list)
    indices: list[AffineExpr] = field(default_factory=list)
    band: int = 0
    kept: SSAValue | None = None
    kept_access: AffineMap | None = None

    def _nests(self) -> SSAValue:
        group = self.group
        self._order_loops()
        last = group.ops[-1]
        assert isinstance(last, GenericOp)
        kept = self._kept(last)
        for op in group.ops:
            assert isinstance(op, GenericOp)
            if op is kept:
                self.kept = self.internal[op.results[0]] = self._add(self._stored(op, last), op)
            elif op is last and not reduces(op):
                return self._add(self._stored(op, last), op)
            else:
                self.internal[op.results[0]] = self._add(self._inner(op), op)
        return self._add(self._copied(last), last)

    def _order_loops(self) -> None:
        """The band in the order the output is stored, the row in that of the first operand."""
        group = self.group
        seed = group.reduction
        assert seed is not None
        out = self._domain_strides(group.ops[-1].results[0], group.ops[-1])
        read = self._domain_strides(seed.inputs[0], seed)
        extents, band = group.extents, group.band
        first = [i for i in range(band) if extents[i] > 1]
        row = [i for i in range(band, len(extents)) if extents[i] > 1]
        first.sort(key=lambda i: (-out[i], -read[i], i))
        row.sort(key=lambda i: (-read[i], i))
        self.indices = [AffineExpr.constant(0)] * len(extents)
        if not first:
            self.names, self.extents = ["p0"], [1]
        for prefix, loops in (("p", first), ("q", row)):
            for n, loop in enumerate(loops):
                self.indices[loop] = AffineExpr.dimension(len(self.names))
                self.names.append(f"{prefix}{n}")
                self.extents.append(extents[loop])
        self.band = len(self.names) - len(row)

    def _domain_strides(self, value: SSAValue, op: Operation) -> list[int]:
        """How far a step of each loop of the domain moves in the memory of `value`, an operand or the
        result of `op`."""
        assert isinstance(op, GenericOp) and isinstance(value.type, TensorType)
        place = len(op.inputs) if value is op.results[0] else list(op.inputs).index(value)
        access = op.indexing_maps.data[place].data
        domain = domain_access(value, access, self.group.loops[op], self.group.extents)
        strides = flat_strides(domain, row_major(layout_of(value.type).physical_shape), self.group.extents)
        return strides or [0] * len(self.group.extents)

    def _kept(self, last: GenericOp) -> Operation | None:
        """The costly op whose value waits in the output: the first that a reduction reads and a later nest
        reads again."""
        group = self.group
        if reduces(last) or not group.over_row(last):
            return None
        for op in group.ops[:-1]:
            assert isinstance(op, GenericOp)
            users = [use.operation for use in op.results[0].uses]
            again = len(users) > 1 and any(isinstance(u, GenericOp) and reduces(u) for u in users)
            same = _element(op) == _element(last)
            if group.over_row(op) and not reduces(op) and again and same and is_costly(op):
                return op
        return None

    def _loops(self, op: Operation) -> list[LoopAttr]:
        whole = self.group.over_row(op)
        kind = "reduction" if isinstance(op, GenericOp) and reduces(op) else "parallel"
        return [
            LoopAttr.of(name, "parallel" if i < self.band else kind, extent)
            for i, (name, extent) in enumerate(zip(self.names, self.extents))
            if i < self.band or whole
        ]

    def _kernel_access(self, access: AffineMap) -> AffineMap:
        """An access over the domain as one over the kernel's loops."""
        return substitute(access, self.indices, self.extents)

    def _trimmed(self, access: AffineMap, loops: list[LoopAttr]) -> AffineMap:
        """`access` as one over the first loops only."""
        return AffineMap(len(loops), 0, access.results)

    def _operands(self, op: GenericOp, loops: list[LoopAttr]) -> tuple[list[int], list, list[AffineMap]]:
        """Which inputs the body uses, and each as a value of the kernel and its access."""
        used = [i for i in range(len(op.inputs)) if is_used(op, i)]
        values, accesses = [], []
        for i in used:
            value, made = op.inputs[i], self.internal.get(base(op.inputs[i]))
            if made is None:
                access = self.group.access(op, value, op.indexing_maps.data[i].data)
                values.append(self.argument(value))
                accesses.append(self._trimmed(self._kernel_access(access), loops))
            else:
                values.append(made)
                accesses.append(self._inner_access(made, loops))
        return used, values, accesses

    def _inner_access(self, value: SSAValue, loops: list[LoopAttr]) -> AffineMap:
        if value is self.kept:
            assert self.kept_access is not None
            return self._trimmed(self.kept_access, loops)
        assert isinstance(value.type, TensorType)
        rank = value.type.get_num_dims()
        return AffineMap(len(loops), 0, AffineMap.identity(rank).results)

    def _inner(self, op: GenericOp) -> Operation:
        """A nest whose result only the kernel sees: a tensor over its parallel loops."""
        loops = self._loops(op)
        used, values, accesses = self._operands(op, loops)
        shape = [loop.extent.data for loop in loops if loop.kind.data == "parallel"]
        start = self.internal.get(base(op.outputs[0])) if reduces(op) else None
        if start is None:
            start = self._blank(op, shape)
        identity = AffineMap(len(loops), 0, AffineMap.identity(len(shape)).results)
        return tensorized.GenericOp(values, start, loops, [*accesses, identity], scalar_body(op, used))

    def _blank(self, op: GenericOp, shape: list[int]) -> SSAValue:
        empty = tensorized.EmptyOp(TensorType(_element(op), shape))
        self.block.add_op(empty)
        return empty.res

    def _stored(self, op: GenericOp, last: GenericOp) -> Operation:
        """A nest that writes the output: the last, or the one whose value waits there."""
        loops = self._loops(op)
        used, values, accesses = self._operands(op, loops)
        if self.kept is None:
            start, access = self._empty(last.results[0]), self._out_access(last)
            self.kept_access = access
        else:
            assert self.kept_access is not None
            start, access = self.kept, self.kept_access
        access = self._trimmed(access, loops)
        return tensorized.GenericOp(values, start, loops, [*accesses, access], scalar_body(op, used))

    def _out_access(self, last: GenericOp) -> AffineMap:
        return self._kernel_access(self.group.access(last, last.results[0], last.indexing_maps.data[-1].data))

    def _copied(self, last: GenericOp) -> Operation:
        """A reduction that ends the kernel is copied into the output's layout."""
        band = self._loops(last)[: self.band]
        made = self.internal[last.results[0]]
        out = self._trimmed(self._out_access(last), band)
        assert isinstance(made.type, TensorType)
        return tensorized.GenericOp(
            [made],
            self._empty(last.results[0]),
            band,
            [self._inner_access(made, band), out],
            identity_body(made.type),
        )


def _element(op: GenericOp):
    result = op.results[0].type
    assert isinstance(result, TensorType)
    return result.element_type

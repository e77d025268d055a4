"""A group of linalg ops as a `tensorized.kernel` over physical tensors.

Values of the band are tensors over the band's loops, values of the whole domain tensors over all of them.
One value of the domain that costs much to compute and is read by a later reduction waits in the output,
which the last nest then overwrites element by element.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import nn, tensorized
from ...dialects.nn import is_compile_time
from ...dialects.tensorized import LoopAttr, layout_of
from ...dialects.tensorized.linear_form import flat_strides, row_major
from ...dialects.tensorized.range import WITHIN, ranges_of
from . import lookup
from .bodies import identity_body, is_used, scalar_body
from .buffers import KernelBuffers
from .gathered import gathered
from .group import Group, Place, reduces
from .growth import is_costly
from .transform import matrix_of, matrix_operands
from .views import base


@dataclass
class KernelBuilder(KernelBuffers):
    """`indices` are the domain's loops as expressions of the kernel's, whose names are `names`; the first
    `band` of them are the band's."""

    group: Group
    internal: dict[SSAValue, SSAValue] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    extents: list[int] = field(default_factory=list)
    indices: list[AffineExpr] = field(default_factory=list)
    band: int = 0
    matrices: dict[SSAValue, SSAValue] = field(default_factory=dict)
    kept: SSAValue | None = None
    kept_access: AffineMap | None = None
    places: dict[Operation, Place] = field(default_factory=dict)

    def nests(self) -> SSAValue:
        """Adds the nests of the group; the value that leaves it."""
        group = self.group
        self._order_loops()
        last = group.ops[-1]
        assert isinstance(last, GenericOp)
        kept = self._kept(last)
        for op in group.ops:
            assert isinstance(op, GenericOp)
            if op is kept:
                self.kept = self.internal[op.results[0]] = self._stored(op, last)
            elif op is last and not reduces(op):
                return self._stored(op, last)
            else:
                self.internal[op.results[0]] = self._inner(op)
        return self._copied(last)

    def _order_loops(self) -> None:
        """The band in the order the output is stored, the row in that of the first operand. Loops of extent
        1 vanish, but there is always a parallel loop."""
        group = self.group
        last = group.ops[-1]
        out = self._strides(last, len(last.operands) - 1)
        root = group.reduction or last
        assert isinstance(root, GenericOp)
        runtime = [i for i, v in enumerate(root.inputs) if not is_compile_time(v) and is_used(root, i)]
        read = self._strides(root, runtime[0]) if runtime else [0] * len(group.extents)
        first = sorted(group.long(0, group.band), key=lambda i: (-out[i], i))
        row = sorted(group.long(group.band, len(group.extents)), key=lambda i: (-read[i], i))
        self.indices = [AffineExpr.constant(0)] * len(group.extents)
        if not first:
            self.names, self.extents = ["p0"], [1]
        for prefix, loops in (("p", first), ("q" if group.rows else "r", row)):
            for n, loop in enumerate(loops):
                self.indices[loop] = AffineExpr.dimension(len(self.names))
                self.names.append(f"{prefix}{n}")
                self.extents.append(group.extents[loop])
        self.band = len(self.names) - len(row)

    def _strides(self, op: Operation, operand: int) -> list[int]:
        """How far a step of each loop of the domain moves in the memory of an operand; that of the last one
        is the result's."""
        assert isinstance(op, GenericOp)
        value = op.results[0] if operand == len(op.operands) - 1 else op.operands[operand]
        assert isinstance(value.type, TensorType)
        domain = self.group.access(op, value, op.indexing_maps.data[operand].data)
        strides = flat_strides(domain, row_major(layout_of(value.type).physical_shape), self.group.extents)
        return strides or [0] * len(self.group.extents)

    def _kept(self, last: GenericOp) -> Operation | None:
        """The costly op whose value waits in the output: the first that a reduction reads and a later nest
        reads again."""
        group = self.group
        if not group.rows or reduces(last) or not group.over_row(last):
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

    def _access(self, op: GenericOp, value: SSAValue, access: AffineMap, loops: list[LoopAttr]) -> AffineMap:
        """A logical access of `op` as a physical one over loops of the kernel, the first ones."""
        assert isinstance(value.type, TensorType)
        kernel = self._place(op).access(layout_of(value.type).access.compose(access))
        return AffineMap(len(loops), 0, kernel.results)

    def _place(self, op: Operation) -> Place:
        """Where an op's loops are in the kernel's."""
        if op not in self.places:
            zero = AffineExpr.constant(0)
            indices = [zero if n is None else self.indices[n] for n in self.group.loops[op]]
            self.places[op] = Place(indices, self.extents)
        return self.places[op]

    def _operand(self, op: GenericOp, i: int, loops: list[LoopAttr]) -> tuple[SSAValue, AffineMap]:
        """Operand `i` as a value of the kernel, and its access."""
        value, access = op.operands[i], op.indexing_maps.data[i].data
        if i in matrix_operands(op):
            return self._matrix(value, op), AffineMap(len(loops), 0, self._over_kernel(op, i).results)
        if (gather := gathered(op, i)) is not None:
            return self._gathered(op, i, gather, loops)
        made = self.internal.get(base(value))
        if made is None:
            known = ranges_of(op.attributes.get(WITHIN), len(op.inputs) + 1)[i]
            if known is not None and is_compile_time(value):
                self.ranges[base(value)] = known
            return self.argument(value), self._access(op, value, access, loops)
        return made, self._inner_access(made, loops)

    @staticmethod
    def _is_position(op: GenericOp, i: int) -> bool:
        """Whether operand `i` is a loop's index that lookups take as a position."""
        return isinstance(op.operands[i].owner, nn.IotaOp) and lookup.only_positions(op, i)

    def _over_kernel(self, op: GenericOp, i: int) -> AffineMap:
        """The access of operand `i`, which has no layout, over the kernel's loops."""
        return self._place(op).access(op.indexing_maps.data[i].data)

    def _gathered(
        self, op: GenericOp, i: int, made: GenericOp, loops: list[LoopAttr]
    ) -> tuple[SSAValue, AffineMap]:
        """Operand `i`, made by a gather, as a tensor over the loops that it varies with."""
        read = self._over_kernel(op, i)
        used = sorted(read.used_dims())
        own = [LoopAttr.of(self.names[d], "parallel", self.extents[d]) for d in used]
        dims = [AffineExpr.dimension(used.index(d) if d in used else 0) for d in range(read.num_dims)]
        extents = [self.extents[d] for d in used]
        self.places[made] = Place([e.replace_dims_and_symbols(dims, []) for e in read.results], extents)
        empty = self.add(tensorized.EmptyOp(TensorType(_element(made), extents)), made)
        value = self._nest(made, empty, AffineMap.identity(len(own)), own)
        return value, AffineMap(len(loops), 0, tuple(map(AffineExpr.dimension, used)))

    def _matrix(self, value: SSAValue, op: GenericOp) -> SSAValue:
        """A matrix of a transform, which stays in the kernel."""
        if value not in self.matrices:
            self.matrices[value] = self.add(arith.ConstantOp(matrix_of(value)), op)
        return self.matrices[value]

    def _inner_access(self, value: SSAValue, loops: list[LoopAttr]) -> AffineMap:
        if value is self.kept:
            assert self.kept_access is not None
            return AffineMap(len(loops), 0, self.kept_access.results)
        assert isinstance(value.type, TensorType)
        return AffineMap(len(loops), 0, AffineMap.identity(value.type.get_num_dims()).results)

    def _nest(self, op: GenericOp, start: SSAValue, access: AffineMap, loops: list[LoopAttr]) -> SSAValue:
        used = [i for i in range(len(op.inputs)) if is_used(op, i)]
        body = scalar_body(op, used)
        along = {n: i for n, i in enumerate(used) if self._is_position(op, i)}
        operands = [self._operand(op, i, loops) for i in used if i not in along.values()]
        positions: dict[SSAValue, AffineExpr] = {
            body.block.args[n]: self._over_kernel(op, i).results[0] for n, i in along.items()
        }
        lookups = lookup.Lookups(body.block, self.argument, positions)
        lookups.run()
        for extent, at in lookups.iotas:
            iota = self.add(tensorized.IotaOp(extent), op)
            operands.append((iota, AffineMap(len(loops), 0, (at,))))
        accesses = [*(a for _, a in operands), AffineMap(len(loops), 0, access.results)]
        return self.add(tensorized.GenericOp([v for v, _ in operands], start, loops, accesses, body), op)

    def _inner(self, op: GenericOp) -> SSAValue:
        """A nest whose result only the kernel sees: a tensor over its parallel loops."""
        loops = self._loops(op)
        shape = [loop.extent.data for loop in loops if loop.kind.data == "parallel"]
        return self._nest(op, self._start(op, shape), AffineMap.identity(len(shape)), loops)

    def _start(self, op: GenericOp, shape: list[int]) -> SSAValue:
        """What an inner nest writes into: its reduction's start value, or nothing yet."""
        start = op.outputs[0]
        if reduces(op) and base(start) in self.internal:
            return self.internal[base(start)]
        inner = TensorType(_element(op), shape)
        empty = self.add(tensorized.EmptyOp(inner), op)
        if not reduces(op) or isinstance(start.owner, tensor.EmptyOp):
            return empty
        band = self._loops(op)[: self.band]
        read = self._access(op, start, op.indexing_maps.data[-1].data, band)
        maps = [read, AffineMap.identity(len(band))]
        argument = self.argument(start)
        return self.add(tensorized.GenericOp([argument], empty, band, maps, identity_body(inner)), op)

    def _stored(self, op: GenericOp, last: GenericOp) -> SSAValue:
        """A nest that writes the output: the last, or the one whose value waits there."""
        loops = self._loops(op)
        if self.kept is not None and self.kept_access is not None:
            return self._nest(op, self.kept, self.kept_access, loops)
        self.kept_access = self._out_access(last, loops)
        return self._nest(op, self.output(last.results[0]), self.kept_access, loops)

    def _out_access(self, last: GenericOp, loops: list[LoopAttr]) -> AffineMap:
        return self._access(last, last.results[0], last.indexing_maps.data[-1].data, loops)

    def _copied(self, last: GenericOp) -> SSAValue:
        """A reduction that ends the kernel is copied into the output's layout (registers to memory)."""
        band = self._loops(last)[: self.band]
        made = self.internal[last.results[0]]
        maps = [self._inner_access(made, band), self._out_access(last, band)]
        out = self.output(last.results[0])
        assert isinstance(made.type, TensorType)
        return self.add(tensorized.GenericOp([made], out, band, maps, identity_body(made.type)), last)


def _element(op: GenericOp):
    result = op.results[0].type
    assert isinstance(result, TensorType)
    return result.element_type

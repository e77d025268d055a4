"""A group of linalg ops as a `tensorized.kernel` over physical tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects import tensor
from xdsl.dialects.builtin import TensorType
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from ...dialects import nn, tensorized
from ...dialects.nn import is_compile_time
from ...dialects.tensorized import LayoutAttr, LoopAttr, layout_of, physical_type
from ...dialects.tensorized.linear_form import flat_strides, row_major, substitute
from . import lookup
from .group import Group, band_rank
from .views import base


@dataclass
class Band:
    """The loops of a kernel, and each loop of the linalg op it comes from as an expression of them."""

    loops: list[LoopAttr]
    indices: list[AffineExpr]

    @property
    def extents(self) -> list[int]:
        return [loop.extent.data for loop in self.loops]

    def access(self, layout: LayoutAttr, access: AffineMap) -> AffineMap:
        """A logical access of the linalg op as a physical one over the kernel's loops."""
        physical = layout.access.compose(access)
        return substitute(physical, self.indices[: physical.num_dims], self.extents)


def make_band(extents: Sequence[int], kinds: Sequence[str], keys: Sequence[tuple], prefix: str = "") -> Band:
    """Loops sorted by kind (parallel first), then by `keys`; those of extent 1 vanish, but there is always
    a parallel loop: one of extent 1 if need be."""
    kept = [i for i, extent in enumerate(extents) if extent > 1]
    kept.sort(key=lambda i: (kinds[i], keys[i], i))
    loops: list[LoopAttr] = []
    indices: list[AffineExpr] = [AffineExpr.constant(0)] * len(extents)
    counts = {"parallel": 0, "reduction": 0}
    if not any(kinds[i] == "parallel" for i in kept):
        loops.append(LoopAttr.of(f"{prefix}p0", "parallel", 1))
    for i in kept:
        name = f"{prefix}{kinds[i][0]}{counts[kinds[i]]}"
        counts[kinds[i]] += 1
        indices[i] = AffineExpr.dimension(len(loops))
        loops.append(LoopAttr.of(name, kinds[i], extents[i]))
    return Band(loops, indices)


@dataclass
class KernelBuilder:
    """Collects arguments while nests are built; one argument per distinct buffer."""

    group: Group
    block: Block = field(default_factory=Block)
    arguments: dict[SSAValue, SSAValue] = field(default_factory=dict)
    internal: dict[SSAValue, SSAValue] = field(default_factory=dict)

    def build(self, name: str) -> tensorized.KernelOp:
        concat = self.group.concat
        result = self._concat(concat) if concat is not None else self._nests()
        self.block.add_op(tensorized.YieldOp(result))
        constants = [i for i, value in enumerate(self.arguments) if is_compile_time(value)]
        return tensorized.KernelOp(name, [result.type], Region(self.block), constants)

    def argument(self, value: SSAValue) -> SSAValue:
        source = base(value)
        if source not in self.arguments:
            assert isinstance(value.type, TensorType)
            self.arguments[source] = self.block.insert_arg(physical_type(value.type), len(self.block.args))
        return self.arguments[source]

    def _add(self, op: Operation, source: Operation) -> SSAValue:
        op.location = source.location
        self.block.add_op(op)
        return op.results[0]

    def _empty(self, value: SSAValue) -> SSAValue:
        """The kernel's output buffer, with the fill of its halo."""
        assert isinstance(value.type, TensorType)
        physical, layout = physical_type(value.type), layout_of(value.type)
        elements, held = 1, 1
        for n in value.type.get_shape():
            elements *= n
        for n in physical.get_shape():
            held *= n
        empty = tensorized.EmptyOp(physical, layout.fill_value if held > elements else None)
        self.block.add_op(empty)
        return empty.res

    def _nests(self) -> SSAValue:
        ops = [op for op in self.group.ops if isinstance(op, GenericOp)]
        root = self.group.reduction or ops[-1]
        last = ops[-1]
        band = self._band(root, last)
        parallel = Band(
            [loop for loop in band.loops if loop.kind.data == "parallel"], band.indices[: band_rank(root)]
        )
        for op in ops:
            final = op is last and op is not self.group.reduction
            self.internal[op.results[0]] = self._nest(op, band if op is root else parallel, parallel, final)
        result = last.results[0]
        return self._store(result, parallel, last) if last is self.group.reduction else self.internal[result]

    def _band(self, root: GenericOp, last: GenericOp) -> Band:
        """Parallel loops in the order the output is stored, reductions in that of the first input."""
        extents = [int(n) for n in root.get_static_loop_ranges()]
        kinds = [str(kind.data.value) for kind in root.iterator_types]
        keys = [0] * len(extents)
        out = self._strides(last.results[0], root.indexing_maps.data[-1].data, extents)
        runtime = [i for i, v in enumerate(root.inputs) if not is_compile_time(v) and is_used(root, i)]
        read = [0] * len(extents)
        if runtime:
            read = self._strides(root.inputs[runtime[0]], root.indexing_maps.data[runtime[0]].data, extents)
        for i, kind in enumerate(kinds):
            keys[i] = -out[i] if kind == "parallel" else -read[i]
        return make_band(extents, kinds, [(k,) for k in keys])

    @staticmethod
    def _strides(value: SSAValue, access: AffineMap, extents: Sequence[int]) -> list[int]:
        assert isinstance(value.type, TensorType)
        layout = layout_of(value.type)
        strides = flat_strides(layout.access.compose(access), row_major(layout.physical_shape), extents)
        return strides or [0] * len(extents)

    def _nest(self, op: GenericOp, band: Band, parallel: Band, final: bool) -> SSAValue:
        """`op` over the kernel's loops. A value made in the kernel is a tensor over the parallel loops."""
        identity = AffineMap(len(band.loops), 0, AffineMap.identity(len(parallel.loops)).results)
        inputs: list[SSAValue] = []
        accesses: list[AffineMap] = []
        used = [i for i in range(len(op.inputs)) if is_used(op, i)]
        for i in used:
            value, access = op.inputs[i], op.indexing_maps.data[i].data
            if isinstance(value.owner, nn.IotaOp) and lookup.only_positions(op, i):
                inputs.append(self._add(tensorized.IotaOp(nn.tensor_of(value).get_shape()[0]), op))
                accesses.append(substitute(access, band.indices[: access.num_dims], band.extents))
            elif value in self.internal:
                inputs.append(self.internal[value])
                accesses.append(identity)
            else:
                assert isinstance(value.type, TensorType)
                inputs.append(self.argument(value))
                accesses.append(band.access(layout_of(value.type), access))
        result = op.results[0]
        assert isinstance(result.type, TensorType)
        out = identity
        if final:
            init = self._empty(result)
            out = band.access(layout_of(result.type), op.indexing_maps.data[-1].data)
        else:
            init = self._start(op, parallel)
        body = scalar_body(op, used)
        lookup.take_arguments(body.block, self.argument)
        nest = tensorized.GenericOp(inputs, init, band.loops, [*accesses, out], body)
        return self._add(nest, op)

    def _start(self, op: GenericOp, parallel: Band) -> SSAValue:
        """What an inner nest writes into: its reduction's start value, or nothing yet."""
        start = op.outputs[0]
        if start in self.internal:
            return self.internal[start]
        assert isinstance(start.type, TensorType)
        inner = TensorType(start.type.element_type, parallel.extents)
        empty = tensorized.EmptyOp(inner)
        self.block.add_op(empty)
        if isinstance(start.owner, tensor.EmptyOp):
            return empty.res
        identity = AffineMap.identity(len(parallel.loops))
        read = parallel.access(layout_of(start.type), op.indexing_maps.data[-1].data)
        copy = tensorized.GenericOp(
            [self.argument(start)], empty.res, parallel.loops, [read, identity], identity_body(inner)
        )
        return self._add(copy, op)

    def _store(self, result: SSAValue, parallel: Band, op: GenericOp) -> SSAValue:
        """A reduction that ends its kernel is copied into the output's layout (registers to memory)."""
        assert isinstance(result.type, TensorType)
        identity = AffineMap.identity(len(parallel.loops))
        out = parallel.access(layout_of(result.type), AffineMap.identity(band_rank(op)))
        copy = tensorized.GenericOp(
            [self.internal[result]],
            self._empty(result),
            parallel.loops,
            [identity, out],
            identity_body(result.type),
        )
        return self._add(copy, op)

    def _concat(self, op: tensor.ConcatOp) -> SSAValue:
        """One copy nest per operand, one after another into the output."""
        result = op.result
        assert isinstance(result.type, TensorType)
        axis, offset = op.dim.value.data, 0
        current = self._empty(result)
        layout = layout_of(result.type)
        for n, value in enumerate(op.inputs):
            assert isinstance(value.type, TensorType)
            shape = value.type.get_shape()
            shifts = [AffineExpr.dimension(d) + (offset if d == axis else 0) for d in range(len(shape))]
            place = AffineMap(len(shape), 0, tuple(shifts))
            strides = self._strides(result, place, shape)
            band = make_band(shape, ["parallel"] * len(shape), [(-s,) for s in strides], prefix=f"s{n}")
            read = band.access(layout_of(value.type), AffineMap.identity(len(shape)))
            nest = tensorized.GenericOp(
                [self.argument(value)],
                current,
                band.loops,
                [read, band.access(layout, place)],
                identity_body(result.type),
            )
            current = self._add(nest, op)
            offset += shape[axis]
        return current


def is_used(op: GenericOp, index: int) -> bool:
    return bool(list(op.body.block.args[index].uses))


def identity_body(tensor_type: TensorType) -> Region:
    block = Block(arg_types=[tensor_type.element_type] * 2)
    block.add_op(tensorized.YieldOp(block.args[0]))
    return Region(block)


def scalar_body(op: GenericOp, used: Sequence[int]) -> Region:
    """The op's body with only the arguments of the inputs it uses, ended by tensorized.yield."""
    region = op.body.clone()
    block = region.block
    for i in reversed(range(len(op.inputs))):
        if i not in used:
            block.erase_arg(block.args[i])
    end = block.last_op
    assert end is not None
    values = list(end.operands)
    block.erase_op(end)
    block.add_op(tensorized.YieldOp(*values))
    for inner in block.ops:
        for result in inner.results:
            result.name_hint = None
    for argument in block.args:
        argument.name_hint = None
    return region

"""Operands reorganized into the order in which a kernel's registers read them.

A packed operand is [outer parallel loops, panel, reductions, lanes]: the elements of the lane loop that one
tile reads, its panel, lie together, step after step of the reduction; those of registers of several rows in
the registers' own order. Compile-time operands are packed
by a `tensorized.pack`, which costs nothing at run time; others by a kernel of their own, where the
contraction reads them often enough to pay for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from xdsl.dialects import func
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp, TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn, tensorized
from ...dialects.tensorized import LoopAttr
from ...dialects.tensorized.linear_form import simplify
from ..tensorize.cost import ROWS_THAT_PAY, rows_of
from ..tensorize.target import TargetFacts
from .pack_kernel import Packing, pack_kernel
from .threads import split_kernel

Calls: TypeAlias = Sequence[tensorized.CallOp]
"""Every call of the kernel that is being scheduled."""

Panels: TypeAlias = Mapping[str, int]
"""The tile of each loop that lanes run along, in elements."""


def pack_contract(
    calls: Calls,
    kernel: tensorized.KernelOp,
    contract: tensorized.ContractOp,
    panels: Panels,
    facts: TargetFacts,
) -> None:
    """Packs the operands of a contraction that pay for it: of registers of several rows what is known at
    compile time (only that is matched)."""
    lane_loop, *tall = contract.lane_loops
    for position, value in enumerate(contract.inputs):
        if not isinstance(value, BlockArgument) or len(list(value.uses)) != 1:
            continue
        constant = value.index in kernel.constant_arguments
        if not constant and (tall or not _pays(contract, position, lane_loop)):
            continue
        packing = _packing(contract, position, panels)
        maps = [*contract.maps.data]
        maps[position] = AffineMapAttr(_placed(contract, position, panels)[0])
        contract.properties["maps"] = ArrayAttr(maps)
        _retype_argument(kernel, value, packing.packed)
        if constant:
            _pack_constant(calls, kernel, value.index, packing)
        else:
            _pack_at_run_time(calls, kernel, value.index, packing, lane_loop, panels[lane_loop], facts)


def _pays(contract: tensorized.ContractOp, position: int, lane_loop: str) -> bool:
    """Whether an operand along the lanes is read by enough rows."""
    used = contract.accesses[position].used_dims()
    if contract.loop_names.index(lane_loop) not in used:
        return False
    return rows_of(contract.kinds, contract.extents, used) >= ROWS_THAT_PAY


def _placed(contract: tensorized.ContractOp, position: int, panels: Panels) -> tuple[AffineMap, list[int]]:
    """Where each element goes, over the contraction's loops, and the packed shape."""
    outer: list[AffineExpr] = []
    inner: list[AffineExpr] = []
    outer_shape: list[int] = []
    inner_shape: list[int] = []
    widths = {**contract.widths, **panels}
    for dim in sorted(contract.accesses[position].used_dims(), key=lambda d: (contract.kinds[d], d)):
        extent, index = contract.extents[dim], AffineExpr.dimension(dim)
        width = widths.get(contract.loop_names[dim], 1)
        outer.append(index // width if width > 1 else index)
        outer_shape.append(-(-extent // width))
        if width > 1:
            inner.append(index % width)
            inner_shape.append(width)
    if len(panels) > 1:
        inner, inner_shape = _in_registers(contract, position, panels)
    return AffineMap(len(contract.extents), 0, (*outer, *inner)), [*outer_shape, *inner_shape]


def _in_registers(
    contract: tensorized.ContractOp, position: int, panels: Panels
) -> tuple[list[AffineExpr], list[int]]:
    """Where an element stands in its panel, as the instruction says: in which register, in which lane."""
    declared, lanes = contract.declaration(), contract.lane_loops
    operands = [i for i in range(len(declared.registers)) if i != declared.accumulator.data]
    number = operands[position]
    access, register = declared.maps.data[number], declared.registers.data[number]
    used, loop = contract.accesses[position].used_dims(), contract.loop_names.index
    dims = [loop(contract.binding[label]) for label in declared.labels]
    within = [AffineExpr.dimension(d) % n for d, n in zip(dims, declared.extents)]
    along = [(d, panels[name], lanes[name]) for name in lanes if (d := loop(name)) in used]
    places = [AffineExpr.dimension(d) % panel // n for d, panel, n in along]
    lane = simplify(access.data.results[0].replace_dims_and_symbols(within, []), contract.extents)
    return [*places, lane], [*(panel // n for _, panel, n in along), register.get_shape()[0]]


def _packing(contract: tensorized.ContractOp, position: int, panels: Panels) -> Packing:
    """The packing of one operand, over the loops it varies with."""
    placed, shape = _placed(contract, position, panels)
    original = contract.inputs[position].type
    assert isinstance(original, TensorType)
    used = sorted(contract.accesses[position].used_dims())
    dims: list[AffineExpr] = [AffineExpr.constant(0)] * len(contract.extents)
    for i, dim in enumerate(used):
        dims[dim] = AffineExpr.dimension(i)
    loops = [LoopAttr.of(contract.loop_names[d], "parallel", contract.extents[d]) for d in used]

    def over_used(access: AffineMap) -> AffineMap:
        return access.replace_dims_and_symbols(dims, [], len(used), 0)

    packed = TensorType(original.element_type, shape)
    taken = over_used(contract.accesses[position])
    grouped = {name: width for name, width in contract.widths.items() if width > 1}
    return Packing(tuple(loops), taken, over_used(placed), original, packed, grouped)


def pad_parameters(
    calls: Calls, kernel: tensorized.KernelOp, lane_loop: str, extent: int, panel: int
) -> None:
    """Pads compile-time vectors that run along the lanes (biases, scales) to whole panels, so that the
    ragged last tile reads whole registers."""
    padded = -(-extent // panel) * panel
    if padded == extent:
        return
    for argument in list(kernel.body.block.args):
        if argument.index in kernel.constant_arguments and _is_parameter(argument, lane_loop, extent):
            assert isinstance(argument.type, TensorType)
            longer = TensorType(argument.type.element_type, [padded])
            identity = AffineMap.identity(1)
            loop = LoopAttr.of(lane_loop, "parallel", extent)
            index, packing = argument.index, Packing((loop,), identity, identity, argument.type, longer, {})
            _retype_argument(kernel, argument, longer)
            _pack_constant(calls, kernel, index, packing)


def _is_parameter(argument: SSAValue, lane_loop: str, extent: int) -> bool:
    if not isinstance(argument.type, TensorType) or argument.type.get_shape() != (extent,):
        return False
    for use in argument.uses:
        nest = use.operation
        if not isinstance(nest, tensorized.GenericOp) or lane_loop not in nest.loop_names:
            return False
        if nest.accesses[use.index].results != (AffineDimExpr(nest.loop_names.index(lane_loop)),):
            return False
    return True


def _retype_argument(kernel: tensorized.KernelOp, argument: SSAValue, new: TensorType) -> None:
    Rewriter.replace_value_with_new_type(argument, new)
    kernel.update_type()


def _pack_constant(calls: Calls, kernel: tensorized.KernelOp, index: int, packing: Packing) -> None:
    for call in calls:
        value = call.arguments[index]
        if value.type != packing.original:
            reshape = nn.ReshapeOp(value, packing.original.get_shape())
            Rewriter.insert_op(reshape, InsertPoint.before(call))
            value = reshape.results[0]
        pack = tensorized.PackOp(value, packing.loops, packing.taken, packing.placed, packing.packed)
        pack.location = call.location
        Rewriter.insert_op(pack, InsertPoint.before(call))
        call.operands[index] = pack.res


def _pack_at_run_time(
    calls: Calls,
    kernel: tensorized.KernelOp,
    index: int,
    packing: Packing,
    lane_loop: str,
    panel: int,
    facts: TargetFacts,
) -> None:
    name = f"{kernel.sym_name.data}_pack_{index}"
    packer = pack_kernel(name, packing, lane_loop, kernel.lane_counts[lane_loop], panel)
    if all(loop.extent.data % packing.grouped.get(loop.label.data, 1) == 0 for loop in packing.loops):
        split_kernel(packer, facts)  # else what is left of a reduction is a nest with loops of its own
    packer.location = kernel.location
    Rewriter.insert_op(packer, InsertPoint.before(kernel))
    for call in calls:
        packed = tensorized.CallOp(packer.sym_name.data, [call.arguments[index]], [packing.packed])
        packed.location = call.location
        Rewriter.insert_op(packed, InsertPoint.before(call))
        call.operands[index] = packed.results[0]


def calls_by_kernel(module: ModuleOp) -> dict[str, list[tensorized.CallOp]]:
    """The calls in a module's functions, by the kernel they run; kernels themselves call nothing."""
    found: dict[str, list[tensorized.CallOp]] = {}
    for function in module.body.block.ops:
        if isinstance(function, func.FuncOp):
            for op in function.walk():
                if isinstance(op, tensorized.CallOp):
                    found.setdefault(op.kernel.root_reference.data, []).append(op)
    return found

"""Compile-time operands reorganized into the order in which a kernel's registers read them."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp, TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import nn, tensorized
from ...dialects.tensorized import LoopAttr


def pack_contract(module: ModuleOp, kernel: tensorized.KernelOp, contract: tensorized.ContractOp, panel: int) -> None:
    """Packs every compile-time operand of the contraction as [outer loops, panel, reductions, lanes]:
    `panel` elements of the lane loop, read in one tile, lie together."""
    instruction = contract.declaration()
    lanes = {loop.label.data: loop for loop in instruction.loops}
    bound = {contract.loop_names.index(outer): lanes[inner] for inner, outer in contract.binding.items()}
    for position, value in enumerate(contract.inputs):
        if isinstance(value, BlockArgument) and value.index in kernel.constant_arguments and len(list(value.uses)) == 1:
            _pack_operand(module, kernel, contract, position, value, bound, panel)


def _pack_operand(module, kernel, contract, position: int, value: BlockArgument, bound, panel: int) -> None:
    access = contract.accesses[position]
    used = sorted(access.used_dims())
    outer: list[AffineExpr] = []
    outer_shape: list[int] = []
    inner: list[AffineExpr] = []
    inner_shape: list[int] = []
    by_kind = sorted(used, key=lambda d: (contract.kinds[d], d))
    for dim in by_kind:
        extent, loop = contract.extents[dim], AffineExpr.dimension(dim)
        lane = bound.get(dim)
        width = 1 if lane is None else panel if lane.kind.data == "parallel" else lane.extent.data
        if width == 1:
            outer.append(loop)
            outer_shape.append(extent)
            continue
        outer.append(loop // width)
        outer_shape.append(-(-extent // width))
        inner.append(loop % width)
        inner_shape.append(width)
    placed = AffineMap(len(contract.extents), 0, (*outer, *inner))
    assert isinstance(value.type, TensorType)
    packed = TensorType(value.type.element_type, [*outer_shape, *inner_shape])
    loops = contract.loops.data
    _retype_argument(kernel, value, packed)
    maps = [*contract.maps.data]
    maps[position] = AffineMapAttr(placed)
    contract.properties["maps"] = ArrayAttr(maps)
    _pack_at_calls(module, kernel, value.index, value.type, loops, used, access, placed, packed)


def pad_parameters(module: ModuleOp, kernel: tensorized.KernelOp, lane_loop: str, extent: int, panel: int) -> None:
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
            original = argument.type
            _retype_argument(kernel, argument, longer)
            _pack_at_calls(module, kernel, argument.index, original, [loop], [0], identity, identity, longer)


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


def _pack_at_calls(
    module: ModuleOp,
    kernel: tensorized.KernelOp,
    index: int,
    original: TensorType,
    loops: Sequence[LoopAttr],
    used: Sequence[int],
    taken: AffineMap,
    placed: AffineMap,
    packed: TensorType,
) -> None:
    """Before every call of the kernel, packs the operand; loops the operand does not vary with drop out."""
    dims: list[AffineExpr] = [AffineExpr.constant(0)] * len(loops)
    for position, dim in enumerate(used):
        dims[dim] = AffineExpr.dimension(position)
    kept = [loops[d] for d in used]
    kept = [LoopAttr.of(loop.label.data, "parallel", loop.extent.data) for loop in kept]
    source_map = taken.replace_dims_and_symbols(dims, [], len(kept), 0)
    result_map = placed.replace_dims_and_symbols(dims, [], len(kept), 0)
    for call in calls_of(module, kernel):
        value = call.arguments[index]
        if value.type != original:
            reshape = nn.ReshapeOp(value, original.get_shape())
            Rewriter.insert_op(reshape, InsertPoint.before(call))
            value = reshape.results[0]
        pack = tensorized.PackOp(value, kept, source_map, result_map, packed)
        pack.location = call.location
        Rewriter.insert_op(pack, InsertPoint.before(call))
        call.operands[index] = pack.res


def calls_of(module: ModuleOp, kernel: tensorized.KernelOp) -> list[tensorized.CallOp]:
    name = kernel.sym_name.data
    return [
        op for op in module.walk() if isinstance(op, tensorized.CallOp) and op.kernel.root_reference.data == name
    ]

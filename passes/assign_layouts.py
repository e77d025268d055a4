"""assign-layouts: decides once, for the whole graph, where every tensor's elements live.

Expects: functions at the linalg level (`linalg.generic`, view ops, compile-time nn ops).
Leaves: the same ops; tensors that are not row-major carry a `#tensorized.layout`. Every view op relates
one physical buffer to itself, so it costs nothing: producers write into the halo their consumer's pad
needs, and where that is impossible an identity `linalg.generic` copies. Function arguments and results
stay row-major, and so do the operands and results of `nn.scan`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects import func, tensor
from xdsl.dialects.builtin import AffineMapAttr, ModuleOp, TensorType
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.dialects.linalg.ops import GenericOp
from xdsl.dialects.linalg.ops import YieldOp as LinalgYieldOp
from xdsl.ir import Block, BlockArgument, Operation, OpResult, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects.nn import ScanOp, is_compile_time
from ..dialects.tensorized.attributes import LayoutAttr, element_bytes
from .functions import straight_functions
from .fusion.transform import made_of_planes
from .layout import views
from .layout.order import DimensionOrders
from .layout.parts import Part, place_parts

# Rows exactly this far apart fall into one set of a typical L1 cache, and a register tile reads many.
ALIASING_BYTES = 4096
CACHE_LINE_BYTES = 64
# How many lines of one set a kernel may use at once: half of what a typical L1 cache holds.
LINES_OF_A_SET = 4

LEAVING = (func.ReturnOp, ScanOp)
"""Ops that take their operands out of the function, row-major."""

VIEWS = (tensor.PadOp, tensor.ExpandShapeOp, tensor.CollapseShapeOp, tensor.ExtractSliceOp)


@dataclass(frozen=True)
class AssignLayoutsPass(ModulePass):
    name = "assign-layouts"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in straight_functions(op, self.name):
            _Assigner(function).run()


class _Assigner:
    def __init__(self, function: func.FuncOp):
        self.block = function.body.block
        self.memo: dict[SSAValue, LayoutAttr] = {}
        self.orders: DimensionOrders
        self.parts: dict[SSAValue, Part] = {}

    def run(self) -> None:
        self._give_each_reduction_its_start()
        self.parts = place_parts(list(self.block.ops), self._may_be_a_part, self._may_host)
        self.orders = DimensionOrders(self.block.ops)
        self._copy_arguments()
        self._copy_before_pads()
        self._copy_before_collapses()
        self._copy_before_lookups()
        self._copy_before_loops()
        self._copy_before_returns()
        self._apply()

    def _give_each_reduction_its_start(self) -> None:
        """Start values and empties shared between ops (by cse) would tie unrelated layouts together."""
        for op in list(self.block.ops):
            if not isinstance(op, GenericOp):
                continue
            start = op.outputs[0]
            if start.has_one_use() or not isinstance(start, OpResult) or is_compile_time(start):
                continue
            if isinstance(start.op, GenericOp):
                clone = start.op.clone()
                self.block.insert_op_before(clone, op)
                op.operands[len(op.inputs)] = clone.results[0]
                if isinstance(clone.outputs[0].owner, tensor.EmptyOp):
                    clone.operands[len(clone.inputs)] = _empty(clone, clone.outputs[0].type)
            elif isinstance(start.op, tensor.EmptyOp):
                op.operands[len(op.inputs)] = _empty(op, start.type)

    def _copy(self, value: SSAValue, user: Operation) -> SSAValue:
        """An identity copy of `value` for `user` alone, free to have a layout of its own."""
        assert isinstance(value.type, TensorType)
        tensor_type = TensorType(value.type.element_type, value.type.get_shape())
        rank = tensor_type.get_num_dims()
        block = Block(arg_types=[tensor_type.element_type] * 2)
        block.add_op(LinalgYieldOp(block.args[0]))
        empty = tensor.EmptyOp([], tensor_type)
        identity = AffineMapAttr(AffineMap.identity(rank))
        copy = GenericOp(
            [value],
            [empty.tensor],
            Region(block),
            [identity, identity],
            [IteratorTypeAttr.parallel()] * rank,
            [tensor_type],
        )
        copy.location = user.location
        self.block.insert_ops_before([empty, copy], user)
        for i, operand in enumerate(user.operands):
            if operand is value:
                user.operands[i] = copy.results[0]
        return copy.results[0]

    def _copy_arguments(self) -> None:
        """A contraction that wants another order reads an argument once, through a copy."""
        for argument in self._given():
            if not isinstance(argument.type, TensorType) or (order := self.orders.order(argument)) is None:
                continue
            shape = argument.type.get_shape()
            layout = views.permuted_layout(shape, order, [0] * len(shape), [0] * len(shape), None)
            if views.is_row_major(layout, shape):
                continue
            for use in list(argument.uses):
                if isinstance(use.operation, GenericOp) and use.operation.parent is self.block:
                    self._tie_copy(argument, use.operation)

    def _tie_copy(self, value: SSAValue, user: Operation) -> None:
        copy = self._copy(value, user)
        self.orders.tie(copy, value)

    def _given(self) -> list[SSAValue]:
        """The values that are row-major wherever they come from: arguments and the results of loops."""
        loops = [op for op in self.block.ops if isinstance(op, ScanOp)]
        return [*self.block.args, *(result for op in loops for result in op.results)]

    def _copy_before_pads(self) -> None:
        for op in list(self.block.ops):
            if isinstance(op, tensor.PadOp) and op not in self._pads(op.source):
                self._tie_copy(op.source, op)

    def _copy_before_collapses(self) -> None:
        for op in list(self.block.ops):
            if isinstance(op, tensor.CollapseShapeOp) and not is_compile_time(op.src) and not self._leads(op):
                assert isinstance(op.src.type, TensorType)
                shape = op.src.type.get_shape()
                if views.collapsed_layout(self.layout(op.src), views.groups(op), shape) is None:
                    self._copy(op.src, op)

    def _copy_before_returns(self) -> None:
        last = self.block.last_op
        assert last is not None
        for value in list(last.operands):
            if isinstance(value.type, TensorType) and not is_compile_time(value):
                if not views.is_plain(self.layout(value), value.type.get_shape()):
                    copy = self._copy(value, last)
                    shape = value.type.get_shape()
                    self.memo[copy] = LayoutAttr.of(AffineMap.identity(len(shape)), shape)

    def _copy_before_lookups(self) -> None:
        """What a body looks elements up in is an array, in any order of its dimensions."""
        for op in [op for op in self.block.ops if isinstance(op, GenericOp)]:
            for extract in [inner for inner in op.body.block.ops if isinstance(inner, tensor.ExtractOp)]:
                value = extract.tensor
                assert isinstance(value.type, TensorType)
                shape = value.type.get_shape()
                if not is_compile_time(value) and views.stored_view(self.layout(value), shape) is None:
                    copy = self._copy(value, op)
                    self.memo[copy] = LayoutAttr.of(AffineMap.identity(len(shape)), shape)
                    extract.operands[0] = copy

    def _copy_before_loops(self) -> None:
        """A loop takes whole buffers: what is only seen in one (a view) is copied."""
        for op in list(self.block.ops):
            if isinstance(op, ScanOp):
                for value in dict.fromkeys(op.operands):
                    assert isinstance(value.type, TensorType)
                    shape = value.type.get_shape()
                    if is_compile_time(value):
                        continue
                    if isinstance(value.owner, VIEWS) or not views.is_plain(self.layout(value), shape):
                        copy = self._copy(value, op)
                        self.memo[copy] = LayoutAttr.of(AffineMap.identity(len(shape)), shape)

    def _may_be_a_part(self, value: SSAValue) -> bool:
        """Whether the value may be made in the buffer of a concat: it needs no halo, and stays inside."""
        users = [use.operation for use in value.uses]
        return (
            isinstance(value.owner, GenericOp | tensor.ConcatOp)
            and not is_compile_time(value)
            and not any(isinstance(user, (tensor.PadOp, *LEAVING)) for user in users)
        )

    @staticmethod
    def _may_host(concat: tensor.ConcatOp) -> bool:
        """Whether the result of a concat stays in the function, so that others may write into it."""
        users = [use.operation for use in concat.result.uses]
        for user in users:  # grows: what a view of it leaves the function in is its buffer too
            if isinstance(user, VIEWS):
                users += [use.operation for use in user.results[0].uses]
        return not is_compile_time(concat.result) and not any(isinstance(user, LEAVING) for user in users)

    def _owns_buffer(self, value: SSAValue) -> bool:
        """Whether the value's buffer may take any layout (else it is an argument, a view or a part)."""
        if value in self.parts:
            return False
        if isinstance(value.owner, GenericOp | tensor.ConcatOp):
            return True
        return isinstance(value.owner, tensor.CollapseShapeOp) and self._leads(value.owner)

    def _leads(self, op: tensor.CollapseShapeOp) -> bool:
        """Whether the collapsed tensor decides the layout of its source."""
        return len(list(op.src.uses)) == 1 and isinstance(op.src.owner, GenericOp | tensor.ConcatOp)

    def _pads(self, value: SSAValue) -> list[tensor.PadOp]:
        """The pads that `value`'s buffer can serve as a halo: those that agree with the first."""
        pads = [use.operation for use in value.uses if isinstance(use.operation, tensor.PadOp)]
        pads.sort(key=self.block.get_operation_index)
        if not pads or not self._owns_buffer(value):
            return []
        fill = views.pad_value(pads[0])
        if fill is None:
            return []
        same = [p for p in pads if views.same_bits(views.pad_value(p), fill)]
        return [p for p in same if min(map(min, views.pad_amounts(p))) >= 0]

    def layout(self, value: SSAValue) -> LayoutAttr:
        if value not in self.memo:
            self.memo[value] = self._compute(value)
        return self.memo[value]

    def _compute(self, value: SSAValue) -> LayoutAttr:
        assert isinstance(value.type, TensorType)
        shape, op = value.type.get_shape(), value.owner
        if value in self.parts:
            part = self.parts[value]
            return part.layout(self.layout(part.concat.result), shape)
        if isinstance(value, BlockArgument) or isinstance(op, ScanOp) or is_compile_time(value):
            return LayoutAttr.of(AffineMap.identity(len(shape)), shape)
        if isinstance(op, tensor.PadOp):
            return views.shifted_layout(self.layout(op.source), views.pad_amounts(op)[0], shape)
        if isinstance(op, tensor.ExpandShapeOp):
            return views.expanded_layout(self.layout(op.src), views.groups(op), shape)
        if isinstance(op, tensor.ExtractSliceOp):
            offsets, strides = op.static_offsets.get_values(), op.static_strides.get_values()
            return views.sliced_layout(self.layout(op.source), offsets, strides, shape)
        if isinstance(op, tensor.CollapseShapeOp) and not self._leads(op):
            assert isinstance(op.src.type, TensorType)
            source = views.collapsed_layout(self.layout(op.src), views.groups(op), op.src.type.get_shape())
            assert source is not None, "checked by _copy_before_collapses"
            return source
        return self._own_layout(value)

    def _own_layout(self, value: SSAValue) -> LayoutAttr:
        assert isinstance(value.type, TensorType)
        shape = value.type.get_shape()
        users = [use.operation for use in value.uses]
        if len(users) == 1:
            user = users[0]
            if isinstance(user, GenericOp) and value in user.outputs:
                return self.layout(user.results[0])
            if isinstance(user, tensor.CollapseShapeOp) and self._leads(user):
                return views.expanded_layout(self.layout(user.result), views.groups(user), shape)
        order = self.orders.order(value)
        low, high, fill = self._halo(value, len(shape))
        slack = self._row_slack(value.type, order, high) if order else 0
        layout = views.permuted_layout(shape, order or range(len(shape)), low, high, fill, slack)
        slack = self._plane_slack(value, layout)
        return views.spread_planes(layout, slack) if slack else layout

    def _halo(self, value: SSAValue, rank: int) -> tuple[list[int], list[int], float | None]:
        low, high, fill = [0] * rank, [0] * rank, None
        for pad in self._pads(value):
            before, after = views.pad_amounts(pad)
            low, high = list(map(max, low, before)), list(map(max, high, after))
            number = views.pad_value(pad)
            fill = None if number is None else float(number)
        return low, high, fill

    @staticmethod
    def _row_slack(tensor_type: TensorType, order: tuple[int, ...], high: list[int]) -> int:
        """Unused elements that keep neighbouring rows out of one cache set."""
        shape = tensor_type.get_shape()
        item = element_bytes(tensor_type.element_type)
        row = (shape[order[-1]] + high[order[-1]]) * item
        rows = 1
        for d in order[:-1]:
            rows *= shape[d]
        return CACHE_LINE_BYTES // item if rows > 1 and row % ALIASING_BYTES == 0 else 0

    @staticmethod
    def _plane_slack(value: SSAValue, layout: LayoutAttr) -> int:
        """The same between planes that a kernel uses side by side, where few cache sets would hold them."""
        assert isinstance(value.type, TensorType)
        if not made_of_planes(value):
            return 0
        item = element_bytes(value.type.element_type)
        planes, *plane = layout.physical_shape
        sets = ALIASING_BYTES // gcd(ALIASING_BYTES, prod(plane) * item)
        return CACHE_LINE_BYTES // item if planes > LINES_OF_A_SET * sets else 0

    def _apply(self) -> None:
        for op in list(self.block.ops):
            for result in list(op.results):
                if isinstance(result.type, TensorType) and isinstance(
                    op, (GenericOp, tensor.ConcatOp, *VIEWS)
                ):
                    if not is_compile_time(result):
                        self.layout(result)
        for value, layout in self.memo.items():
            assert isinstance(value.type, TensorType)
            shape = value.type.get_shape()
            if isinstance(value, BlockArgument) or views.is_plain(layout, shape):
                continue
            encoded = TensorType(value.type.element_type, shape, layout)
            op = value.owner
            assert isinstance(op, Operation)
            if isinstance(op, GenericOp) and isinstance(op.outputs[0].owner, tensor.EmptyOp):
                op.operands[len(op.inputs)] = _empty(op, encoded)
            Rewriter.replace_value_with_new_type(value, encoded)
        for op in list(self.block.ops):
            if isinstance(op, tensor.EmptyOp) and not list(op.tensor.uses):
                Rewriter.erase_op(op)


def _empty(user: Operation, tensor_type) -> SSAValue:
    empty = tensor.EmptyOp([], tensor_type)
    Rewriter.insert_op(empty, InsertPoint.before(user))
    return empty.tensor

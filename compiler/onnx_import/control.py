"""Control flow whose course is known at import: branches are taken, loops are unrolled.

All ops are pure, so both branches of an `If` with a runtime condition may be computed and one selected, if
they are alike in type and cannot trap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import GraphProto
from xdsl.dialects.builtin import IntegerType
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, normalized_axis, rank_of, shape_of, tensor_type
from .node import Node, Value
from .registry import onnx_op
from .shape import slice_axis

MAX_UNROLLED = 1024
"""Iterations of one loop."""


@onnx_op("If")
def if_(ctx: Context, node: Node) -> list[Value]:
    """The branch taken, where the condition is known; else both, and an elementwise selection."""
    condition = node[0]
    names = ("then_branch", "else_branch")
    if ctx.array(condition) is not None:
        return ctx.subgraph(node.attr(names[0 if ctx.number(condition, "the condition") else 1]), [], "")
    last = ctx.block.last_op
    taken, other = (ctx.subgraph(node.attr(name), [], f"{name}/") for name in names)
    for obstacle in _obstacles(taken, other, _after(ctx, last)):
        ctx.known(condition, f"the condition, since {obstacle},")
    if len(taken) != len(node.outputs) or len(other) != len(node.outputs):
        raise TenonError(f"branches have {len(taken)} and {len(other)} outputs, expected {len(node.outputs)}")
    flag = ctx.reshape(condition, ())
    return [_selected(ctx, flag, x, y) for x, y in zip(taken, other, strict=True)]


def _selected(ctx: Context, flag: SSAValue, x: Value, y: Value) -> SSAValue:
    assert isinstance(x, SSAValue) and isinstance(y, SSAValue)
    return x if x is y else ctx.elementwise("where", flag, x, y)


def _after(ctx: Context, last: Operation | None) -> list[Operation]:
    """The ops emitted since `last` was."""
    found: list[Operation] = []
    op = ctx.block.last_op
    while op is not None and op is not last:
        found.append(op)
        op = op.prev_op
    return found


def _obstacles(taken: Sequence[Value], other: Sequence[Value], ops: Sequence[Operation]):
    """What keeps both branches from being computed."""
    for x, y in zip(taken, other, strict=False):
        if not isinstance(x, SSAValue) or not isinstance(y, SSAValue):
            yield "a branch gives a sequence"
        elif x.type != y.type:
            yield f"the branches give {x.type} and {y.type}"
    for op in ops:
        if isinstance(op, nn.ElementwiseOp) and op.fn.data in ("div", "mod"):
            if isinstance(op.type.element_type, IntegerType):
                yield "a branch divides integers"


@onnx_op("Loop")
def loop(ctx: Context, node: Node) -> list[Value]:
    """Unrolled: the trip count is known, or the condition in each iteration is."""
    trips = None if node.get(0) is None else int(ctx.number(node[0], "the trip count"))
    going = node.get(1) is None or bool(ctx.number(node[1], "the condition"))
    body, state = node.attr("body"), [_state(value) for value in node.operands[2:]]
    if len(body.output) <= len(state):
        raise TenonError(f"its body has {len(body.output)} outputs, expected more than {len(state)}")
    if going and trips is not None and trips > MAX_UNROLLED:
        raise TenonError(f"the loop runs {trips} times, at most {MAX_UNROLLED} are supported")
    rows: list[list[Value]] = [[] for _ in range(len(body.output) - 1 - len(state))]
    iteration = 0
    while going and (trips is None or iteration < trips):
        if iteration == MAX_UNROLLED:
            raise TenonError(f"the loop runs more than the {MAX_UNROLLED} times that are supported")
        again, state, made = _iterate(ctx, body, iteration, state)
        going = bool(ctx.number(again, "the condition that the body returns"))
        for row, value in zip(rows, made, strict=True):
            row.append(value)
        iteration += 1
    if not iteration and rows:
        _, _, made = _iterate(ctx, body, 0, state)
        return [*state, *(_nothing_of(ctx, value) for value in made)]
    return [*state, *(_stacked(ctx, row, 0) for row in rows)]


def _state(value: Value | None) -> Value:
    if value is None:
        raise TenonError("a value carried by the loop is missing")
    return value


def _iterate(
    ctx: Context, body: GraphProto, iteration: int, state: Sequence[Value]
) -> tuple[SSAValue, list[Value], list[Value]]:
    """The condition, the carried values and the values to collect after one iteration."""
    number, going = ctx.constant(np.asarray(iteration, np.int64)), ctx.constant(np.asarray(True))
    again, *results = ctx.subgraph(body, [number, going, *state], f"{iteration}/")
    if isinstance(again, list):
        raise TenonError("the condition that the body returns is a sequence")
    return again, results[: len(state)], results[len(state) :]


def _row(ctx: Context, value: Value, axis: int) -> SSAValue:
    """`value` with a dimension of extent 1 at `axis`."""
    if isinstance(value, list):
        raise TenonError("a collected output is a sequence, expected a tensor")
    at = normalized_axis(axis, rank_of(value) + 1)
    shape = shape_of(value)
    return ctx.reshape(value, [*shape[:at], 1, *shape[at:]])


def _stacked(ctx: Context, values: Sequence[Value], axis: int) -> SSAValue:
    """The values of all iterations along a new dimension `axis`."""
    rows = [_row(ctx, value, axis) for value in values]
    if len(rows) == 1:
        return rows[0]
    return ctx.emit(nn.ConcatOp(rows, normalized_axis(axis, rank_of(rows[0]))))


def _nothing_of(ctx: Context, value: Value) -> SSAValue:
    """What a loop that never runs collects."""
    row = _row(ctx, value, 0)
    return ctx.constant(np.zeros((0, *shape_of(row)[1:]), dtype_of(row)))


@onnx_op("Scan")
def scan(ctx: Context, node: Node) -> list[Value]:
    """Unrolled along the scanned axis; in opset 8 for each row of a batch."""
    if ctx.opset >= 9:
        return _scan(ctx, node, [node[i] for i in range(len(node.operands))])
    if node.get(0) is not None:
        raise TenonError("sequence_lens is not supported")
    operands = [node[i] for i in range(1, len(node.operands))]
    batch = {shape_of(x)[:1] for x in operands}
    if len(batch) != 1 or () in batch:
        raise TenonError("operands have no common batch dimension")
    ((count,),) = batch
    if not 0 < count <= MAX_UNROLLED:
        raise TenonError(f"the batch has {count} rows, expected 1 to {MAX_UNROLLED}")
    rows = [_scan(ctx, node, [_picked(ctx, x, 0, i) for x in operands], f"{i}/") for i in range(count)]
    return [_stacked(ctx, column, 0) for column in zip(*rows, strict=True)]


def _scan(ctx: Context, node: Node, operands: list[SSAValue], label: str = "") -> list[Value]:
    body, scanned = node.attr("body"), node.attr("num_scan_inputs")
    if not 0 < scanned <= len(operands):
        raise TenonError(f"num_scan_inputs is {scanned}, expected 1 to {len(operands)}")
    state: list[Value] = [*operands[: len(operands) - scanned]]
    inputs = operands[len(operands) - scanned :]
    made = len(body.output) - len(state)
    if made < 0:
        raise TenonError(f"its body has {len(body.output)} outputs, expected at least {len(state)}")
    axes = [
        normalized_axis(axis, rank_of(x))
        for axis, x in zip(_list(node, "scan_input_axes", scanned), inputs, strict=True)
    ]
    extents = {shape_of(x)[axis] for x, axis in zip(inputs, axes, strict=True)}
    if len(extents) != 1:
        raise TenonError(f"the scanned inputs have different extents {sorted(extents)}")
    (count,) = extents
    if not 0 < count <= MAX_UNROLLED:
        raise TenonError(f"the scan runs {count} times, expected 1 to {MAX_UNROLLED}")
    # Before opset 9 the directions of inputs had another name and those of outputs none.
    backward = _list(node, "scan_input_directions" if ctx.opset >= 9 else "directions", scanned)
    rows: list[list[Value]] = [[] for _ in range(made)]
    for step in range(count):
        picked = [
            _picked(ctx, x, axis, count - 1 - step if back else step)
            for x, axis, back in zip(inputs, axes, backward, strict=True)
        ]
        results = ctx.subgraph(body, [*state, *picked], f"{label}{step}/")
        state = results[: len(state)]
        for row, value in zip(rows, results[len(state) :], strict=True):
            row.append(value)
    out_axes, out_back = (_list(node, f"scan_output_{what}", made) for what in ("axes", "directions"))
    return [
        *state,
        *(
            _stacked(ctx, row[::-1] if back else row, axis)
            for row, axis, back in zip(rows, out_axes, out_back, strict=True)
        ),
    ]


def _list(node: Node, name: str, count: int) -> list[int]:
    values = node.attr(name) or [0] * count
    if len(values) != count:
        raise TenonError(f"{name} is {values}, expected {count} numbers")
    return values


def _picked(ctx: Context, x: SSAValue, axis: int, index: int) -> SSAValue:
    """The slice of `x` at `index`, without the dimension `axis`."""
    part = slice_axis(ctx, x, axis, index, 1)
    return ctx.reshape(part, [n for i, n in enumerate(tensor_type(x).get_shape()) if i != axis])

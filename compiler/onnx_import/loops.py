"""Loop and Scan with a number of iterations that is known at import: short ones are unrolled, long ones run.

A loop that runs is `nn.scan`; it needs values of one type in each iteration, and no iteration may need its
number at compile time. One that cannot be run so is unrolled as well, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import GraphProto
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, dtype_of, normalized_axis, rank_of, shape_of, tensor_type
from .node import Node, Value
from .registry import onnx_op
from .shape import slice_axis

SHORT = 16
"""Iterations that are unrolled without a try to run the loop."""

MAX_UNROLLED = 1024
"""Iterations of a loop that cannot run."""

MAX_ITERATIONS = 2**24
"""Iterations of a loop that runs."""

SMALL = 1024
"""Elements of a captured constant that the loop's body holds itself, where it may have to be known."""


@onnx_op("Loop")
def loop(ctx: Context, node: Node) -> list[Value]:
    """The trip count is known, or the condition in each iteration is."""
    trips = None if node.get(0) is None else ctx.integer(node[0], "the trip count")
    going = node.get(1) is None or bool(ctx.number(node[1], "the condition"))
    body, state = node.attr("body"), [_state(value) for value in node.operands[2:]]
    if len(body.output) <= len(state):
        raise TenonError(f"its body has {len(body.output)} outputs, expected more than {len(state)}")
    if going and trips is not None and trips > SHORT:
        return _run_or_unroll(
            trips,
            lambda: _run_loop(ctx, node, body, state, trips),
            lambda: _unroll_loop(ctx, body, state, trips, going),
        )
    return _unroll_loop(ctx, body, state, trips, going)


def _run_or_unroll(
    count: int, run: Callable[[], list[Value]], unroll: Callable[[], list[Value]]
) -> list[Value]:
    try:
        return run()
    except TenonError as error:
        if count > MAX_UNROLLED:
            raise TenonError(
                f"a loop of {count} iterations, more than {MAX_UNROLLED}, cannot be unrolled, and it cannot "
                f"run: {error}"
            ) from error
        return unroll()


def _state(value: Value | None) -> Value:
    if value is None:
        raise TenonError("a value carried by the loop is missing")
    return value


def _run_loop(ctx: Context, node: Node, body: GraphProto, state: list[Value], trips: int) -> list[Value]:
    """As a scan over the iteration numbers; the condition stays true."""
    if trips > MAX_ITERATIONS:
        raise TenonError(f"at most {MAX_ITERATIONS} iterations are supported")
    numbers = ctx.constant(np.arange(trips, dtype=np.int64))

    def arguments(carried: Sequence[Value], sliced: Sequence[Value]) -> list[Value]:
        return [sliced[0], ctx.constant(np.asarray(True)), *carried]

    def checked(results: list[Value]) -> list[Value]:
        again, *rest = results
        if isinstance(again, list) or not ctx.number(again, "the condition that the body returns"):
            raise TenonError("its body ends the loop early")
        return rest

    return [*_run(ctx, node, body, state, [numbers], trips, arguments, checked)]


def _run(
    ctx: Context,
    node: Node,
    body: GraphProto,
    state: Sequence[Value],
    sliced: Sequence[SSAValue],
    steps: int,
    arguments: Callable[[Sequence[Value], Sequence[Value]], Sequence[Value]],
    checked: Callable[[list[Value]], list[Value]],
    backward: Sequence[int] = (),
) -> list[SSAValue]:
    """`body` as the function of a scan over the first dimension of `sliced`. `arguments` orders carried
    values and slices as the body takes them, `checked` takes what the body returns to what the function does.
    """
    carried = [_tensor(value) for value in state]
    captured = ctx.captures(body)
    passed = {name: _tensor(v) for name, v in captured.items() if v is not None and not _is_small(ctx, v)}
    slices = [nn.slice_type(tensor_type(x)) for x in sliced]
    types = [*map(tensor_type, carried), *slices, *map(tensor_type, passed.values())]
    first, last = len(carried), len(carried) + len(sliced)

    def emit(*values: SSAValue) -> list[SSAValue]:
        inside = {name: _copied(ctx, value) for name, value in captured.items() if name not in passed}
        inside |= dict(zip(passed, values[last:], strict=True))
        results = ctx.subgraph(body, arguments(values[:first], values[first:last]), captured=inside)
        return [_tensor(value) for value in checked(results)]

    function = ctx.function(node.name, types, emit)
    scan = nn.ScanOp(
        function, [*carried, *sliced, *passed.values()], carried=first, sliced=len(sliced), steps=steps,
        reversed=backward,
    )  # fmt: skip
    return ctx.emit_all(scan)


def _tensor(value: Value) -> SSAValue:
    if isinstance(value, list):
        raise TenonError("the loop works on a sequence, expected tensors")
    return value


def _is_small(ctx: Context, value: Value) -> bool:
    array = None if isinstance(value, list) else ctx.array(value)
    return array is not None and array.size <= SMALL


def _copied(ctx: Context, value: Value | None) -> Value | None:
    """A small constant, once more in the body; None stays."""
    array = None if value is None or isinstance(value, list) else ctx.array(value)
    return None if array is None else ctx.constant(array)


def _unroll_loop(
    ctx: Context, body: GraphProto, state: list[Value], trips: int | None, going: bool
) -> list[Value]:
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
    """Along the scanned axis; in opset 8 for each row of a batch."""
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
    inputs, made = operands[len(operands) - scanned :], len(body.output) - len(state)
    if made < 0:
        raise TenonError(f"its body has {len(body.output)} outputs, expected at least {len(state)}")
    given = _list(node, "scan_input_axes", scanned)
    axes = [normalized_axis(axis, rank_of(x)) for axis, x in zip(given, inputs, strict=True)]
    extents = {shape_of(x)[axis] for x, axis in zip(inputs, axes, strict=True)}
    if len(extents) != 1:
        raise TenonError(f"the scanned inputs have different extents {sorted(extents)}")
    (count,) = extents
    # Before opset 9 the directions of inputs had another name and those of outputs none.
    backward = _list(node, "scan_input_directions" if ctx.opset >= 9 else "directions", scanned)
    backward_out = _list(node, "scan_output_directions", made)
    out_axes = _list(node, "scan_output_axes", made)

    def run() -> list[Value]:
        fronted = [_moved(ctx, x, axis, 0) for x, axis in zip(inputs, axes, strict=True)]
        turned = [i for i, back in enumerate([*backward, *backward_out]) if back]
        results = _run(
            ctx, node, body, state, fronted, count, lambda carried, sliced: [*carried, *sliced], list, turned
        )
        moved = [
            _moved(ctx, y, 0, normalized_axis(axis, rank_of(y)))
            for y, axis in zip(results[len(state) :], out_axes, strict=True)
        ]
        return [*results[: len(state)], *moved]

    def unroll() -> list[Value]:
        if not count:
            raise TenonError("the scan runs 0 times, expected at least 1")
        rows: list[list[Value]] = [[] for _ in range(made)]
        values = state
        for step in range(count):
            picked = [
                _picked(ctx, x, axis, count - 1 - step if back else step)
                for x, axis, back in zip(inputs, axes, backward, strict=True)
            ]
            results = ctx.subgraph(body, [*values, *picked], f"{label}{step}/")
            values = results[: len(state)]
            for row, value in zip(rows, results[len(state) :], strict=True):
                row.append(value)
        ordered = [row[::-1] if back else row for row, back in zip(rows, backward_out, strict=True)]
        stacked = [_stacked(ctx, row, axis) for row, axis in zip(ordered, out_axes, strict=True)]
        return [*values, *stacked]

    return unroll() if count <= SHORT else _run_or_unroll(count, run, unroll)


def _list(node: Node, name: str, count: int) -> list[int]:
    values = node.attr(name) or [0] * count
    if len(values) != count:
        raise TenonError(f"{name} is {values}, expected {count} numbers")
    return values


def _picked(ctx: Context, x: SSAValue, axis: int, index: int) -> SSAValue:
    """The slice of `x` at `index`, without the dimension `axis`."""
    part = slice_axis(ctx, x, axis, index, 1)
    return ctx.reshape(part, [n for i, n in enumerate(shape_of(x)) if i != axis])


def _moved(ctx: Context, x: SSAValue, source: int, target: int) -> SSAValue:
    """`x` with the dimension `source` at `target`."""
    order = [i for i in range(rank_of(x)) if i != source]
    order.insert(target, source)
    return x if source == target else ctx.emit(nn.TransposeOp(x, order))

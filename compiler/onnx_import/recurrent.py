"""Recurrent layers: the inputs of all steps are projected by one matrix product, then a loop runs over time.

Sizes: T steps, N rows of a batch, I inputs, H hidden values, D directions; G gates, in ONNX's order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .activations import activations
from .cells import KINDS, Kind, Layer
from .context import Context, dtype_of, rank_of, shape_of, tensor_type
from .node import Node
from .registry import onnx_op
from .shape import slice_axis

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""Name -> for each direction of the layer, whether it runs from the last step to the first."""


@onnx_op(*KINDS)
def recurrent(ctx: Context, node: Node) -> list[SSAValue]:
    kind, (x, w, r) = KINDS[node.op_type], (node[i] for i in range(3))
    backward = DIRECTIONS.get(node.attr("direction"))
    if backward is None:
        raise TenonError(f"direction '{node.attr('direction')}' is unknown, expected {', '.join(DIRECTIONS)}")
    batch_first = bool(node.attr("layout"))
    if batch_first:
        x = ctx.emit(nn.TransposeOp(x, (1, 0, 2)))
    _check(node, kind, x, w, r, len(backward))
    mask = _mask(ctx, node, x)
    runs = [_Direction(ctx, node, kind, x, d, len(backward), batch_first) for d in range(len(backward))]
    made = [run.results(back, mask) for run, back in zip(runs, backward, strict=True)]
    y, *states = (_joined(ctx, column, axis) for column, axis in zip(zip(*made), (1, *(0,) * kind.states)))
    if batch_first:
        y = ctx.emit(nn.TransposeOp(y, (2, 0, 1, 3)))
        states = [ctx.emit(nn.TransposeOp(s, (1, 0, 2))) for s in states]
    return [y, *states][: len(node.outputs)]


def _check(node: Node, kind: Kind, x: SSAValue, w: SSAValue, r: SSAValue, directions: int) -> None:
    if rank_of(x) != 3 or rank_of(r) != 3 or 0 in shape_of(x):
        raise TenonError(f"input has shape {list(shape_of(x))}, expected three dimensions, none of them 0")
    hidden, inputs = shape_of(r)[2], shape_of(x)[2]
    if not hidden:
        raise TenonError(f"R has shape {list(shape_of(r))}, expected a hidden size of at least 1")
    for name, value, expected in (
        ("W", w, (directions, kind.gates * hidden, inputs)),
        ("R", r, (directions, kind.gates * hidden, hidden)),
    ):
        if shape_of(value) != expected:
            raise TenonError(f"{name} has shape {list(shape_of(value))}, expected {list(expected)}")
    if node.attr("hidden_size", hidden) != hidden:
        raise TenonError(f"hidden_size is {node.attr('hidden_size')}, R has {hidden}")


def _mask(ctx: Context, node: Node, x: SSAValue) -> SSAValue | None:
    """[T, N, 1]: whether a row has that step; None where all rows have all steps."""
    lengths = node.get(4)
    if lengths is None:
        return None
    steps, rows = shape_of(x)[:2]
    if shape_of(lengths) != (rows,):
        raise TenonError(f"sequence_lens has shape {list(shape_of(lengths))}, expected [{rows}]")
    known = ctx.array(lengths)
    if known is not None and (known >= steps).all():
        return None
    time = ctx.constant(np.arange(*ctx.sized(steps), dtype=dtype_of(lengths)).reshape(steps, 1, 1))
    return ctx.elementwise("less", time, ctx.reshape(lengths, (1, rows, 1)))


def _joined(ctx: Context, values: Sequence[SSAValue], axis: int) -> SSAValue:
    """The values of all directions along a new dimension."""
    parts = [ctx.reshape(v, (*shape_of(v)[:axis], 1, *shape_of(v)[axis:])) for v in values]
    return parts[0] if len(parts) == 1 else ctx.emit(nn.ConcatOp(parts, axis))


class _Direction:
    """One direction: its share of the weights, and its loop."""

    def __init__(
        self, ctx: Context, node: Node, kind: Kind, x: SSAValue, d: int, count: int, batch_first: bool
    ):
        self.ctx, self.node, self.kind, self.x, self.d = ctx, node, kind, x, d
        self.batch_first = batch_first
        self.hidden = shape_of(node[2])[2]
        names = node.attr("activations") or kind.activations * count
        each = len(kind.activations)
        if len(names) < each * count:  # of a simple RNN the schema's default names two
            raise TenonError(f"activations are {names}, expected {each * count}")
        alphas, betas = (node.attr(f"activation_{name}") or [] for name in ("alpha", "beta"))
        clip = node.attr("clip", math.inf)
        clips = [math.inf if i % each == 2 else clip for i in range(len(names))]
        functions = activations(ctx, names, alphas, betas, clips)
        self.layer = Layer(
            ctx,
            self.hidden,
            functions[each * d : each * (d + 1)],
            linear_before_reset=bool(node.attr("linear_before_reset")),
            input_forget=bool(node.attr("input_forget")),
            has_peepholes=node.get(7) is not None,
        )

    def results(self, backward: bool, mask: SSAValue | None) -> list[SSAValue]:
        """Y [T, N, H] and the last states [N, H]."""
        ctx, steps = self.ctx, shape_of(self.x)[0]
        states = [self._initial(5 + i) for i in range(self.kind.states)]
        projected, captured = self._projection(), self._captured()
        sliced = [projected] if mask is None else [projected, mask]
        elements = [tensor_type(s) for s in states]
        elements += [nn.slice_type(tensor_type(s)) for s in sliced] + [tensor_type(c) for c in captured]
        function = ctx.function(
            self.node.name, elements, lambda *values: self._body(values, mask is not None)
        )
        scan = nn.ScanOp(
            function,
            [*states, *sliced, *captured],
            carried=len(states),
            sliced=len(sliced),
            steps=steps,
            reversed=range(len(sliced) + 1) if backward else (),
        )
        *last, y = ctx.emit_all(scan)
        return [y, *last]

    def _body(self, values: Sequence[SSAValue], masked: bool) -> list[SSAValue]:
        """A step; where a row has ended its states stay as they are and its output is zero."""
        count = self.kind.states
        before, x, rest = values[:count], values[count], values[count + 1 :]
        mask, captured = (rest[0], rest[1:]) if masked else (None, rest)
        after = self.kind.step(self.layer, before, x, captured)
        y = after[0]
        if mask is not None:
            after = [self.layer("where", mask, new, old) for new, old in zip(after, before, strict=True)]
            y = self.layer("where", mask, y, self.ctx.scalar_like(0.0, y))
        return [*after, y]

    def _own(self, value: SSAValue) -> SSAValue:
        """The share of this direction, without the dimension of directions."""
        return self.ctx.reshape(slice_axis(self.ctx, value, 0, self.d, 1), shape_of(value)[1:])

    def _initial(self, index: int) -> SSAValue:
        rows, given = shape_of(self.x)[1], self.node.get(index)
        if given is None:
            return self.ctx.constant(np.zeros(self.ctx.sized(rows, self.hidden), dtype_of(self.x)))
        if self.batch_first:
            given = self.ctx.emit(nn.TransposeOp(given, (1, 0, 2)))
        if shape_of(given)[1:] != (rows, self.hidden):
            expected = f"expected [directions, {rows}, {self.hidden}]"
            raise TenonError(f"an initial state has shape {list(shape_of(given))}, {expected}")
        return self._own(given)

    def _transposed(self, value: SSAValue, first: int, count: int) -> SSAValue:
        """Of weights [G H, n] the rows of `count` gates from `first`, as [n, count H]."""
        rows = slice_axis(self.ctx, value, 0, first * self.hidden, count * self.hidden)
        return self.ctx.emit(nn.TransposeOp(rows, (1, 0)))

    def _biases(self) -> tuple[SSAValue, SSAValue] | None:
        """Of the input and of the recurrence, [G H] each."""
        given, count = self.node.get(3), self.kind.gates * self.hidden
        if given is None:
            return None
        if shape_of(given)[1:] != (2 * count,):
            raise TenonError(f"B has shape {list(shape_of(given))}, expected [directions, {2 * count}]")
        own = self._own(given)
        return slice_axis(self.ctx, own, 0, 0, count), slice_axis(self.ctx, own, 0, count, count)

    def _projection(self) -> SSAValue:
        """x W' with all biases that can be added before the loop: [T, N, G H]."""
        ctx, biases = self.ctx, self._biases()
        product = ctx.emit(nn.MatmulOp(self.x, self._transposed(self._own(self.node[1]), 0, self.kind.gates)))
        if biases is None:
            return product
        of_input, of_state = biases
        if self.node.op_type == "GRU" and self.layer.linear_before_reset:
            kept = slice_axis(ctx, of_state, 0, 0, 2 * self.hidden)
            zero = ctx.constant(np.zeros(self.hidden, dtype_of(kept)))
            of_state = ctx.emit(nn.ConcatOp([kept, zero], 0))
        return ctx.elementwise("add", product, ctx.elementwise("add", of_input, of_state))

    def _captured(self) -> list[SSAValue]:
        """What the steps read: recurrent weights, and what else the kind needs."""
        r, hidden = self._own(self.node[2]), self.hidden
        if self.node.op_type == "GRU":
            found = [self._transposed(r, 0, 2), self._transposed(r, 2, 1)]
            if self.layer.linear_before_reset:
                biases = self._biases()
                found.append(
                    slice_axis(self.ctx, biases[1], 0, 2 * hidden, hidden)
                    if biases
                    else self.ctx.constant(np.zeros(hidden, dtype_of(r)))
                )
            return found
        found = [self._transposed(r, 0, self.kind.gates)]
        peepholes = self.node.get(7)
        if peepholes is not None:
            if shape_of(peepholes)[1:] != (3 * hidden,):
                raise TenonError(
                    f"P has shape {list(shape_of(peepholes))}, expected [directions, {3 * hidden}]"
                )
            found.append(self._own(peepholes))
        return found

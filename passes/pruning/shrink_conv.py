"""How convolutions with groups shrink: groups without outputs go, the others keep equally many channels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import nn
from .analysis import Slot
from .rules import shape_of
from .shrink import SLACK, Order, Shrinker, shrink_plain


class Plan(NamedTuple):
    """Of the smaller convolution, by old numbers: its groups, the inputs [groups, inputs of one], the same
    with -1 where they add nothing, and the outputs [groups, outputs of one]."""

    groups: np.ndarray
    inputs: Order
    weighted: np.ndarray
    outputs: Order


def shrink_conv(shrinker: Shrinker, op: nn.ConvOp | nn.ConvTransposeOp) -> None:
    if op.value_of("groups") == 1:
        shrink_plain(shrinker, op)
        return
    orders = [shrinker.order_of(op, n) for n in range(len(shrinker.analysis.factors[op.result]))]
    output = _factor(shrinker, op.result)
    whole = op.w not in shrinker.known
    plan = _unchanged(op) if whole or output is None else _plan(shrinker, op, output)
    if output is not None:
        orders[output] = plan.outputs.reshape(-1)
    wants: dict[Slot, Order] = {
        Slot(1, number): np.arange(factor.ids.size).reshape(factor.ids.shape)
        for number, factor in enumerate(shrinker.analysis.factors[op.w])
    }
    input_ = _factor(shrinker, op.x)
    for number, factor in enumerate(shrinker.analysis.factors[op.x]):
        if number == input_:
            want, zero = plan.inputs.reshape(-1), shrinker.flow.zero[op.x][number]
            # What adds nothing has weights of zero, if they are cut; else it has to be zero itself.
            wants[Slot(0, number)] = np.where(zero[want], -1, want) if plan.weighted is plan.inputs else want
        elif 1 in factor.axes:
            wants[Slot(0, number)] = np.arange(factor.ids.size).reshape(factor.ids.shape)
    operands = shrinker.operands(op, orders, wants)
    operands[1] = _weights(shrinker, op, plan)
    shrinker.again(op, operands, orders, op.properties_of(groups=len(plan.groups)))


def _factor(shrinker: Shrinker, value: SSAValue) -> int | None:
    """The factor of the channels."""
    found = [i for i, f in enumerate(shrinker.analysis.factors[value]) if f.axes == (1,)]
    return found[0] if found else None


def _extents(op: nn.ConvOp | nn.ConvTransposeOp) -> tuple[int, int, int]:
    """Groups, inputs and outputs of one."""
    groups = op.value_of("groups")
    return groups, shape_of(op.x)[1] // groups, op.shape[1] // groups


def _unchanged(op: nn.ConvOp | nn.ConvTransposeOp) -> Plan:
    groups, inputs, outputs = _extents(op)
    every = np.arange(groups * inputs).reshape(groups, inputs)
    return Plan(np.arange(groups), every, every, np.arange(groups * outputs).reshape(groups, outputs))


def _plan(shrinker: Shrinker, op: nn.ConvOp | nn.ConvTransposeOp, output: int) -> Plan:
    count, inputs, outputs = _extents(op)
    keep = shrinker.kept(op, output).reshape(count, outputs)
    number = _factor(shrinker, op.x)
    if number is None:
        have, zero = np.arange(count * inputs), np.zeros(count * inputs, bool)
    else:
        have, zero = shrinker.have(op.x, number), shrinker.flow.zero[op.x][number]
    wanted = np.flatnonzero(keep.any(axis=1)) if number is not None else np.arange(count)
    groups, brought = _as_it_is(have, zero, wanted, inputs)
    weighted = None if brought is None else np.where(zero[brought], -1, brought)
    if brought is None or weighted is None:
        groups, (brought, weighted) = wanted, _evened(have, zero, wanted, inputs)
    longest = max(1, int(keep[groups].sum(axis=1).max()))
    first = np.sort(np.argsort(~keep[groups], axis=1, kind="stable")[:, :longest], axis=1)
    return Plan(groups, brought, weighted, groups[:, None] * outputs + first)


def _as_it_is(
    have: Order, zero: np.ndarray, wanted: np.ndarray, inputs: int
) -> tuple[np.ndarray, Order | None]:
    """The inputs in the order they have, where that is group after group, each as long."""
    if len(have) % len(wanted):
        return wanted, None
    rows = have.reshape(len(wanted), -1)
    groups = rows[:, 0] // inputs
    needed = np.array([(~zero[row]).sum() for row in rows])
    fits = (rows // inputs == groups[:, None]).all() and np.array_equal(np.sort(groups), wanted)
    short = rows.shape[1] - needed.max(initial=0) <= rows.shape[1] // SLACK
    return (groups, rows) if fits and short else (wanted, None)


def _evened(have: Order, zero: np.ndarray, wanted: np.ndarray, inputs: int) -> tuple[Order, Order]:
    """[groups, inputs] twice: of each group those that are not zero, filled up with any that is there, and
    with -1, since what fills up adds nothing."""
    rows = [have[(have // inputs == group) & ~zero[have]] for group in wanted]
    longest = max(1, *(len(row) for row in rows))
    spare = [np.repeat(have[:1], longest - len(row)) for row in rows]
    filled = np.stack([np.concatenate(pair) for pair in zip(rows, spare, strict=True)])
    there = np.arange(longest) < np.array([len(row) for row in rows])[:, None]
    return filled, np.where(there, filled, -1)


def _weights(shrinker: Shrinker, op: nn.ConvOp | nn.ConvTransposeOp, plan: Plan) -> SSAValue:
    """[outputs, inputs of a group, kernel], or transposed [inputs, outputs of a group, kernel]."""
    _, inputs, outputs = _extents(op)
    shape = shape_of(op.w)
    adds = plan.weighted >= 0
    if isinstance(op, nn.ConvOp):
        local = np.where(adds, plan.inputs - plan.groups[:, None] * inputs, 0)
        flat = plan.outputs[:, :, None] * inputs + local[:, None, :]
        flat = np.where(adds[:, None, :], flat, -1)
    else:
        local = plan.outputs - plan.groups[:, None] * outputs
        flat = plan.inputs[:, :, None] * outputs + local[:, None, :]
        flat = np.where(adds[:, :, None], flat, -1)
    if np.array_equal(flat.reshape(-1), np.arange(shape[0] * shape[1])):
        return op.w
    new = shrinker.builder
    if shape[1] == 1:  # as they are: quantized weights have scales along the first axis
        taken = shrinker.cutter.take(new, op.w, [0], np.arange(shape[0]), flat.reshape(-1))
        return new.reshape(taken, (flat.shape[0] * flat.shape[1], flat.shape[2], *shape[2:]))
    line = new.reshape(op.w, (shape[0] * shape[1], *shape[2:]))
    taken = shrinker.cutter.take(new, line, [0], np.arange(shape[0] * shape[1]), flat.reshape(-1))
    return new.reshape(taken, (flat.shape[0] * flat.shape[1], flat.shape[2], *shape[2:]))

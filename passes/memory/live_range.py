"""The buffers of one function: who needs one, how long it lives, and which values share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue

from ...dialects.tensorized import CallOp, physical_type
from ...dialects.tensorized.attributes import element_bytes
from .allocate import Buffer
from .in_place import in_place_arguments

ALIGNMENT = 64
"""Bytes: a cache line, and the widest register."""


def physical_bytes(tensor: TensorType) -> int:
    """Bytes that hold a tensor, rounded up to the alignment of buffers."""
    size = element_bytes(tensor.element_type)
    for extent in physical_type(tensor).get_shape():
        size *= extent
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass
class Intermediates:
    """`buffers` of one function's arena, times counted in calls, and the buffer of every value in it."""

    buffers: list[Buffer]
    buffer_of: dict[SSAValue, int]


def intermediates(calls: Sequence[CallOp]) -> Intermediates:
    """The results of `calls` that the function does not return. A result shares the buffer of an operand
    that dies at its call, where the kernel allows that."""
    times = {call: time for time, call in enumerate(calls)}
    found = Intermediates([], {})
    in_place: dict[str, set[int]] = {}
    for time, call in enumerate(calls):
        for result in call.results_:
            users = [use.operation for use in result.uses]
            if any(isinstance(user, ReturnOp) for user in users):
                continue
            last = max((times[user] for user in users if isinstance(user, CallOp)), default=time)
            index = _reusable(call, result, time, found, in_place)
            if index is None:
                index = len(found.buffers)
                assert isinstance(result.type, TensorType)
                found.buffers.append(Buffer(physical_bytes(result.type), time, last))
            else:
                found.buffers[index] = found.buffers[index]._replace(last=last)
            found.buffer_of[result] = index
    return found


def _reusable(
    call: CallOp, result: SSAValue, time: int, found: Intermediates, in_place: dict[str, set[int]]
) -> int | None:
    """The buffer of an operand that `result` may overwrite: read for the last time by this call, and by
    the kernel only where it may be replaced."""
    name = call.kernel.root_reference.data
    if name not in in_place:
        in_place[name] = in_place_arguments(call.callee())
    assert isinstance(result.type, TensorType)
    for operand in call.arguments:
        index = found.buffer_of.get(operand)
        if index is None or found.buffers[index].last != time:
            continue
        positions = {i for i, other in enumerate(call.arguments) if found.buffer_of.get(other) == index}
        if positions <= in_place[name]:
            return index
    return None

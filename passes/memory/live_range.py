"""The buffers of one function: who needs one, how long it lives, and which values share one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from xdsl.dialects.builtin import TensorType
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue

from ...dialects.nn import ScanOp
from ...dialects.tensorized import CallOp, physical_type
from ...dialects.tensorized.attributes import element_bytes
from .allocate import Buffer
from .in_place import destination_argument, in_place_arguments

ALIGNMENT = 64
"""Bytes: a cache line, and the widest register."""


Step = CallOp | ScanOp
"""What runs in a region."""

_NONE: Mapping[ScanOp, Sequence[int]] = MappingProxyType({})


def physical_bytes(tensor: TensorType) -> int:
    """Bytes that hold a tensor, rounded up to the alignment of buffers."""
    size = element_bytes(tensor.element_type)
    for extent in physical_type(tensor).get_shape():
        size *= extent
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass
class Intermediates:
    """`buffers` of one region's arena, times counted in steps; the buffer of every value in it, and those
    that a loop needs while it runs."""

    buffers: list[Buffer]
    buffer_of: dict[SSAValue, int]
    loop_buffers: dict[ScanOp, list[int]] = field(default_factory=dict)

    def add(self, size: int, first: int, last: int) -> int:
        self.buffers.append(Buffer(size, first, last))
        return len(self.buffers) - 1


def intermediates(steps: Sequence[Step], loop_bytes: Mapping[ScanOp, Sequence[int]] = _NONE) -> Intermediates:
    """The results of calls that the function does not return, and all of loops. A call's result lies in the
    buffer of the operand it is written into, or of one that dies there, where the kernel allows that."""
    times = {step: time for time, step in enumerate(steps)}
    found = Intermediates([], {})
    in_place: dict[str, set[int]] = {}
    for time, step in enumerate(steps):
        if isinstance(step, ScanOp):
            found.loop_buffers[step] = [found.add(size, time, time) for size in loop_bytes[step]]
        for result in step.results:
            users = [use.operation for use in result.uses]
            returned = any(isinstance(user, ReturnOp) for user in users)
            if returned and isinstance(step, CallOp):
                continue
            last = max((times[user] for user in users if isinstance(user, Step)), default=time)
            last = len(steps) if returned else last
            index = _shared(step, result, time, found, in_place) if isinstance(step, CallOp) else None
            if index is None:
                assert isinstance(result.type, TensorType)
                index = found.add(physical_bytes(result.type), time, last)
            else:
                buffer = found.buffers[index]
                found.buffers[index] = buffer._replace(last=max(last, buffer.last))
            found.buffer_of[result] = index
    return found


def _shared(
    call: CallOp, result: SSAValue, time: int, found: Intermediates, in_place: dict[str, set[int]]
) -> int | None:
    """The buffer of an operand that `result` lies in: the one that the kernel writes into, or one that it
    may overwrite."""
    destination = destination_argument(call.callee())
    if destination is not None:
        return found.buffer_of[call.arguments[destination]]
    return _reusable(call, result, time, found, in_place)


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

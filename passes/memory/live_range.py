"""The buffers of one function: who needs one, how long it lives, and which values share one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.func import ReturnOp
from xdsl.ir import SSAValue

from ...dialects.errors import TenonError
from ...dialects.nn import ScanOp
from ...dialects.tensorized import CallOp, KernelOp, kernels, physical_type
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
    sharing = _Sharing(found)
    for time, step in enumerate(steps):
        if isinstance(step, ScanOp):
            found.loop_buffers[step] = [found.add(size, time, time) for size in loop_bytes[step]]
        for result in step.results:
            users = [use.operation for use in result.uses]
            returned = any(isinstance(user, ReturnOp) for user in users)
            if returned and isinstance(step, CallOp):
                sharing.check_own(step)
                continue
            last = max((times[user] for user in users if isinstance(user, Step)), default=time)
            last = len(steps) if returned else last
            index = sharing.buffer(step, time) if isinstance(step, CallOp) else None
            if index is None:
                assert isinstance(result.type, TensorType)
                index = found.add(physical_bytes(result.type), time, last)
            else:
                buffer = found.buffers[index]
                found.buffers[index] = buffer._replace(last=max(last, buffer.last))
            found.buffer_of[result] = index
    return found


class _Sharing:
    """Which operand's buffer a call's result lies in; what its kernel allows is read from the IR once."""

    def __init__(self, found: Intermediates):
        self.found = found
        self._by_name: dict[str, KernelOp] = {}
        self._kernels: dict[str, tuple[int | None, set[int]]] = {}

    def _allowed(self, call: CallOp) -> tuple[int | None, set[int]]:
        """The argument that the kernel writes into, and those that it may overwrite."""
        name = call.kernel.root_reference.data
        if name not in self._kernels:
            kernel = self._kernel(call)
            self._kernels[name] = destination_argument(kernel), in_place_arguments(kernel)
        return self._kernels[name]

    def _kernel(self, call: CallOp) -> KernelOp:
        """The kernel of a call; looking each up among all symbols would take quadratic time."""
        if not self._by_name:
            module = call.get_toplevel_object()
            assert isinstance(module, ModuleOp)
            self._by_name = {kernel.sym_name.data: kernel for kernel in kernels(module)}
        return self._by_name[call.kernel.root_reference.data]

    def check_own(self, call: CallOp) -> None:
        """What is returned must be made by one kernel: an output is no buffer that several fill."""
        if self._allowed(call)[0] is not None:
            name = call.kernel.root_reference.data
            raise TenonError(f"plan-memory: the function returns what @{name} only completes")

    def buffer(self, call: CallOp, time: int) -> int | None:
        """The buffer of the operand that is written into, or of one that is read for the last time by this
        call and by the kernel only where it may be replaced."""
        destination, replaceable = self._allowed(call)
        buffer_of = self.found.buffer_of
        if destination is not None:
            return buffer_of[call.arguments[destination]]
        for operand in call.arguments:
            index = buffer_of.get(operand)
            if index is None or self.found.buffers[index].last != time:
                continue
            if {i for i, other in enumerate(call.arguments) if buffer_of.get(other) == index} <= replaceable:
                return index
        return None

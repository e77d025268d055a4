"""Times machine code in a native loop: a call from Python costs more than a small kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..record import TargetRecord
from .codegen import CompiledModule, compile_text

if TYPE_CHECKING:
    from .artifact import NativeArtifact


def time_kernel(
    artifact: NativeArtifact, kernel: str, arrays: Sequence[np.ndarray], seconds: float = 0.2
) -> float:
    """Seconds one run of a kernel takes on `arrays`, its arguments in order (the output last), with the
    artifact's threads: the least of several rounds."""
    repeat = _repeater(artifact.record, len(arrays) + 1)
    address = artifact.kernel_address(kernel)
    pointers = [*(a.ctypes.data for a in arrays), artifact.pool.address()]
    return least_seconds(lambda count: repeat(address, count, *pointers), seconds)


def least_seconds(run: Callable[[int], Any], seconds: float, rounds: int = 20) -> float:
    """Seconds per iteration of `run(count)`, in the fastest of `rounds` that fill `seconds` together."""
    count = 1
    while (spent := _elapsed(run, count)) < seconds / rounds / 2:
        count = max(count + 1, int(count * min(100, seconds / rounds / max(spent, 1e-9))))
    return min(_elapsed(run, count) for _ in range(rounds)) / count


def _elapsed(run: Callable[[int], Any], count: int) -> float:
    start = time.perf_counter()
    run(count)
    return time.perf_counter() - start


def _repeater(record: TargetRecord, arguments: int) -> Any:
    module = _repeating_module(record, arguments)
    return module.function("repeat", arguments + 2)


@cache
def _repeating_module(record: TargetRecord, arguments: int) -> CompiledModule:
    """`repeat(kernel, count, arguments...)` calls `kernel` that often."""
    names = [f"ptr %a{i}" for i in range(arguments)]
    parameters = ", ".join(["ptr %kernel", "i64 %count", *names])
    return compile_text(
        f"""define void @repeat({parameters}) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  call void %kernel({", ".join(names)})
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %loop, label %end
end:
  ret void
}}
""",
        record,
    )

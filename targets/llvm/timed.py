"""The compiled function with a stopwatch around each of its calls: what a profile is measured with.

The same kernels are called in the same order on the same memory. A call costs two reads of the clock more:
some 20 nanoseconds."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

import numpy as np
from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation

from ...dialects.tensorized import CallOp
from ..record import TargetRecord
from .body import Rules
from .codegen import compile_text, entered
from .function import FunctionText
from .loop import emit_for
from .module import emit_llvm
from .pool import pool_code
from .rules import FUNCTION_RULES
from .runtime import PARALLEL

TIMED = (CallOp, memref.CopyOp)
"""The ops of a function that take time."""


def timed_ops(function: FuncOp) -> list[Operation]:
    """The ops that are timed, in the order of their counters."""
    return [op for op in function.walk() if isinstance(op, TIMED)]


_EXTRA = """
@tenon.ticks = global [{count} x i64] zeroinitializer
define void @tenon.clock(ptr %now) {{
  %t = call i64 @llvm.{clock}()
  store i64 %t, ptr %now
  ret void
}}
"""


class TimedMain:
    """`@main` of a lowered module, compiled once more; each call adds to `ticks`, of an unspecified unit.

    `ticks` (int64): one per op of `timed_ops`. For one thread."""

    def __init__(self, module: ModuleOp, main: FuncOp, record: TargetRecord):
        count = max(1, len(timed_ops(main)))
        clock = "readcyclecounter" if "x86" in record.triple else "readsteadycounter"
        text = emit_llvm(module, timed_rules(main, clock))
        if PARALLEL in text:
            pool_code()
        text = entered(text, len(main.body.block.args) + 1) + _EXTRA.format(count=count, clock=clock)
        code = compile_text(text, record, [PARALLEL])
        self._main = code.entry()
        pointer = ctypes.cast(code.address("tenon.ticks"), ctypes.POINTER(ctypes.c_int64))
        self.ticks = np.ctypeslib.as_array(pointer, (count,))
        self._clock = code.function("tenon.clock", 1)

    def seconds_per_tick(self, seconds: float = 0.05) -> float:
        """Measured against the system's clock for that long."""
        start, first = self._instant()
        time.sleep(seconds)
        end, last = self._instant()
        return (end - start) / (last - first)

    def _instant(self, tries: int = 10) -> tuple[float, int]:
        """The system's clock and the ticks at one instant: of some tries the one that took least, since on a
        busy machine much may lie between two readings."""
        ticks = np.zeros(1, np.int64)
        read: list[tuple[float, float, int]] = []
        for _ in range(tries):
            before = time.perf_counter()
            self._clock(ticks.ctypes.data)
            after = time.perf_counter()
            read.append((after - before, (before + after) / 2, int(ticks[0])))
        _, now, tick = min(read)
        return now, tick

    def __call__(self, *addresses: int) -> None:
        """Runs it on the addresses of inputs, outputs, weights, arena and pool (0 for none)."""
        self._main(addresses)


def timed_rules(main: FuncOp, clock: str) -> Rules:
    """The rules of functions, with the ticks that `TIMED` ops take added to counters."""
    places = {op: index for index, op in enumerate(timed_ops(main))}
    rules = dict(FUNCTION_RULES)

    def timed(rule: Callable[[FunctionText, Operation], None]) -> Callable[[FunctionText, Operation], None]:
        def emit(function: FunctionText, op: Operation) -> None:
            start = _now(function, clock)
            rule(function, op)
            _add(function, places[op], f"sub i64 {_now(function, clock)}, {start}")

        return emit

    for kind in TIMED:
        rules[kind] = timed(FUNCTION_RULES[kind])
    rules[scf.ForOp] = lambda function, op: emit_for(function, op, rules)
    return rules


def _now(function: FunctionText, clock: str) -> str:
    function.declare("i64", f"llvm.{clock}", [])
    return function.let(f"call i64 @llvm.{clock}()")


def _add(function: FunctionText, place: int, ticks: str) -> None:
    counter = function.let(f"getelementptr i64, ptr @tenon.ticks, i64 {place}")
    added = function.let(ticks)
    total = function.let(f"add i64 {function.let(f'load i64, ptr {counter}')}, {added}")
    function.line(f"store i64 {total}, ptr {counter}")

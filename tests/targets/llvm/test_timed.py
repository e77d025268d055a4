"""Ticks against the system's clock."""

import ctypes
import time

import pytest

from tenonc.targets.llvm.timed import TimedMain


def test_what_a_busy_machine_puts_between_two_readings_does_not_count():
    reads = 0

    def clock(address: int) -> None:
        """Ticks of a nanosecond; most readings are held up before, after or both."""
        nonlocal reads
        reads += 1
        if reads % 2 == 0:
            time.sleep(0.01)
        ctypes.c_int64.from_address(address).value = time.perf_counter_ns()
        if reads % 3 == 1:
            time.sleep(0.01)

    main = object.__new__(TimedMain)
    main._clock = clock
    assert main.seconds_per_tick() == pytest.approx(1e-9, rel=0.01)

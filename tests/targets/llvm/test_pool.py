"""The thread pool: every part of every job runs exactly once, whoever has the threads."""

import ctypes
import os
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from tenonc.targets.llvm import pool as pool_module
from tenonc.targets.llvm.codegen import EXTERNAL_FUNCTIONS, compile_text, emit_object
from tenonc.targets.llvm.elf import undefined_symbols
from tenonc.targets.llvm.pool import Pool, pool_code
from tenonc.targets.llvm.runtime import PARALLEL, POOL_NEEDS, pool_text
from tenonc.targets.record import host

# Body: counters[part] += 1, not atomically, and counters[512 + part] the thread. `go` runs it `times` times.
TEXT = """
declare void @tenon.parallel(ptr, ptr, ptr, i64)
declare i64 @pthread_self()
define internal void @body(ptr %counters, i64 %part) {
  %thread = call i64 @pthread_self()
  %later = add i64 %part, 512
  %thread.at = getelementptr i64, ptr %counters, i64 %later
  store i64 %thread, ptr %thread.at
  %at = getelementptr i64, ptr %counters, i64 %part
  %old = load i64, ptr %at
  %new = add i64 %old, 1
  store i64 %new, ptr %at
  ret void
}
define internal void @nested(ptr %counters, i64 %part) {
  %pool = load ptr, ptr %counters
  %at = getelementptr i64, ptr %counters, i64 1
  %own = mul i64 %part, 8
  %mine = getelementptr i64, ptr %at, i64 %own
  call void @tenon.parallel(ptr %pool, ptr @body, ptr %mine, i64 8)
  ret void
}
define void @go(ptr %pool, ptr %counters, i64 %parts, i64 %times, i64 %deep) {
entry:
  %is.deep = icmp ne i64 %deep, 0
  %body = select i1 %is.deep, ptr @nested, ptr @body
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  call void @tenon.parallel(ptr %pool, ptr %body, ptr %counters, i64 %parts)
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %times
  br i1 %more, label %loop, label %end
end:
  ret void
}
"""
GOT = "_GLOBAL_OFFSET_TABLE_"
PARTS = (0, 1, 2, 3, 5, 8, 64, 65, 100)


@pytest.fixture(autouse=True)
def many_cores(monkeypatch):
    """As if the machine had one for every thread."""
    monkeypatch.setattr(pool_module, "_cores", lambda: 64)


@pytest.fixture(scope="module")
def go():
    pool_code()
    code = compile_text(TEXT, host(), [PARALLEL, "pthread_self"])
    types = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64]
    function = ctypes.CFUNCTYPE(None, *types)(code.address("go"))
    function.code = code  # which must live as long

    def run(pool: int, parts: int, times: int) -> set[int]:
        """The threads that ran parts of the last job."""
        counters = np.zeros(1024, np.int64)
        function(pool, counters.ctypes.data, parts, times, 0)
        assert (counters[:parts] == times).all() and not counters[parts:512].any()
        return {int(thread) for thread in counters[512:] if thread}

    def run_nested(pool: int, parts: int) -> None:
        counters = np.zeros(1024, np.int64)
        counters[0] = pool
        function(pool, counters.ctypes.data, parts, 1, 1)
        assert (counters[1 : 1 + 8 * parts] == 1).all()

    run.nested = run_nested  # pyright: ignore[reportFunctionMemberAccess]
    return run


def threads_now() -> int:
    return len(os.listdir("/proc/self/task"))


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes true within seconds: the system wakes a thread, or lists one that has ended no
    more, when it gets to it."""
    end = time.monotonic() + 10
    while not holds():
        if time.monotonic() > end:
            return False
    return True


def settled() -> int:
    """How many threads there are when those of earlier tests have ended: the same number for a while."""
    counts = [threads_now()]
    while len(counts) < 5 or len(set(counts[-5:])) > 1:
        time.sleep(0.01)
        counts.append(threads_now())
    return counts[-1]


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 64])
def test_every_part_of_every_job_runs_once(go, threads: int):
    pool = Pool(threads)
    assert (pool.address() == 0) == (threads == 1)
    for parts in PARTS:
        go(pool.address(), parts, 500 if threads < 64 else 20)


def test_workers_take_part_after_they_have_slept(go):
    pool = Pool(2)
    for _ in range(5):
        time.sleep(0.002)
        seen: set[int] = set()
        assert eventually(lambda seen=seen: seen.update(go(pool.address(), 8, 100)) or len(seen) == 2)


def test_callers_share_a_pool(go):
    """One of them has it, the others run alone: nobody waits for another's job."""
    pool = Pool(2)
    failures: list[BaseException] = []

    def call() -> None:
        try:
            for _ in range(40):
                go(pool.address(), 4, 200)
        except BaseException as error:
            failures.append(error)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


def test_a_job_inside_a_job_runs_alone(go):
    pool = Pool(2)  # an address does not hold its pool
    go.nested(pool.address(), 4)


def test_threads_end_with_their_pool(go):
    before = settled()
    pools = [Pool(3) for _ in range(5)]
    for pool in pools:
        go(pool.address(), 3, 50)
    assert threads_now() == before + 10
    del pool, pools
    assert eventually(lambda: threads_now() == before)


def test_a_process_on_one_core_has_no_other_threads(monkeypatch):
    monkeypatch.setattr(pool_module, "_cores", lambda: 1)
    assert Pool(8).address() == 0


def test_a_pool_nobody_asked_for_has_no_threads():
    before = settled()
    Pool(8)
    assert threads_now() == before


def test_a_forked_process_gets_threads_of_its_own(go):
    pool = Pool(2)
    parents = pool.address()
    go(parents, 4, 10)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            go(parents, 4, 100)  # its workers do not exist here
            assert threads_now() == 1
            go(pool.address(), 4, 100)
            assert threads_now() == 2
            del pool  # ends the child's, leaves the parent's
            assert eventually(lambda: threads_now() == 1)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    go(parents, 4, 10)


@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"])
def test_the_pool_compiles_for_each_architecture(triple: str):
    import llvmlite.binding as llvm

    pool_code()  # initializes LLVM
    module = llvm.parse_assembly(f'target triple = "{triple}"\n' + pool_text(triple))
    machine = llvm.Target.from_triple(triple).create_target_machine(reloc="pic", codemodel="default")
    assembly = machine.emit_assembly(module)
    assert {"x86_64": "pause", "aarch64": "yield"}[triple.split("-")[0]] in assembly
    assert {"x86_64": "$202", "aarch64": "#98"}[triple.split("-")[0]] in assembly


def test_the_pool_needs_libc_only():
    needed = undefined_symbols(emit_object(pool_text(host().triple), host(), tuple(POOL_NEEDS)))
    assert "pthread_create" in needed and set(needed) <= {*POOL_NEEDS, *EXTERNAL_FUNCTIONS, GOT}

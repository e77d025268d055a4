"""Threads of a shared object: those of the run time, as many as create is asked for."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tenonc.compiler import compile, load, load_executable
from tenonc.targets.llvm.artifact import NativeArtifact
from tenonc.targets.llvm.library import LibraryArtifact, LoadedPort
from tenonc.targets.llvm.shared_object import SharedObject
from tenonc.targets.record import host

PARTS = 8
CORES = len(os.sched_getaffinity(0))
TEXT = f"""
declare void @tenon.parallel(ptr, ptr, ptr, i64)

define void @main(ptr %y, ptr %weights, ptr %arena, ptr %pool) #0 {{
  call void @tenon.parallel(ptr %pool, ptr @body, ptr %y, i64 {PARTS})
  ret void
}}

; Writes the address of the thread's own data, after some work that lets others come in.
define internal void @body(ptr %y, i64 %part) #0 {{
entry:
  br label %spin
spin:
  %i = phi i64 [ 0, %entry ], [ %next, %spin ]
  %next = add i64 %i, 1
  call void asm sideeffect "pause", ""()
  %more = icmp ult i64 %next, 5000
  br i1 %more, label %spin, label %end
end:
  %thread = call i64 asm sideeffect "mov %fs:0, $0", "=r"()
  %place = getelementptr i64, ptr %y, i64 %part
  store i64 %thread, ptr %place
  ret void
}}

attributes #0 = {{ noinline nounwind }}
"""

pytestmark = pytest.mark.skipif(not host().triple.startswith("x86_64"), reason="code for x86-64")


def written(folder: Path, threads: int) -> Path:
    port = LoadedPort("y", (PARTS,), np.dtype(np.int64))
    artifact = NativeArtifact(TEXT, host(), np.zeros(1, np.uint8), 64, 1, threads=threads)
    SharedObject(artifact, [], [port], "m").write(folder / "m.so")
    return folder / "m.so"


def running() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def used(model: LibraryArtifact, runs: int) -> set[int]:
    """How many threads shared each of several runs, until one was shared at all."""
    counts: set[int] = set()
    for _ in range(runs):
        y = np.zeros(PARTS, np.int64)
        model.run([], [y])
        assert (y != 0).all()
        counts.add(len(set(y.tolist())))
        if max(counts) > 1:
            break
    return counts


CASES = {(2, 0): 2, (2, 1): 1, (2, 4): 4, (1, 0): 1, (1, 4): 1}
"""Threads compiled for and asked for -> those that run it, where there are as many cores."""


@pytest.mark.parametrize(("compiled", "asked"), CASES)
def test_as_many_threads_as_asked_for(tmp_path, compiled: int, asked: int):
    before, expected = running(), min(CASES[compiled, asked], CORES)
    model = LibraryArtifact(written(tmp_path, compiled), threads=asked)
    assert running() - before == expected - 1
    found = max(used(model, 10 if expected == 1 else 1000))
    assert min(2, expected) <= found <= expected


def test_threads_end_with_the_model(tmp_path):
    path, before = written(tmp_path, 3), running()
    for _ in range(20):
        model = LibraryArtifact(path)
        assert running() == before + min(3, CORES) - 1
        used(model, 1)
        del model
        assert running() == before


@pytest.mark.skipif(CORES < 2, reason="a pool needs two cores")
def test_a_system_that_starts_no_thread(tmp_path):
    """There is memory for all but the stack of a thread."""
    path = written(tmp_path, 2)
    program = f"""
import resource
from pathlib import Path
from tenonc.targets.llvm.library import LibraryArtifact
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (4 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    LibraryArtifact(Path({str(path)!r}))
except Exception as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    text = "the system starts no thread, expected 1 for a model that runs on 2"
    assert run.stdout == f"{path}: {text}\n", run.stderr


@pytest.mark.parametrize("threads", [None, 1])
def test_a_model_compiled_for_two_threads(make_network, built, tmp_path, threads):
    exe = compile(load(make_network()), threads=2)
    exe.write("so", tmp_path / "m.so")
    loaded = load_executable(tmp_path / "m.so", threads=threads)
    for seed in range(20):
        for found, expected in zip(loaded(*built.inputs(seed)), exe(*built.inputs(seed)), strict=True):
            np.testing.assert_array_equal(found, expected)

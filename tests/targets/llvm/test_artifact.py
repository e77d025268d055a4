import ctypes
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.passes.memory.buffers import aligned, aligned_bytes
from tenonc.targets.llvm import emit_llvm, timing
from tenonc.targets.llvm.artifact import NativeArtifact
from tenonc.targets.llvm.timing import least_seconds, time_kernel
from tenonc.targets.record import host

COUNT = 4096
TEXT = f"""
tensorized.kernel @scale(%x: memref<{COUNT}xf32>, %w: memref<{COUNT}xf32>, %y: memref<{COUNT}xf32>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant {COUNT // 8} : index
  scf.for %i = %c0 to %n step %c1 {{
    %v = tensorized.load %x[%i] at (d0, l) -> (d0 * 8 + l) : memref<{COUNT}xf32>, vector<8xf32>
    %f = tensorized.load %w[%i] at (d0, l) -> (d0 * 8 + l) : memref<{COUNT}xf32>, vector<8xf32>
    %s = tensorized.map (%p = %v : vector<8xf32>, %q = %f : vector<8xf32>) -> vector<8xf32> {{
      %r = arith.mulf %p, %q : f32
      tensorized.yield %r : f32
    }}
    tensorized.store %s, %y[%i] at (d0, l) -> (d0 * 8 + l) : vector<8xf32>, memref<{COUNT}xf32>
  }}
  tensorized.yield
}}
func.func @main(%x: memref<{COUNT}xf32>, %y: memref<{COUNT}xf32>,
                %weights: memref<{4 * COUNT}xi8>, %arena: memref<{4 * COUNT}xi8>) {{
  %c0 = arith.constant 0 : index
  %w = memref.view %weights[%c0][] : memref<{4 * COUNT}xi8> to memref<{COUNT}xf32>
  %t = memref.view %arena[%c0][] : memref<{4 * COUNT}xi8> to memref<{COUNT}xf32>
  tensorized.call @scale(%x, %w, %t) : (memref<{COUNT}xf32>, memref<{COUNT}xf32>, memref<{COUNT}xf32>) -> ()
  tensorized.call @scale(%t, %w, %y) : (memref<{COUNT}xf32>, memref<{COUNT}xf32>, memref<{COUNT}xf32>) -> ()
  func.return
}}
"""
WEIGHTS = np.random.default_rng(0).standard_normal(COUNT).astype(np.float32)


@pytest.fixture(scope="module")
def artifact(parse) -> NativeArtifact:
    module = parse(TEXT)
    module.attributes["tenon.target"] = host().attribute()
    return NativeArtifact(emit_llvm(module), host(), WEIGHTS.view(np.uint8), 4 * COUNT, 2, module)


def test_a_read_before_the_first_write_shows_in_a_dirty_arena(parse, artifact: NativeArtifact):
    first, _ = (line for line in TEXT.splitlines() if line.startswith("  tensorized.call"))
    module = parse(TEXT.replace(first, ""))
    module.attributes["tenon.target"] = host().attribute()
    careless = NativeArtifact(emit_llvm(module), host(), WEIGHTS.view(np.uint8), 4 * COUNT, 2)
    x, y = np.ones(COUNT, np.float32), np.empty(COUNT, np.float32)
    for one, seen in ((careless, True), (artifact, False)):
        one.dirty_arena()
        one.run([x], [y])
        assert np.isnan(y).all() == np.isnan(y).any() == seen


def test_calls_in_threads_have_their_own_arena(artifact: NativeArtifact):
    def call(seed: int) -> bool:
        x = np.random.default_rng(seed).standard_normal(COUNT).astype(np.float32)
        y = np.empty_like(x)
        for _ in range(50):
            artifact.run([x], [y])
            if not np.array_equal(y, x * WEIGHTS * WEIGHTS):
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(call, range(16)))


def test_more_arguments_than_a_call_of_ctypes_takes():
    count = 1200
    names = ", ".join(f"ptr %x{i}" for i in range(count))
    copies = "".join(f"  store i8 {i % 128}, ptr %x{i}\n" for i in range(count))
    text = f"define void @main({names}, ptr %weights, ptr %arena, ptr %pool) {{\n{copies}  ret void\n}}"
    many = NativeArtifact(text, host(), WEIGHTS.view(np.uint8), 64, count)
    y = [np.zeros((), np.int8) for _ in range(count)]
    many.run([], y)
    assert [int(one) for one in y] == [i % 128 for i in range(count)]


def test_wrong_number_of_arrays(artifact: NativeArtifact):
    with pytest.raises(TenonError, match="^got 1 arrays, main takes 2$"):
        artifact.run([np.zeros(COUNT, np.float32)], [])


def test_every_form_can_be_emitted(artifact: NativeArtifact):
    assert "tensorized.kernel @scale" in artifact.emit("mlir")
    assert "define internal void @scale(" in artifact.emit("ll")
    assert "vmulps" in artifact.emit("asm") or "mulps" in artifact.emit("asm")
    assert artifact.emit("obj")[:4] == b"\x7fELF"
    with pytest.raises(TenonError, match="^cannot emit 'exe': expected one of mlir, ll, asm, obj$"):
        artifact.emit("exe")


@pytest.mark.skipif(shutil.which("ld") is None, reason="needs a linker")
def test_the_object_file_links_and_runs(artifact: NativeArtifact, tmp_path):
    artifact.write("obj", tmp_path / "model.o")
    assert (tmp_path / "model.o").read_bytes() == artifact.emit("obj")
    subprocess.run(["ld", "-shared", "model.o", "-o", "model.so"], cwd=tmp_path, check=True)
    library = ctypes.CDLL(str(tmp_path / "model.so"))
    assert ctypes.c_uint64.in_dll(library, "tenon_arena_bytes").value == 4 * COUNT
    arena = aligned_bytes(4 * COUNT)
    x, y = np.arange(COUNT, dtype=np.float32), np.empty(COUNT, np.float32)
    library.tenon_main(*(ctypes.c_void_p(a.ctypes.data) for a in (x, y, arena)))
    np.testing.assert_array_equal(y, x * WEIGHTS * WEIGHTS)


def test_kernels_can_be_timed(artifact: NativeArtifact):
    x, y = np.ones(COUNT, np.float32), np.zeros(COUNT, np.float32)
    seconds = time_kernel(artifact, "scale", [x, WEIGHTS, y], 0.02)
    # 48 KiB through the caches: between 10 GB/s and 1 TB/s.
    assert 12 * COUNT / 1e12 < seconds < 12 * COUNT / 1e10 * 10
    np.testing.assert_array_equal(y, WEIGHTS)
    with pytest.raises(TenonError, match="^no kernel 'conv', the kernels are: scale$"):
        artifact.kernel_address("conv")


def test_least_seconds_divides_by_the_iterations(monkeypatch):
    """By a clock of its own: of a tenth of a millisecond each, beside disturbances."""
    now, runs = 0.0, []

    def run(count: int) -> None:
        nonlocal now
        runs.append(count)
        now += 1e-4 * count + (0.2 if len(runs) % 3 else 0.0)

    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: now))
    assert least_seconds(run, 3.0, 3) == pytest.approx(1e-4)
    assert runs[-1] == runs[-2] == runs[-3] > 1000


@pytest.mark.parametrize("size", [0, 1, 64, 1000])
def test_aligned_bytes(size: int):
    memory = aligned_bytes(size)
    assert memory.ctypes.data % 64 == 0 and len(memory) == max(1, size)


def test_aligned_memory_is_taken_as_it_is():
    memory = aligned_bytes(100)
    assert aligned(memory) is memory
    moved = aligned(memory[1:])
    assert moved.ctypes.data % 64 == 0
    np.testing.assert_array_equal(moved, memory[1:])

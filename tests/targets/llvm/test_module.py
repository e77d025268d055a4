"""Whole modules: loops, matrix products, buffers and what is said about them."""

import re

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.llvm import emit_llvm
from tenonc.targets.llvm.artifact import NativeArtifact
from tenonc.targets.llvm.codegen import emit_assembly
from tenonc.targets.record import find_target, host

MATMUL = """
tensorized.instruction @fma {intrinsic} loops (i: parallel {L})
  (%a: vector<{L}xf32> at (i), %b: vector<{L}xf32> at (i), inout %acc: vector<{L}xf32> at (i)) {{
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}}
tensorized.kernel @k(%x: memref<{M}x{K}xf32>, %w: memref<{NB}x{K}x{B}xf32>, %bias: memref<{N}xf32>,
                     %y: memref<{M}x{N}xf32>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %no = arith.constant {NB} : index
  %nm = arith.constant {MB} : index
  %nk = arith.constant {K} : index
  scf.for %o = %c0 to %no step %c1 {{
    scf.for %i = %c0 to %nm step %c1 {{
      %init = tensorized.load %bias[%o] at (d0, v0, v1, l) -> (d0 * {B} + v1 * {L} + l)
        : memref<{N}xf32>, vector<{T}xf32>
      %c = scf.for %k = %c0 to %nk step %c1 iter_args(%acc = %init) -> (vector<{T}xf32>) {{
        %a = tensorized.load %x[%i, %k] at (d0, d1, v0, v1, l) -> (d0 * {R} + v0, d1)
          : memref<{M}x{K}xf32>, vector<{T}xf32>
        %b = tensorized.load %w[%o, %k] at (d0, d1, v0, v1, l) -> (d0, d1, v1 * {L} + l)
          : memref<{NB}x{K}x{B}xf32>, vector<{T}xf32>
        %n = tensorized.apply @fma(%a, %b, %acc)
          : vector<{T}xf32>, vector<{T}xf32>, vector<{T}xf32> -> vector<{T}xf32>
        scf.yield %n : vector<{T}xf32>
      }}
      %z = tensorized.map (%v = %c : vector<{T}xf32>) -> vector<{T}xf32> {{
        %zero = arith.constant 0.0 : f32
        %m = arith.maximumf %v, %zero : f32
        tensorized.yield %m : f32
      }}
      tensorized.store %z, %y[%i, %o] at (d0, d1, v0, v1, l) -> (d0 * {R} + v0, d1 * {B} + v1 * {L} + l)
        : vector<{T}xf32>, memref<{M}x{N}xf32>
    }}
  }}
  tensorized.yield
}}
"""


def matmul(rows: int, panel: int, lanes: int, m: int, n: int, k: int, fused=True) -> str:
    """relu(bias + x w), a register tile of rows x panel registers, w packed in panels."""
    block = panel * lanes
    return MATMUL.format(
        intrinsic=f'intrinsic "llvm.fma.v{lanes}f32"' if fused else "",
        L=lanes,
        R=rows,
        B=block,
        T=f"{rows}x{panel}x{lanes}",
        M=m * rows,
        MB=m,
        N=n * block,
        NB=n,
        K=k,
    )


def operands(rows, panel, lanes, m, n, k):
    rng = np.random.default_rng(0)
    block = panel * lanes
    x, w = rng.standard_normal((m * rows, k), np.float32), rng.standard_normal((k, n * block), np.float32)
    packed = np.ascontiguousarray(w.reshape(k, n, block).transpose(1, 0, 2))
    bias = rng.standard_normal(n * block, np.float32)
    return x, packed, bias, np.maximum(x.astype(np.float64) @ w + bias, 0)


TILES = {
    "avx2": (6, 2, 8, 3, 2, 33),
    "one row": (1, 4, 8, 2, 1, 5),
    "scalar": (2, 1, 1, 2, 3, 4),
    "sse": (3, 2, 4, 1, 2, 9),
    "512 bits, in halves here": (14, 2, 16, 2, 1, 20),
    "one step": (2, 2, 8, 1, 1, 1),
}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("shape", TILES.values(), ids=TILES)
def test_matmul(run_kernel, shape: tuple[int, ...], fused: bool):
    x, w, bias, wanted = operands(*shape)
    y = np.full(wanted.shape, np.nan, np.float32)
    run_kernel(matmul(*shape, fused=fused), x, w, bias, y)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)


def inner_loop(assembly: str) -> list[str]:
    """The lines of the loop that holds the first fused multiply-add."""
    lines = assembly.splitlines()
    inside = next(i for i, line in enumerate(lines) if "vfmadd" in line)
    start = max(i for i in range(inside) if lines[i].startswith(".LBB"))
    end = next(i for i in range(inside, len(lines)) if lines[i].startswith("\tj"))
    return lines[start + 1 : end + 1]


TIGHT = {"x86-64-v3": (6, 2, 8, "ymm"), "x86-64-v4": (14, 2, 16, "zmm")}


@pytest.mark.parametrize("panel_first", [False, True])
@pytest.mark.parametrize("name", TIGHT)
def test_inner_loop_is_tight(parse, name: str, panel_first: bool):
    """Multiply-adds, one load per distinct register, and at most five instructions to go around."""
    rows, panel, lanes, registers = TIGHT[name]
    rows, panel = (3, 4) if panel_first and lanes == 8 else (rows, panel)
    record = find_target(name)
    module = parse(matmul(rows, panel, lanes, 4, 2, 64))
    module.attributes["tenon.target"] = record.attribute()
    loop = inner_loop(emit_assembly(with_main(emit_llvm(module)), record))
    multiplies = [line for line in loop if "vfmadd" in line]
    assert len(multiplies) == rows * panel and all(registers in line for line in multiplies)
    assert not any("(%rsp)" in line or "(%rbp)" in line for line in loop), "spilled"
    assert sum("(%r" in line for line in loop) == rows + panel
    assert len(loop) - rows * panel - rows - panel <= 5


def with_main(text: str) -> str:
    return text.replace("define internal", "define")


MAIN = """
tensorized.kernel @add(%a: memref<16xf32>, %b: memref<16xf32>, %y: memref<16xf32>) {
  %v = tensorized.load %a[] at (v0, l) -> (v0 * 8 + l) : memref<16xf32>, vector<2x8xf32>
  %w = tensorized.load %b[] at (v0, l) -> (v0 * 8 + l) : memref<16xf32>, vector<2x8xf32>
  %s = tensorized.map (%p = %v : vector<2x8xf32>, %q = %w : vector<2x8xf32>) -> vector<2x8xf32> {
    %r = arith.addf %p, %q : f32
    tensorized.yield %r : f32
  }
  tensorized.store %s, %y[] at (v0, l) -> (v0 * 8 + l) : vector<2x8xf32>, memref<16xf32>
  tensorized.yield
}
func.func @main(%x: memref<16xf32>, %y: memref<4x4xf32>, %z: memref<16xf32>,
                %weights: memref<128xi8>, %arena: memref<192xi8>) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %w = memref.view %weights[%c64][] : memref<128xi8> to memref<16xf32>
  %t = memref.view %arena[%TEMPORARY][] : memref<192xi8> to memref<4x4xf32>
  tensorized.call @add(%x, %w, %t) : (memref<16xf32>, memref<16xf32>, memref<4x4xf32>) -> ()
  tensorized.call @add(%t, %w, %OUTPUT) : (memref<4x4xf32>, memref<16xf32>, memref<4x4xf32>) -> ()
  "memref.copy"(%OUTPUT, %COPY) : (memref<4x4xf32>, memref<4x4xf32>) -> ()
  "memref.copy"(%x, %z) : (memref<16xf32>, memref<16xf32>) -> ()
  func.return
}
"""


def main_text(temporary="c0", output="y", copy="t") -> str:
    return MAIN.replace("TEMPORARY", temporary).replace("OUTPUT", output).replace("COPY", copy)


@pytest.mark.parametrize("in_place", [False, True])
def test_main_runs_kernels_on_views(parse, in_place: bool):
    module = parse(main_text(output="t", copy="y") if in_place else main_text())
    weights = np.arange(32, dtype=np.float32)
    artifact = NativeArtifact(emit_llvm(module), host(), weights.view(np.uint8), 192, 3)
    x, y, z = np.full(16, 100, np.float32), np.empty((4, 4), np.float32), np.empty(16, np.float32)
    artifact.run([x], [y, z])
    np.testing.assert_array_equal(y.reshape(-1), 100 + 2 * weights[16:])
    np.testing.assert_array_equal(z, x)


def parameters(text: str) -> list[str]:
    (head,) = re.findall(r"define internal void @add\((.*)\)", text)
    return head.split(", ")


def test_buffers_that_stay_apart_are_noalias(parse):
    a, b, y = parameters(emit_llvm(parse(main_text())))
    assert "noalias" in a and "noalias" in b and "noalias" in y
    assert "readonly" in a and "readonly" in b and "readonly" not in y


def test_a_buffer_worked_on_in_place_is_not_noalias(parse):
    a, b, y = parameters(emit_llvm(parse(main_text(output="t", copy="y"))))
    assert "noalias" not in a and "noalias" not in y
    assert "noalias" in b and "readonly" in b


def test_alignment_is_what_every_call_gives(parse):
    a, b, y = parameters(emit_llvm(parse(main_text())))
    assert "align 4" in a and "align 64" in b and "align 4" in y
    text = main_text().replace("%weights[%c64]", "%weights[%c32]")
    text = text.replace("%c64 = arith.constant 64", "%c32 = arith.constant 32")
    assert "align 32" in parameters(emit_llvm(parse(text)))[1]


def test_a_user_array_of_bytes_is_not_taken_for_the_arena(parse):
    text = """
    tensorized.kernel @k(%x: memref<16xi8>, %y: memref<16xi8>) {
      %v = tensorized.load %x[] at (l) -> (l) : memref<16xi8>, vector<16xi8>
      tensorized.store %v, %y[] at (l) -> (l) : vector<16xi8>, memref<16xi8>
      tensorized.yield
    }
    func.func @main(%x: memref<16xi8>, %y: memref<16xi8>, %weights: memref<64xi8>, %arena: memref<64xi8>) {
      tensorized.call @k(%x, %y) : (memref<16xi8>, memref<16xi8>) -> ()
      func.return
    }"""
    assert "align 64" not in emit_llvm(parse(text))


LOOPS = """
tensorized.kernel @k(%x: memref<6xf32>, %y: memref<2xf32>) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %three = arith.constant 3 : index
  scf.for %i = %zero to %two step %one {
    %init = tensorized.map () -> vector<1xf32> {
      %c = arith.constant 100.0 : f32
      tensorized.yield %c : f32
    }
    %sum, %last = scf.for %k = FROM to %three step %one iter_args(%a = %init, %b = %init)
        -> (vector<1xf32>, vector<1xf32>) {
      %v = tensorized.load %x[%i, %k] at (d0, d1, l) -> (d0 * 3 + d1 + l) : memref<6xf32>, vector<1xf32>
      %s = tensorized.map (%p = %a : vector<1xf32>, %q = %v : vector<1xf32>) -> vector<1xf32> {
        %t = arith.addf %p, %q : f32
        tensorized.yield %t : f32
      }
      scf.yield %s, %a : vector<1xf32>, vector<1xf32>
    }
    %d = tensorized.map (%p = %sum : vector<1xf32>, %q = %last : vector<1xf32>) -> vector<1xf32> {
      %h = arith.constant 1000.0 : f32
      %m = arith.mulf %p, %h : f32
      %t = arith.addf %m, %q : f32
      tensorized.yield %t : f32
    }
    tensorized.store %d, %y[%i] at (d0, l) -> (d0 + l) : vector<1xf32>, memref<2xf32>
  }
  tensorized.yield
}
"""


SUMS = {
    # 1000 x the sum from 100, plus the sum but for its last term
    "%zero": (106 * 1000 + 103, 115 * 1000 + 109),
    "%one": (105 * 1000 + 102, 111 * 1000 + 105),
    "%three": (100 * 1000 + 100, 100 * 1000 + 100),
}


@pytest.mark.parametrize(("start", "wanted"), SUMS.items())
def test_loops_carry_values(run_kernel, start: str, wanted: tuple[int, int]):
    x, y = np.array([1, 2, 3, 4, 5, 6], np.float32), np.empty(2, np.float32)
    run_kernel(LOOPS.replace("FROM", start), x, y)
    np.testing.assert_array_equal(y, wanted)


BAD = {
    "^memref.dealloc has no rule for llvm$": """func.func @main(%x: memref<4xf32>) {
      memref.dealloc %x : memref<4xf32>
      func.return
    }""",
    "^function @main is not on memrefs: run plan-memory first$": """func.func @main(%x: tensor<4xf32>) {
      func.return
    }""",
    "^type i24 has no form in llvm$": """tensorized.kernel @k(%x: memref<4xi24>) {
      %v = tensorized.load %x[] at (l) -> (l) : memref<4xi24>, vector<4xi24>
      tensorized.yield
    }""",
    "^kernel @k returns values: run lower-kernels first$": """
    tensorized.kernel @k(%x: memref<4xf32>) -> memref<4xf32> {
      tensorized.yield %x : memref<4xf32>
    }""",
}


@pytest.mark.parametrize(("message", "text"), BAD.items())
def test_what_cannot_be_emitted_is_named(parse, text: str, message: str):
    with pytest.raises(TenonError, match=message):
        emit_llvm(parse(text))


def test_an_op_without_a_rule_is_named_with_its_place(parse):
    text = """tensorized.kernel @k(%y: memref<4xf32>) {
      %v = tensorized.map () -> vector<4xf32> {
        %i = arith.constant 1 : i32
        %r = "arith.index_cast"(%i) : (i32) -> index loc("conv_3")
        %c = arith.constant 1.0 : f32
        tensorized.yield %c : f32
      }
      tensorized.yield
    }"""
    with pytest.raises(TenonError, match="^arith.index_cast at 'conv_3' has no rule for llvm$"):
        emit_llvm(parse(text))


def test_an_instruction_the_target_lacks_is_named(parse):
    text = """tensorized.instruction @vnni intrinsic "llvm.x86.avx512.vpdpbusd.512" feature "avx512vnni"
      loops (i: parallel 16, r: reduction 4)
      (inout %acc: vector<16xi32> at (i), %a: vector<64xi8> at (4 * i + r),
       %b: vector<64xi8> at (4 * i + r)) {
      %x = arith.extui %a : i8 to i32
      %y = arith.extsi %b : i8 to i32
      %p = arith.muli %x, %y : i32
      %s = arith.addi %acc, %p : i32
      tensorized.yield %s : i32
    }"""
    module = parse(text)
    module.attributes["tenon.target"] = find_target("x86-64-v3").attribute()
    with pytest.raises(
        TenonError, match="^instruction @vnni needs avx512vnni, which target x86-64-v3 lacks$"
    ):
        emit_llvm(module)


PARALLEL = """
tensorized.kernel @k(%x: memref<8xf32>) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %v = tensorized.load %x[] at (l) -> (l) : memref<8xf32>, vector<8xf32>
  {}
  tensorized.yield
}}
"""
LOOP = """"scf.parallel"({low}, %c2, %c1) <{{operandSegmentSizes = array<i32: 1, 1, 1, 0>}}> ({{
  ^bb0(%{index}: index):
    {body}
    scf.reduce
  }}) : (index, index, index) -> ()"""
STORE = "tensorized.store %v, %x[] at (l) -> (l) : vector<8xf32>, memref<8xf32>"


@pytest.mark.parametrize(
    "loop, message",
    [
        (
            LOOP.format(low="%c0", index="i", body=STORE),
            "scf.parallel: uses a value of its kernel that is no argument and no constant",
        ),
        (
            LOOP.format(low="%c1", index="i", body=""),
            "scf.parallel: expected loops from 0 by 1, without results",
        ),
        (
            LOOP.format(low="%c0", index="i", body=LOOP.format(low="%c0", index="j", body="")),
            "scf.parallel: stands in another one",
        ),
    ],
)
def test_parallel_loops_that_cannot_be_outlined(parse, loop: str, message: str):
    with pytest.raises(TenonError, match=f"^{message}$"):
        emit_llvm(parse(PARALLEL.format(loop)))

"""Instructions from a user's file: the worked example of the documentation, and all that is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc import compiler
from tenonc.compiler.cache.key import compile_key
from tenonc.compiler.options import CompileOptions
from tenonc.dialects.errors import TenonError, UsageError
from tenonc.targets.record import find_target
from tenonc.targets.user_instructions import user_instructions

ROOT = Path(__file__).parents[2]
EXAMPLE, SEVERAL = re.findall(r"```mlir\n(.*?)```", (ROOT / "docs/instructions.md").read_text(), re.DOTALL)
AVX2 = find_target("x86-64-v3")


@pytest.fixture
def file(tmp_path):
    """Writes a text to my.mlir, after replacements."""

    def write(*changes: tuple[str, str], text: str = EXAMPLE) -> str:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "my.mlir"
        path.write_text(text)
        return str(path)

    return write


def pool() -> bytes:
    sides = {"x": 12, "y": 6}
    x, y = (helper.make_tensor_value_info(n, TensorProto.UINT8, [1, 64, s, s]) for n, s in sides.items())
    node = helper.make_node("MaxPool", ["x"], ["y"], name="pool", kernel_shape=[2, 2], strides=[2, 2])
    opsets = [helper.make_opsetid("", 13)]
    graph = helper.make_graph([node], "g", [x], [y])
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def test_the_example_is_short_and_used(file):
    assert len(EXAMPLE.strip().splitlines()) < 15
    model, path = compiler.load(pool()), file()
    exe = compiler.compile(model, "x86-64-v3", instructions=path, cache=False)
    assert "tensorized.apply @umax_32xi8" in exe.emit("mlir") and "vpmaxub" in exe.emit("asm")
    x = np.random.default_rng(0).integers(0, 256, (1, 64, 12, 12), np.uint8)
    want = x.reshape(1, 64, 6, 2, 6, 2).max((3, 5))
    np.testing.assert_array_equal(exe(x)[0], want)
    assert "umax_32xi8" not in compiler.compile(model, "x86-64-v3", cache=False).emit("mlir")


def test_its_text_is_part_of_the_key(file):
    module = compiler.load(pool()).module
    path = file()
    options = CompileOptions("x86-64-v3", instructions=path)
    first = compile_key(module, options)
    file(("per_cycle 2", "per_cycle 1"))
    assert first != compile_key(module, options)
    file()
    assert first == compile_key(module, options) != compile_key(module, CompileOptions("x86-64-v3"))


DOT = """tensorized.instruction @dot intrinsic "llvm.x86.avx512.vpdpbusd.512" feature "avx2"
  mnemonic "vpdpbusd" latency 5 per_cycle 2 loops (i: parallel 16, r: reduction 4)
  (inout %acc: vector<16xi32> at (i), %a: vector<64xi8> at (i * 4 + r), %b: vector<64xi8> at (i * 4 + r)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}
"""
CHAIN = """tensorized.instruction @mine feature "sse2" mnemonic "paddd" loops (i: parallel 4)
  (%a: vector<4xi32> at (i), inout %acc: vector<4xi32> at (i)) {
  %s = arith.addi %acc, %a : i32
  tensorized.yield %s : i32
} emit {
^bb0(%a: vector<4xi32>, %acc: vector<4xi32>):
  %s = arith.addi %acc, %a : vector<4xi32>
  tensorized.yield %s : vector<4xi32>
}
"""
ADDS = "arith.addi %acc, %a : vector"
DIVIDES = (
    EXAMPLE.replace("maxui", "divui")
    .replace('intrinsic "llvm.umax.v32i8" ', "")
    .replace('mnemonic "pmaxub" ', "")
)
NAME = "instruction @umax_32xi8"
REVERSED = [
    *(("umax.v32i8", "umax.v16i8"), ("parallel 32", "parallel 16"), ("vector<32xi8>", "vector<16xi8>")),
    ("%acc: vector<16xi8> at (i)", "%acc: vector<16xi8> at (15 - i)"),
]
REFUSED = {
    "body": ([("maxui", "minui")], f"{NAME} gives -127 in lane 0, expected -128, for "),
    "lanes in another order": (REVERSED, f"{NAME} gives "),
    "intrinsic": (
        [("llvm.umax", "llvm.x86.umax")],
        f"{NAME} on x86-64-v3: llvm knows no llvm.x86.umax.v32i8",
    ),
    "no intrinsic": ([("llvm.umax.v32i8", "memcpy")], "calls 'memcpy': LLVM's intrinsics are called llvm."),
    "injected text": (
        [("umax.v32i8", "umax.v32i8(<32 x i8>)")],
        "calls 'llvm.umax.v32i8(<32 x i8>)': LLVM's",
    ),
    "mnemonic": ([("pmaxub", "pmaxsb")], f"{NAME} on x86-64-v3: no pmaxsb in the assembly, only "),
    "feature": ([("avx2", "avx512bw")], "@umax_32xi8 needs avx512bw, which target x86-64-v3 lacks"),
    "name": ([("umax_32xi8", "fma_8xf32")], "@fma_8xf32 is declared by x86-64-v3's family too"),
    "lanes": ([("%a: vector<32xi8>", "%a: vector<33xi8>")], "register vector<33xi8> has other lanes than"),
    "loops": ([("(i: parallel 32)", "(i: parallel 32, i: parallel 32)")], "loop names repeat: i, i"),
    "a loop of the wrong kind": (
        [("parallel", "reduction")],
        "the accumulator varies along the reduction loop",
    ),
    "a loop too many": ([("32)", "32, j: parallel 4)")], "the accumulator does not vary along the parallel"),
    "points": ([("32)", "32, r: reduction 9999)")], "its loops have 319968 points, expected at most 65536"),
    "an index": ([("%a: vector<32xi8> at (i)", "%a: vector<32xi8> at (i * i)")], "an index multiplies or"),
    "range": ([("at (i),", "at (i) within [0, 255],")], "within [0, 255] leaves what i8 holds, [-128, 127]"),
    "cost": ([("per_cycle 2", "per_cycle 0")], "per_cycle is 0, expected 1 to 65536"),
    "no mnemonic": ([("pmaxub", "")], "mnemonic is '', expected names with commas between them"),
    "no feature": ([("avx2", "avx2,")], "feature is 'avx2,', expected names with commas between them"),
}
NOT_SPLIT = "@dot: llvm makes no code of it for x86-64-v3: Do not know how to split"
TEXTS = {
    "twice": (EXAMPLE * 2, "@umax_32xi8 is declared twice"),
    "another feature's intrinsic": (DOT, NOT_SPLIT),
    "nothing": ("  \n", "holds no tensorized.instruction"),
    "something else": ("builtin.module {}", "holds no tensorized.instruction"),
    "no IR": ("hello", "operation hello is not registered"),
    "no widths": ("for n in ()\n" + EXAMPLE, ":1: expected `for n in (16, 8, 4)`, found 'for n in ()'"),
    "lanes that no vector has": (
        SEVERAL.replace("(32, 16)", "(32, 3)"),
        "has 3 lanes, expected a power of two",
    ),
    "emits what nobody knows": (CHAIN.replace(ADDS, "foo.bar %acc : vector"), "operation foo.bar is not reg"),
    "emits what has no code": (
        CHAIN.replace(ADDS, "llvm.sub %acc, %a : vector"),
        "@mine: llvm.sub has no rule",
    ),
    "emits other operands": (
        CHAIN.replace("%a: vector<4xi32>,", "%a: vector<4xi64>,"),
        "operand is used with type",
    ),
    "divides by zero": (DIVIDES, "@umax_32xi8: running it ended the process: "),
    "a type without code": (EXAMPLE.replace("i8", "i128"), "@umax_32xi128: type i128 has no form in llvm"),
}


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_declaration_is_one_line_that_says_why(file, changes, reason: str):
    check(file(*changes), reason)


@pytest.mark.parametrize(("text", "reason"), TEXTS.values(), ids=TEXTS)
def test_a_wrong_file_is_one_line_that_says_why(file, text: str, reason: str):
    check(file(text=text), reason)


def check(path: str, reason: str) -> None:
    with pytest.raises(TenonError) as caught:
        user_instructions(path, AVX2)
    said = str(caught.value)
    assert said.startswith(f"instructions {path}") and reason in said and "\n" not in said


def test_a_file_that_is_not_there():
    with pytest.raises(TenonError, match="^instructions /nowhere/my.mlir: no such file or directory$"):
        user_instructions("/nowhere/my.mlir", AVX2)


def test_a_path_that_the_pipeline_cannot_name():
    with pytest.raises(UsageError, match="^instructions is .* expected a path without quotes$"):
        CompileOptions(instructions='my".mlir')

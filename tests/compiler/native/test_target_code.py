"""A convolution and a matrix product for every machine: which instructions their inner loops hold, and that
no register is spilled there."""

from itertools import product

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.compiler import compile, load
from tenonc.targets.llvm.assembly import read_functions, syntax_of
from tenonc.targets.record import records

SIZES = {"conv": ([1, 32, 12, 12], [1, 32, 12, 12]), "matmul": ([24, 64], [24, 48])}
WEIGHTS = {"conv": (32, 32, 3, 3), "matmul": (64, 48)}
OPS = {"conv": "Conv", "matmul": "MatMul"}


def model(kind: str, op: str, operands: list[str], element: int, weights: dict[str, np.ndarray]) -> bytes:
    """One op, a convolution 3x3 or a product."""
    window = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]} if kind == "conv" else {}
    node = helper.make_node(op, operands, ["y"], **window)
    x, y = (helper.make_tensor_value_info(n, element, s) for n, s in zip("xy", SIZES[kind]))
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    opsets = [helper.make_opsetid("", 13)]
    graph = helper.make_graph([node], "g", [x], [y], constants)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def quantized(kind: str) -> bytes:
    """Of unsigned and signed bytes, weights in the whole range of a byte."""
    constants = {
        "w": np.random.default_rng(0).integers(-128, 127, WEIGHTS[kind], np.int8),
        "s": np.array(0.02, np.float32),
        "t": np.array(0.5, np.float32),
        "z": np.array(3, np.uint8),
        "n": np.array(0, np.int8),
    }
    operands = ["x", "s", "z", "w", "s", "n", "t", "z"]
    return model(kind, f"QLinear{OPS[kind]}", operands, TensorProto.UINT8, constants)


def floats(kind: str) -> bytes:
    weights = np.random.default_rng(0).standard_normal(WEIGHTS[kind]).astype(np.float32)
    return model(kind, OPS[kind], ["x", "w"], TensorProto.FLOAT, {"w": weights})


def hot_loops(data: bytes, target: str, precision: str = "fp32"):
    """The innermost loops of all kernels."""
    exe = compile(load(data), target, precision=precision, winograd="off", cache=False)
    functions = read_functions(exe.emit("asm"), syntax_of(records()[target].triple))
    return [loop for function in functions.values() for loop in function.inner]


def check(loops, mnemonic: str, register: str, most: int = 0) -> None:
    """Some inner loop is full of the instruction in registers of the machine's width, and in none of those
    are more registers than `most` stored on the stack and read again."""
    busy = [loop for loop in loops if loop.code.count(mnemonic) >= 4]
    assert busy and all(loop.code.spills <= most and loop.code.reloads <= most for loop in busy)
    assert all(register in line for loop in busy for line in loop.code.matching(f"^v?{mnemonic}"))


INT8 = {
    "x86-64": ("pmaddwd", "%xmm"),
    "x86-64-v2": ("pmaddwd", "%xmm"),
    "x86-64-v3": ("pmaddwd", "%ymm"),
    "x86-64-v4": ("pmaddwd", "%zmm"),
    "alderlake": ("pdpbusd", "%ymm"),
    "arrowlake-s": ("pdpb", "%ymm"),
    "cascadelake": ("pdpbusd", "%zmm"),
    "cooperlake": ("pdpbusd", "%zmm"),
    "icelake-server": ("pdpbusd", "%zmm"),
    "znver4": ("pdpbusd", "%zmm"),
    "sapphirerapids": ("pdpbusd", "%zmm"),
}
FP32 = {
    "x86-64-v2": ("mulps", "%xmm"),
    "x86-64-v3": ("fmadd", "%ymm"),
    "x86-64-v4": ("fmadd", "%zmm"),
    "alderlake": ("fmadd", "%ymm"),
    "icelake-server": ("fmadd", "%zmm"),
}
BF16 = dict.fromkeys(("cooperlake", "znver4"), ("dpbf16ps", "%zmm"))
TILED = ("matmul", "sapphirerapids")  # see test_tiles.py
BYTES = [pair for pair in product(OPS, INT8) if pair != TILED]


@pytest.mark.parametrize(("kind", "target"), BYTES)
def test_bytes(kind: str, target: str):
    mnemonic, register = INT8[target]
    # LLVM's allocation for two operands misses what the product needs, 15 of 16 registers, by one.
    check(hot_loops(quantized(kind), target), mnemonic, register, (kind, register) == ("matmul", "%xmm"))


@pytest.mark.parametrize("kind", ["conv", "matmul"])
@pytest.mark.parametrize("target", FP32)
def test_floats(kind: str, target: str):
    check(hot_loops(floats(kind), target), *FP32[target])


@pytest.mark.parametrize("kind", OPS)
@pytest.mark.parametrize("target", BF16)
def test_bf16(kind: str, target: str):
    check(hot_loops(floats(kind), target, "bf16"), *BF16[target])


def test_every_machine_that_does_more_than_another_is_here():
    assert set(INT8) == set(records())

"""Instructions on registers of several rows (AMX tiles): what a target that has them is compiled to, and the
same kernels played by this machine."""

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto

from tenonc.compiler import compile, load
from tenonc.targets.llvm.assembly import read_functions, syntax_of
from tenonc.targets.record import find_target

PLAYED = "sapphirerapids-emulated"
# Rows and columns that end within a register, and fewer rows than one has.
SHAPES = [(41, 128, 40), (7, 64, 17), (32, 192, 16)]


def product(new_net, rows: int, depth: int, columns: int):
    """x0 of unsigned bytes, less a zero point of 3, times signed weights: the model, x0, and the product."""
    net = new_net()
    weights = net.rng.integers(-128, 128, (depth, columns))
    x = net.input(rows, depth, kind=TensorProto.UINT8)
    made = net("MatMulInteger", x, net.constant(weights, np.int8), net.constant(3, np.uint8))
    given = net.rng.integers(0, 256, (rows, depth))
    return load(net.proto(made)), given.astype(np.uint8), (given - 3) @ weights


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
def test_products_of_bytes_are_the_same_bits(new_net, shape):
    model, x, wanted = product(new_net, *shape)
    assert "\ttdpbusd" in assembly_of(model)
    np.testing.assert_array_equal(compile(model, PLAYED, cache=False)(x)[0], wanted)


def test_parts_of_threads_are_the_same_bits(new_net):
    """Parts end in whole registers; the last one of all reaches back into the part before."""
    model, x, wanted = product(new_net, 1032, 512, 64)
    np.testing.assert_array_equal(compile(model, PLAYED, threads=2, cache=False)(x)[0], wanted)


def test_convolutions_of_bf16_round_only_their_operands(new_net):
    net = new_net()
    weights = net.rng.standard_normal((24, 32, 3, 3)).astype(np.float32)
    x = net.rng.standard_normal((1, 32, 11, 20)).astype(np.float32)

    def model(w):
        net = new_net()
        conv = net("Conv", net.input(*x.shape), net.constant(w), strides=[2, 1], pads=[1, 1, 1, 1])
        return load(net.proto(net("Relu", conv)))

    options = {"precision": "bf16", "winograd": "off"}
    assert "\ttdpbf16ps" in assembly_of(model(weights), **options)
    (got,) = compile(model(weights), PLAYED, cache=False, **options)(x)
    (wanted,) = compile(model(near(weights)), "host", cache=False)(near(x))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * wanted.max())


def near(x: np.ndarray) -> np.ndarray:
    return x.astype(ml_dtypes.bfloat16).astype(np.float32)


def assembly_of(model, **options) -> str:
    return compile(model, "sapphirerapids", cache=False, **options).emit("asm")


def floats(new_net, rows: int, depth: int, columns: int):
    net = new_net()
    weights = net.constant(net.rng.standard_normal((depth, columns)).astype(np.float32))
    return load(net.proto(net("MatMul", net.input(rows, depth), weights)))


def test_what_tiles_cannot_take_runs_on_whole_registers(new_net):
    """Where the reduction ends within a tile; and no register is spilled."""
    assembly = assembly_of(floats(new_net, 64, 1136, 64), precision="bf16")
    functions = read_functions(assembly, syntax_of(find_target("sapphirerapids").triple))
    hot = [loop.code for f in functions.values() for loop in f.inner if loop.code.count("dpbf16ps") >= 4]
    assert hot and "\ttdpbf16ps" not in assembly
    assert all("%zmm" in line for code in hot for line in code.matching("^vdpbf16ps"))
    assert all(code.spills == code.reloads == 0 for code in hot)


@pytest.mark.parametrize("mnemonic", ["tdpbusd", "tdpbf16ps"])
def test_a_loop_keeps_its_tiles_in_registers(new_net, mnemonic: str):
    """Four accumulators: four products a step, of two tiles of each operand or of four and one, and nothing
    is on the stack."""
    shape = (64, 1152, 64)
    if mnemonic == "tdpbusd":
        assembly = assembly_of(product(new_net, *shape)[0])
    else:
        assembly = assembly_of(floats(new_net, *shape), precision="bf16")
    (kernel,) = (part for part in assembly.split("@function") if f"\t{mnemonic}" in part)
    assert kernel.count("ldtilecfg") == 1
    functions = read_functions(assembly, syntax_of(find_target("sapphirerapids").triple))
    (hot,) = (loop.code for f in functions.values() for loop in f.inner if loop.code.count(mnemonic))
    assert 0 < 4 * hot.count("tileloadd") <= 5 * hot.count(mnemonic)
    assert hot.count(mnemonic) % 4 == 0 and hot.count("tilestored") == hot.spills == hot.reloads == 0

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


def test_a_loop_keeps_its_tiles_in_registers(new_net):
    """Four accumulators: four products a step, of two tiles of each operand, and nothing is stored."""
    assembly = assembly_of(product(new_net, 64, 1152, 64)[0])
    (kernel,) = (part for part in assembly.split("@function") if "\ttdpbusd" in part)
    assert kernel.count("ldtilecfg") == 1
    functions = read_functions(assembly, syntax_of(find_target("sapphirerapids").triple))
    (hot,) = (loop.code for f in functions.values() for loop in f.inner if loop.code.count("tdpbusd"))
    assert hot.count("tdpbusd") == hot.count("tileloadd") > 0
    assert hot.count("tdpbusd") % 4 == 0 and hot.count("tilestored") == 0

"""Gathers as native code: every kind of access, element type and target."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto

from tenonc.compiler import compile, load, run_reference
from tenonc.targets.record import host, records

RUNNABLE = [name for name, record in records().items() if record.enabled <= host().enabled]


@pytest.fixture
def net(new_net):
    return new_net()


def gathers(net, kind=TensorProto.FLOAT):
    """Rows, columns, single elements; ragged, broadcast and contiguous along the lanes."""
    rows, i = net.input(9, 37, kind=kind), net.input(3, 5, kind=TensorProto.INT64)
    cube, j = net.input(4, 9, 3, kind=kind), net.input(4, 2, 3, kind=TensorProto.INT32)
    pairs = net.input(4, 2, kind=TensorProto.INT64)
    return [
        net("Gather", rows, i),
        net("Gather", rows, i, axis=1),
        net("Gather", cube, i, axis=1),
        net("Gather", cube, net.constant([8, 0, -1]), axis=1),
        net("Gather", rows, net.constant([-2]), axis=0),
        *(net("GatherElements", net("Transpose", cube, perm=p), j, axis=a) for p, a in GATHERED),
        net("GatherND", cube, pairs),
        net("GatherND", rows, pairs),
        net("GatherND", cube, pairs, batch_dims=1),
    ]


GATHERED = [((0, 1, 2), 1), ((0, 2, 1), 2), ((0, 1, 2), 2)]


@pytest.mark.parametrize("target", RUNNABLE)
def test_every_target(net, target):
    net.check(*gathers(net), target=target)


KINDS = "BOOL UINT8 INT8 INT16 UINT32 INT64 FLOAT16 DOUBLE".split()


@pytest.mark.parametrize("kind", KINDS)
def test_every_element_type(net, kind):
    net.check(*gathers(net, getattr(TensorProto, kind)))


def test_inside_a_network(net):
    """What is gathered was computed, what comes after is fused, one tensor is data and operand."""
    x = net.conv(net.input(1, 3, 6, 6), 3, 16, 3, 3)
    i = net.input(7, kind=TensorProto.INT64)
    y = net("Relu", net("Gather", x, i, axis=1))
    z = net("Add", y, net("Gather", net("Exp", x), i, axis=1))
    flat = net("Reshape", x, net.constant([16, 16]))
    index = net("Cast", net("Mul", net("Sigmoid", flat), net.constant(15.0, "f4")), to=TensorProto.INT64)
    net.check(
        z,
        net("GatherElements", flat, index, axis=1),
        net("Add", flat, net("Gather", flat, net.input(16, kind=TensorProto.INT64))),
    )


CONVOLUTIONS = [
    # channels, taken, results, image, kernel, strides
    (13, [0, 1, 4, 7, 12], 9, (5, 6), 1, 1),
    (29, [28, 3, 3, 0, -1, 17, 2], 16, (7, 5), 1, 2),
    (11, [*range(0, 11, 2), 10, 9, 8], 33, (6, 7), 3, 1),
    (1040, [*range(5, 1024, 3)], 24, (3, 3), 1, 1),
    (7, [6], 1, (4, 4), 2, 2),
]


@pytest.mark.parametrize("target", ["x86-64-v3", "host"])
@pytest.mark.parametrize(("channels", "taken", "results", "image", "kernel", "stride"), CONVOLUTIONS)
def test_a_convolution_takes_channels_as_it_reads(
    net, target, channels, taken, results, image, kernel, stride
):
    x = net("Relu", net.input(1, channels, *image))
    g = net("Gather", x, net.constant(taken, "i8"), axis=1)
    y = net.conv(g, len(taken), results, kernel, kernel, strides=[stride, stride])
    net.check(net("Relu", y), target=target, winograd="off")


def test_threads_share_a_convolution_that_looks_up(net):
    """The same bits with any number of threads; enough work that two share it."""
    taken = [*range(0, 60, 2), 59, 3, 3]
    g = net("Gather", net("Relu", net.input(1, 60, 30, 31)), net.constant(taken, "i8"), axis=1)
    model = load(net.proto(net.conv(g, len(taken), 40, 1, 1)))
    x = net.rng.standard_normal((1, 60, 30, 31)).astype(np.float32)
    one, two = (compile(model, threads=threads)(x)[0] for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
    text = compile(model, threads=2).emit("mlir")
    assert isinstance(text, str)
    assert text.count("threads order") >= 2 and "tensorized.gather" in text


def test_channels_added_to_some_of_a_stream(net):
    """A branch of five channels into a sum of eleven, in an image with a halo."""
    x = net.conv(net.input(1, 3, 6, 7), 3, 11, 1, 1)
    branch = net.conv(x, 11, 5, 3, 3, pads=[1, 1, 1, 1])
    there = np.zeros((1, 11, 1, 1), np.bool_)
    there[0, [0, 3, 4, 8, 10]] = True
    place = net.constant([0, 0, 0, 1, 2, 0, 0, 0, 3, 0, 4])
    wide = net("Where", net.constant(there), net("Gather", branch, place, axis=1), net.constant(0.0, "f4"))
    y = net("Relu", net("Add", wide, x))
    net.check(net.conv(y, 11, 8, 3, 3, pads=[1, 1, 1, 1]), winograd="off")


def test_indices_outside_read_a_wrong_element_only(net):
    x, i = net.input(5, 3), net.input(6, kind=TensorProto.INT64)
    model = load(net.proto(net("Gather", x, i)))
    table = np.arange(15, dtype=np.float32).reshape(5, 3)
    indices = np.array([0, 4, 5, -5, -6, 2**62])
    (found,) = compile(model)(table, indices)
    np.testing.assert_array_equal(found, table[[0, 4, 4, 0, 0, 4]])
    expected = run_reference(model, {"x0": table, "x1": indices})
    np.testing.assert_array_equal(found, expected[model.outputs[0].name])


def test_rows_are_copied_register_by_register(new_net):
    net = new_net()
    table = net.weights(1000, 64)
    model = load(net.proto(net("Gather", table, net.input(16, kind=TensorProto.INT64))))
    text = compile(model, "x86-64-v3").emit("ll")
    assert isinstance(text, str)
    assert "llvm.masked.gather" not in text and text.count("load <8 x float>") >= 4


def test_a_product_of_single_elements_reads_what_was_gathered(net):
    """Nothing is summed over one channel, or over rows of one element."""
    x = net("Relu", net.input(1, 25, 8, 1))
    rows = net("MatMul", net("Gather", x, net.constant([*range(24, -1, -1)]), axis=1), net.weights(1, 13))
    channel = net.conv(net("Gather", x, net.constant([3]), axis=1), 1, 7, 1, 1)
    net.check(rows, channel)


@settings(max_examples=5)
@given(st.data())
def test_chains_of_gathers_and_what_reads_them(new_net, data):
    """Along any axis, once or again, with zeros chosen in between; read by convolutions, products of either
    side, sums of both."""
    net, shape = new_net(), data.draw(st.tuples(*(st.integers(1, n) for n in (2, 20, 6, 6))))
    x = net("Relu", net.input(*shape))
    for _ in range(data.draw(st.integers(1, 3))):
        axis = data.draw(st.sampled_from([1, 1, 2, 3]))
        extent = shape[axis]
        taken = data.draw(st.lists(st.integers(-extent, extent - 1), min_size=1, max_size=extent + 3))
        shape = (*shape[:axis], len(taken), *shape[axis + 1 :])
        x = net("Gather", x, net.constant(taken, "i8"), axis=axis)
        if data.draw(st.booleans()):
            there = net.rng.random((len(taken), *[1] * (3 - axis))) < 0.6
            x = net("Where", net.constant(there), x, net.constant(0.0, "f4"))
        width, kind = (
            data.draw(st.integers(1, 19)),
            data.draw(st.sampled_from(["conv", "rows", "left", "sum"])),
        )
        if kind == "conv":
            x, shape = net.conv(x, shape[1], width, 1, 1), (shape[0], width, *shape[2:])
        elif kind == "rows":
            x, shape = net("MatMul", x, net.weights(shape[3], width)), (*shape[:3], width)
        elif kind == "left":
            x, shape = net("MatMul", net.weights(width, shape[2]), x), (*shape[:2], width, shape[3])
        else:
            x = net("Add", x, net("Gather", x, net.constant([*range(shape[1])][::-1], "i8"), axis=1))
    net.check(net("Sigmoid", x), winograd="off", bound=2e-5)

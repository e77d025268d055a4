"""Calls of a compiled model: from threads, with every form of input, over and over."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tenonc.compiler import compile, load, run_reference

RNG = np.random.default_rng(8)
X = RNG.standard_normal((24, 3, 10, 10)).astype(np.float32)
S = RNG.standard_normal(5).astype(np.float32)


@pytest.fixture(scope="module")
def model(new_net):
    """(image [3, 10, 10], shift [5]) -> rows [5, 64], sums [5]; it needs an arena."""
    net = new_net()
    image, shift = net.input(1, 3, 10, 10), net.input(5)
    x = net("Relu", net.conv(image, 3, 16, 3, 3, pads=[1] * 4))
    x = net("Relu", net("Add", x, net.conv(x, 16, 16, 3, 3, pads=[1] * 4)))
    x = net.conv(x, 16, 5, 3, 3)
    rows = net("Add", net("Reshape", x, net.constant([5, 64])), net("Reshape", shift, net.constant([5, 1])))
    return load(net.proto(rows, net("ReduceSum", rows, net.constant([1]), keepdims=0)))


@pytest.fixture(scope="module")
def exe(model):
    exe = compile(model)
    assert exe.artifact.arena_bytes > 0
    return exe


@pytest.fixture(scope="module")
def expected(model):
    """Of every image."""
    names = [port.name for port in model.outputs]
    runs = [run_reference(model, {"x0": x[None], "x1": S}) for x in X]
    return [[run[name] for name in names] for run in runs]


def test_threads(exe, expected, assert_close):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: exe(X[i % 24][None], S), range(200)))
    for i, results in enumerate(found):
        assert_close(results, expected[i % 24])


def test_repeated_calls_give_the_same_bits(exe):
    first = exe(X[:1], S)
    other = exe(X[1:2], S)
    for a, b in zip(first, exe(X[:1], S), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


class Dlpack:
    """An array of another library: nothing but the DLPack protocol."""

    def __init__(self, array: np.ndarray):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


SPARSE = np.zeros((2, 3, 20, 11), np.float32)
SPARSE[1:, :, ::2, 1:] = X[:1]
UNALIGNED = np.frombuffer(b"\0" + X[0].tobytes(), np.uint8)[1:].view(np.float32).reshape(1, 3, 10, 10)
READONLY = X[:1].copy()
READONLY.flags.writeable = False


@pytest.mark.parametrize(
    "image",
    [
        X[:1],
        Dlpack(X[:1]),
        SPARSE[1:, :, ::2, 1:],
        np.asfortranarray(X[:1]),
        X[:1, :, ::-1][:, :, ::-1],
        UNALIGNED,
        READONLY,
    ],
    ids=["plain", "dlpack", "strided", "fortran", "reversed twice", "unaligned", "read-only"],
)
@pytest.mark.parametrize("named", [False, True])
def test_forms_of_input(exe, expected, assert_close, image, named):
    assert_close(exe({"x1": S, "x0": image}) if named else exe(image, S), expected[0])


def test_inputs_are_not_changed(exe):
    image, shift = X[:1].copy(), S.copy()
    exe(image, shift)
    np.testing.assert_array_equal(image, X[:1])
    np.testing.assert_array_equal(shift, S)

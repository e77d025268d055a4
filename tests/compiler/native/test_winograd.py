"""Convolutions by Winograd's algorithm, compiled, against the convolution in f64."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenonc.compiler import UsageError, compile, load, run_reference
from tenonc.passes.decompose import winograd

TILES = st.sampled_from(["2", "4"])


def draw_conv(draw, net, x_channels: int, image: list[int], batch: int):
    """A 3x3 convolution of an image that it fits at least once; its result and how large that is."""
    pads = [draw(st.integers(max(0, 3 - image[i % 2]) if i < 2 else 0, 3)) for i in range(4)]
    x = net.input(batch, x_channels, *image)
    outputs = draw(st.integers(2, 40))
    size = [n + pads[i] + pads[i + 2] - 2 for i, n in enumerate(image)]
    w = net.weights(outputs, x_channels, 3, 3)
    operands = [x, w, *([net.weights(outputs)] if draw(st.booleans()) else [])]
    return net("Conv", *operands, pads=pads), outputs, size


@settings(max_examples=20)
@given(st.data())
def test_any_geometry(new_net, data):
    """Odd sizes, images smaller than a tile, padding on each side alone, batches, channels that fill no
    register; with a relu, or a residual that is added."""
    draw, net = data.draw, new_net()
    batch, image = draw(st.integers(1, 3)), [draw(st.integers(1, 11)) for _ in range(2)]
    y, outputs, size = draw_conv(draw, net, draw(st.integers(2, 40)), image, batch)
    if draw(st.booleans()):
        residual = net("Conv", net.input(batch, 3, *size), net.weights(outputs, 3, 1, 1))
        y = net("Add", y, residual)
    net.check(net("Relu", y) if draw(st.booleans()) else y, winograd=draw(TILES))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_stripes(new_net, monkeypatch, data):
    """Large images run stripe by stripe, here of a few rows of tiles, with what is fused behind them; the
    result has a halo, or is read by several, or leaves the model."""
    draw, net = data.draw, new_net()
    monkeypatch.setattr(winograd, "CACHE_BYTES", draw(st.sampled_from([1, 10_000, 50_000])))
    monkeypatch.setattr(winograd, "weight_bytes", lambda conv, tile: 0)  # no reason against it
    batch, image = draw(st.integers(1, 2)), [draw(st.integers(3, 24)), draw(st.integers(3, 9))]
    y, outputs, size = draw_conv(draw, net, draw(st.integers(2, 20)), image, batch)
    if draw(st.booleans()):
        shape = draw(st.sampled_from([(batch, outputs, *size), (1, 1, size[0], 1), (outputs, 1, 1), (1,)]))
        y = net("Add", net("Conv", net.input(batch, 3, *size), net.weights(outputs, 3, 1, 1)), y)
        y = net("Mul", y, net.weights(*shape))
    y = net("Relu", y)
    if draw(st.booleans()):
        y = net.conv(y, outputs, 5, 3, 3, pads=[1] * 4)
    if draw(st.booleans()):
        y = net("Concat", net("MaxPool", y, kernel_shape=[1, 1]), y, axis=1)
    net.check(y, winograd=draw(TILES))


@pytest.mark.parametrize("tile", ["2", "4"])
@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3"])
def test_other_machines(new_net, tile: str, target: str):
    """16 registers, without and with multiply-adds."""
    net = new_net()
    net.check(net.conv(net.input(1, 12, 9, 6), 12, 10, 3, 3, pads=[1] * 4), winograd=tile, target=target)


@pytest.mark.parametrize("tile", ["2", "4"])
def test_convolutions_in_a_row(new_net, tile: str):
    """Halos of several transforms, planes a multiple of 4 KiB apart, a reader of another kind."""
    net = new_net()
    x = net.input(1, 16, 16, 16)
    for _ in range(2):
        x = net("Relu", net.conv(x, 16, 16, 3, 3, pads=[1] * 4))
    wide = net.conv(x, 16, 64, 3, 3, pads=[1] * 4)
    net.check(net.conv(wide, 64, 8, 3, 3, pads=[0, 2, 1, 0]), net.conv(wide, 64, 8, 1, 1), winograd=tile)


@pytest.mark.parametrize("tile, bound", [("2", 1e-6), ("4", 4e-6)])
@pytest.mark.parametrize("positive", [False, True])
def test_error(new_net, tile: str, bound: float, positive: bool):
    """What docs/architecture.md states, for weights that keep the magnitude and for data of one sign."""
    net = new_net()
    y = net.conv(net.input(1, 256, 12, 12), 256, 32, 3, 3, pads=[1] * 4)
    model = load(net.proto(y))
    x = np.random.default_rng(3).standard_normal((1, 256, 12, 12)).astype(np.float32)
    want = run_reference(model, {"x0": abs(x) if positive else x})[model.outputs[0].name]
    (got,) = compile(model, winograd=tile)(abs(x) if positive else x)
    assert 0 < abs(got - want).max() <= bound * abs(want).max()


def test_the_option_decides(new_net):
    net = new_net()
    model = load(net.proto(net.conv(net.input(1, 64, 28, 28), 64, 64, 3, 3, pads=[1] * 4)))
    text = {
        tile: str(compile(model, winograd=tile, cache=False).emit("mlir")) for tile in ("auto", "off", "2")
    }
    assert "memref<36x" in text["auto"] and "memref<16x" in text["2"]
    assert "tensorized.linear" not in text["off"]
    with pytest.raises(UsageError, match="winograd is '3', expected one of auto, off, 2, 4"):
        compile(model, winograd="3")

"""The three steps of Winograd's convolution against the convolution, in the reference interpretation."""

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, TensorType, f64

from tenonc.dialects import nn
from tenonc.dialects.nn.cook_toom import POINTS, transforms
from tenonc.dialects.reference import interpreter


def evaluated(op: nn.NNOperation, *arrays: np.ndarray) -> np.ndarray:
    machine = interpreter(ModuleOp([]), {})
    (result,) = machine.run_op(op, tuple(arrays))
    return result


def value(*shape: int):
    from xdsl.ir import Block

    return Block(arg_types=[TensorType(f64, shape)]).args[0]


@pytest.mark.parametrize("tile", POINTS)
def test_filter_of_three_taps(tile: int):
    """y = A^T ((G g) * (B^T d)) is the correlation of d with g."""
    rng, (a, g, b) = np.random.default_rng(1), transforms(tile)
    taps, data = rng.standard_normal(3), rng.standard_normal(tile + 2)
    np.testing.assert_allclose(a @ ((g @ taps) * (b @ data)), np.correlate(data, taps), rtol=1e-12)


@pytest.mark.parametrize("tile", POINTS)
@pytest.mark.parametrize(
    "image, pads", [((9, 7), (1, 1, 1, 1)), ((1, 1), (1, 1, 1, 1)), ((5, 8), (0, 3, 2, 0))]
)
def test_convolution(tile: int, image: tuple[int, int], pads: tuple[int, ...]):
    rng = np.random.default_rng(2)
    x, w, bias = (rng.standard_normal(shape) for shape in ((2, 3, *image), (5, 3, 3, 3), (5,)))
    made = nn.WinogradInputOp(value(*x.shape), tile=tile, pads=pads)
    weights = nn.WinogradWeightsOp(value(*w.shape), tile=tile)
    product = evaluated(made, x) @ evaluated(weights, w)
    conv = nn.ConvOp(value(*x.shape), value(*w.shape), value(5), strides=(1, 1), pads=pads, dilations=(1, 1))
    batch, _, *extents = conv.shape
    output = nn.WinogradOutputOp(value(*product.shape), value(5), tile=tile, extents=(batch, *extents))
    np.testing.assert_allclose(evaluated(output, product, bias), evaluated(conv, x, w, bias), atol=1e-12)

"""Quantized programs of torch (PT2E) against what is compiled from them. They are written as torchao's
quantizer for X86 leaves them: weights in integers, dequantize and quantize per tensor and per channel."""

import numpy as np
import pytest

from tenonc.compiler import UsageError, load, run_reference
from tenonc.compiler.pipeline import context, parse_pipeline
from tenonc.dialects.reference import interpreter
from tenonc.passes.qdq.reasons import reasons_of

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytest.importorskip("torch.ao.quantization.fx._decomposed")  # declares the ops

ops = torch.ops.quantized_decomposed


def fake(x, scale, zero, low=0, high=255, dtype=torch.uint8):
    """Quantized, and dequantized again."""
    q = ops.quantize_per_tensor.default(x, scale, zero, low, high, dtype)
    return ops.dequantize_per_tensor.default(q, scale, zero, low, high, dtype)


class Weights(torch.nn.Module):
    """A constant of int8 with a scale for each output channel."""

    def __init__(self, *shape):
        super().__init__()
        rng = torch.Generator().manual_seed(len(shape) + shape[0])
        self.register_buffer("q", torch.randint(-127, 128, shape, generator=rng, dtype=torch.int8))
        self.register_buffer("scale", 0.001 + 0.01 * torch.rand(shape[0], generator=rng, dtype=torch.float64))
        self.register_buffer("zero", torch.zeros(shape[0], dtype=torch.int64))
        self.bias = torch.nn.Parameter(torch.randn(shape[0], generator=rng))

    def forward(self):
        return ops.dequantize_per_channel.default(self.q, self.scale, self.zero, 0, -128, 127, torch.int8)


class Net(torch.nn.Module):
    """Convolutions with relu, a residual that is added to sums, a pool before the rounding, a product."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = Weights(8, 3, 3, 3), Weights(8, 8, 3, 3), Weights(10, 128)

    def forward(self, x):
        conv, relu = torch.nn.functional.conv2d, torch.relu
        x = fake(relu(conv(fake(x, 0.02, 128), self.first(), self.first.bias, padding=1)), 0.03, 0)
        y = relu(conv(x, self.second(), self.second.bias, padding=1) + x)
        y = fake(torch.nn.functional.max_pool2d(y, 2).flatten(1), 0.04, 0, 0, 127)
        return torch.nn.functional.linear(y, self.head(), self.head.bias)


@pytest.fixture(scope="module")
def example():
    return torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def program(example):
    return torch.export.export(Net().eval(), (example,))


def results(model, example):
    """What the model computes as imported, and on integers, with the names of the ops that do."""
    (imported,) = (run_reference(model, {"x": example.numpy()})[port.name] for port in model.outputs)
    for one in parse_pipeline("canonicalize,qdq-to-integer,canonicalize,cse"):
        one.apply(context(), model.module)
    (integers,) = interpreter(model.module, model.store).call_op("main", (example.numpy(),))
    return imported, integers, [op.name for op in model.main.body.block.ops]


def test_like_the_program(program, example):
    with torch.no_grad():
        want = program.module()(example).numpy()
    model = load(program)
    imported, integers, names = results(model, example)
    step = 2e-2 * np.abs(want).max()  # torch multiplies by 1 / scale: a few values are rounded the other way
    np.testing.assert_allclose(imported, want, rtol=0, atol=step)
    np.testing.assert_allclose(integers, want, rtol=0, atol=step)
    assert names.count("qnn.conv") == 2 and names.count("qnn.matmul") == 1
    assert [row["op"] for row in reasons_of(model.module)] == ["nn.elementwise add"]


def test_a_module_as_convert_pt2e_returns_it(program, example):
    """It refuses to be put into evaluation mode."""
    module = program.module()
    with pytest.raises(NotImplementedError):
        module.eval()
    assert results(load(module, (example,)), example)[2].count("qnn.conv") == 2


def test_bounds_narrower_than_the_type():
    class Bounded(torch.nn.Module):
        def forward(self, x):
            return torch.cat([fake(x, 0.02, 5, -127, 127, torch.int8), fake(x, 0.02, 5, 0, 127)])

    x = torch.linspace(-9, 9, 200)
    imported, integers, names = results(load(Bounded(), (x,)), x)
    np.testing.assert_allclose(imported, Bounded()(x).numpy(), rtol=1e-6)
    np.testing.assert_array_equal(integers, imported)
    assert "nn.elementwise" not in names  # the bounds are ranges of what rounds


def test_quantized_at_run_time():
    class Dynamic(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = Weights(10, 24)

        def forward(self, x):
            s, z = ops.choose_qparams.tensor(x, 0, 255, 2**-12, torch.uint8)
            q = ops.quantize_per_tensor.tensor(x, s, z, 0, 255, torch.uint8)
            y = ops.dequantize_per_tensor.tensor(q, s, z, 0, 255, torch.uint8)
            return torch.nn.functional.linear(y, self.weights(), self.weights.bias)

    x, module = torch.randn(5, 24, generator=torch.Generator().manual_seed(1)), Dynamic()
    imported, integers, names = results(load(module, (x,)), x)
    want = module(x).detach().numpy()
    np.testing.assert_allclose(imported, want, rtol=0, atol=1e-2 * np.abs(want).max())
    np.testing.assert_allclose(integers, imported, rtol=0, atol=1e-5 * np.abs(want).max())
    assert names.count("qnn.matmul") == 1


def test_a_program_has_its_inputs(program, example):
    with pytest.raises(UsageError, match="an exported program has its own example_inputs"):
        load(program, (example,))

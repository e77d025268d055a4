"""Masks while a network is trained: what they remove stays removed, and what is left can be cut out."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from tenonc.compiler import load, run_reference
from tenonc.compiler.pipeline import context, parse_pipeline
from tenonc.compiler.training import TorchModule, fit
from tenonc.dialects import prune

RNG = np.random.default_rng(3)
IMAGES = RNG.standard_normal((24, 2, 6, 6)).astype(np.float32)
LABELS = RNG.integers(0, 3, 24)


def run_passes(model, *passes):
    for one in parse_pipeline(",".join(passes)):
        one.apply(context(), model.module)
    model.module.verify()


@pytest.fixture
def model(build):
    """Two convolutions with batch norms and a shortcut around the second, and a linear layer."""
    node, arrays = helper.make_node, {}

    def weight(name, *shape):
        arrays[name] = RNG.standard_normal(shape, np.float32) / np.float32(np.prod(shape[1:]) ** 0.5)
        return name

    def norm(name):
        arrays.update({f"{name}.{part}": np.ones(8, np.float32) for part in ("scale", "bias", "mean", "var")})
        return [f"{name}.{part}" for part in ("scale", "bias", "mean", "var")]

    nodes = [
        node("Conv", ["x", weight("w1", 8, 2, 3, 3)], ["c1"], name="c1", pads=[1] * 4),
        node("BatchNormalization", ["c1", *norm("n1")], ["b1"], name="b1"),
        node("Relu", ["b1"], ["r1"], name="r1"),
        node("Conv", ["r1", weight("w2", 8, 8, 3, 3)], ["c2"], name="c2", pads=[1] * 4),
        node("BatchNormalization", ["c2", *norm("n2")], ["b2"], name="b2"),
        node("Relu", ["b2"], ["r2"], name="r2"),
        node("Add", ["r2", "r1"], ["s"], name="s"),
        node("GlobalAveragePool", ["s"], ["p"], name="p"),
        node("Flatten", ["p"], ["f"], name="f"),
        node("Gemm", ["f", weight("w3", 3, 8), weight("b3", 3)], ["y"], name="y", transB=1),
    ]
    arrays["b3"] = np.zeros(3, np.float32)
    return load(build(nodes, {"x": (TensorProto.FLOAT, [1, 2, 6, 6])}, ["y"], arrays))


def test_masks_hold_through_training_and_can_be_cut_out(model):
    run_passes(model, "prune-analyze", "prune-score{criterion=random}", "prune-select{ratio=0.5}")
    masks = [op for op in model.module.walk() if isinstance(op, prune.MaskOp)]
    assert masks
    removed = list(masks[0].value_of("removed"))
    module = TorchModule(model)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fit(module, [(IMAGES, LABELS)], epochs=4, lr=0.1, on_epoch=None)
    kept = [i for i in range(8) if i not in removed]
    moved = (module.get_parameter("w1").detach() - before["w1"]).abs().amax((1, 2, 3)) > 0
    assert moved.tolist() == [i in kept for i in range(8)]
    trained = module.eval().write_back()
    expected = module(IMAGES[:1])
    np.testing.assert_allclose(
        run_reference(trained, {"x": IMAGES[:1]})["y"], expected.detach().numpy(), rtol=1e-4, atol=1e-6
    )
    run_passes(trained, "prune-apply", "canonicalize")
    smaller = TorchModule(trained).eval()
    torch.testing.assert_close(smaller(IMAGES), module(IMAGES), rtol=1e-4, atol=1e-5)
    assert not [op for op in trained.module.walk() if op.name.startswith("prune.")]

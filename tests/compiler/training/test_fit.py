"""The training loop: it learns, repeats itself, rewinds, and runs in several processes."""

import os
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from torch.nn import functional as F

from tenonc.compiler import TenonError, load, run_reference
from tenonc.compiler.training import Minibatches, TorchModule, accuracy, fine_tune, fit, initialize

CLASSES = 3
RNG = np.random.default_rng(7)
CENTRES = RNG.standard_normal((CLASSES, 6)) * 3
LABELS = RNG.integers(0, CLASSES, 96)
POINTS = (CENTRES[LABELS] + RNG.standard_normal((96, 6))).astype(np.float32)
quiet = partial(fit, on_epoch=None)


@pytest.fixture
def model(build):
    """Two layers with a batch norm between them, for one point."""
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "first"], ["a"]),
        node("BatchNormalization", ["a", "scale", "shift", "mean", "variance"], ["n"]),
        node("Relu", ["n"], ["h"]),
        node("Gemm", ["h", "last", "bias"], ["y"], transB=1),
    ]
    arrays = {name: np.zeros(20, np.float32) for name in ("scale", "shift", "mean", "variance")}
    arrays |= {"first": np.zeros((6, 20), np.float32), "last": np.zeros((CLASSES, 20), np.float32)}
    arrays["bias"] = np.zeros(CLASSES, np.float32)
    return load(build(nodes, {"x": (TensorProto.FLOAT, [1, 6])}, ["y"], arrays))


@pytest.fixture
def module(model):
    module = TorchModule(model)
    initialize(module, seed=1)
    return module


BATCHES = Minibatches(POINTS, LABELS, size=24)
RECIPE: dict[str, Any] = dict(batches=BATCHES, epochs=6, lr=0.1, steps=(4,), weight_decay=1e-3)


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_initial_weights(module):
    first, last = (module.get_parameter(name) for name in ("first", "last"))
    for weight, inputs in ((first, 6), (last, 20)):
        assert abs(float(weight.detach().std()) * (inputs / 2) ** 0.5 - 1) < 0.2
    for name, value in {"scale": 1, "shift": 0, "mean": 0, "variance": 1, "bias": 0}.items():
        assert (module.state_dict()[name] == value).all()


def test_it_learns_and_repeats(module):
    start = state(module)
    before = accuracy(module, POINTS, LABELS)
    epochs = []
    history = fit(module, **RECIPE, on_epoch=epochs.append)
    assert history.epochs == epochs
    assert [epoch.rate for epoch in epochs] == pytest.approx([0.1] * 4 + [0.01] * 2)
    assert epochs[-1].loss < 0.2 * epochs[0].loss
    assert accuracy(module, POINTS, LABELS) > max(0.95, before)
    found = state(module)
    module.load_state_dict(start)
    torch.manual_seed(99)
    expected = torch.rand(1)
    torch.manual_seed(99)
    quiet(module, **RECIPE)
    assert same(state(module), found)
    assert torch.equal(torch.rand(1), expected)  # torch's generator is left alone


def test_the_optimizer_is_sgd_with_decay_but_on_norms(module, model):
    other = TorchModule(model).train()
    initialize(other, seed=1)
    named = dict(other.named_parameters())
    norms = [named.pop(name) for name in ("scale", "shift")]
    groups = [{"params": list(named.values()), "weight_decay": 0.1}, {"params": norms}]
    optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.8)
    x, y = torch.from_numpy(POINTS), torch.from_numpy(LABELS)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(other(x), y).backward()
        optimizer.step()
    quiet(module, [(x, y)], epochs=3, lr=0.05, momentum=0.8, weight_decay=0.1)
    for name, expected in other.state_dict().items():
        torch.testing.assert_close(module.state_dict()[name], expected, rtol=1e-6, atol=1e-7)


def test_rewinding(module):
    history = quiet(module, **RECIPE, keep=(0, 2, 6))
    end = state(module)
    assert sorted(history.kept) == [0, 2, 6] and same(history.kept[6].weights, end)
    again = quiet(module, **RECIPE, start=history.kept[2])
    assert [epoch.number for epoch in again.epochs] == [2, 3, 4, 5]
    assert same(state(module), end)  # weights, velocities and batches are those of then
    rates = quiet(module, **RECIPE, start=3).epochs
    assert [epoch.rate for epoch in rates] == pytest.approx([0.1, 0.01, 0.01])
    assert not same(state(module), end)


def test_epochs_are_told(module, capsys):
    fit(module, BATCHES, epochs=1, lr=0.01)
    assert capsys.readouterr().err.startswith("epoch 1: loss ")


def test_batches():
    epochs = [list(BATCHES(epoch)) for epoch in (0, 0, 1)]
    assert len(BATCHES) == 4 and [len(targets) for _, targets in epochs[0]] == [24] * 4
    orders = [np.concatenate([x[:, 0] for x, _ in epoch]) for epoch in epochs]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any() and sorted(orders[0]) == sorted(POINTS[:, 0])
    for x, y in epochs[0]:
        np.testing.assert_array_equal(LABELS[[POINTS[:, 0].tolist().index(v) for v in x[:, 0]]], y)
    parts = [list(Minibatches(POINTS, LABELS, size=24, part=part, parts=2)(0)) for part in (0, 1)]
    for whole, *shares in zip(epochs[0], *parts, strict=True):
        assert sorted(whole[0][:, 0]) == sorted(np.concatenate([x for x, _ in shares])[:, 0])
    turned = Minibatches(POINTS, LABELS, size=24, augment=lambda x, rng: x * np.float32(rng.choice([-1, 1])))
    assert {float(abs(x).sum()) for x, _ in turned(0)} == {float(abs(x).sum()) for x, _ in epochs[0]}


def test_mistakes(module, relu):
    factors = iter((1.0, np.nan))
    with pytest.raises(TenonError, match="^epoch 1, batch 2: the loss is nan, expected a finite number$"):
        quiet(module, BATCHES, lambda y, target: y.sum() * next(factors), epochs=1, lr=0.1)
    with pytest.raises(TenonError, match="^epoch 1: there are no batches$"):
        quiet(module, [], epochs=1, lr=0.1)
    with pytest.raises(
        TenonError, match="expected a TorchModule, or one in DistributedDataParallel, got Linear"
    ):
        quiet(torch.nn.Linear(2, 2), BATCHES, epochs=1, lr=0.1)
    with pytest.raises(TenonError, match="^the model has no weights to train$"):
        quiet(TorchModule(load(relu)), BATCHES, epochs=1, lr=0.1)
    with pytest.raises(TenonError, match="got 96 inputs, 3 targets, expected equal numbers"):
        Minibatches(POINTS, LABELS[:3], size=4)
    with pytest.raises(TenonError, match="got batches of 1, part 0 of 2, expected at least one input"):
        Minibatches(POINTS, LABELS, size=1, parts=2)


SCRIPT = """
import sys
import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel
from tenonc.compiler import load, save_onnx, training

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
data = np.load(f"{folder}/data.npz")

def train(module):
    batches = training.Minibatches(data["x"], data["y"], size=24, part=rank, parts=2)
    training.fit(DistributedDataParallel(module), batches, epochs=2, lr=0.1, on_epoch=None)

save_onnx(training.fine_tune(load(f"{folder}/net.onnx"), train), f"{folder}/trained{rank}.onnx")
torch.distributed.destroy_process_group()
"""


def test_two_processes_train_as_one(build, tmp_path):
    """The caller's own callable, as torchrun starts it: gradients are averaged over halves of a batch."""
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["a"]),
        helper.make_node("Tanh", ["a"], ["h"]),
        helper.make_node("MatMul", ["h", "last"], ["y"]),
    ]
    arrays = {
        name: RNG.standard_normal(shape, np.float32)
        for name, shape in (("first", (6, 20)), ("last", (20, 3)))
    }
    proto = build(nodes, {"x": (TensorProto.FLOAT, [1, 6])}, ["y"], arrays)
    (tmp_path / "net.onnx").write_bytes(proto.SerializeToString())
    np.savez(tmp_path / "data.npz", x=POINTS, y=LABELS)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    commands = [[sys.executable, "-c", SCRIPT, str(rank), str(tmp_path)] for rank in (0, 1)]
    started = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for command in commands]
    errors = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    files = [(tmp_path / f"trained{rank}.onnx").read_bytes() for rank in (0, 1)]
    assert files[0] == files[1]
    alone = fine_tune(load(proto), lambda module: quiet(module, BATCHES, epochs=2, lr=0.1))
    x = {"x": POINTS[:1]}
    expected, before = run_reference(alone, x)["y"], run_reference(load(proto), x)["y"]
    np.testing.assert_allclose(run_reference(load(files[0]), x)["y"], expected, rtol=1e-5)
    assert abs(expected - before).max() > 0.1

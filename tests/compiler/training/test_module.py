"""Models as torch modules: like the module they come from, like the reference, and back."""

import copy

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from tenonc.compiler import TenonError, compile, load, run_reference, save_onnx
from tenonc.compiler.training import TorchModule

RNG = np.random.default_rng(2)


class Net(nn.Module):
    """Convolution, batch norm, pool, attention-like product, layer norm, linear layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.norm, self.query = nn.LayerNorm(16), nn.Linear(16, 16)
        self.head = nn.Linear(8, 3)

    def forward(self, image):
        x = nn.functional.max_pool2d(self.stem(image), 2).flatten(2)
        q = self.query(self.norm(x))
        mixed = (q @ x.transpose(1, 2)).softmax(-1) @ x
        return self.head(mixed.tanh().mean(2))


@pytest.fixture(scope="module")
def native():
    torch.manual_seed(0)
    return Net()


@pytest.fixture(scope="module")
def model(native, build):
    """The net as ONNX, for one image."""
    node, state = helper.make_node, {name: value.numpy() for name, value in native.state_dict().items()}
    norm = [f"stem.1.{name}" for name in ("weight", "bias", "running_mean", "running_var")]
    state |= {"query.turned": state.pop("query.weight").T, "shape": np.array([1, 8, 16])}
    nodes = [
        node("Conv", ["image", "stem.0.weight"], ["c"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", *norm], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Reshape", ["p", "shape"], ["x"]),
        node("LayerNormalization", ["x", "norm.weight", "norm.bias"], ["l"]),
        node("MatMul", ["l", "query.turned"], ["m"]),
        node("Add", ["m", "query.bias"], ["q"]),
        node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
        node("MatMul", ["q", "t"], ["s"]),
        node("Softmax", ["s"], ["w"]),
        node("MatMul", ["w", "x"], ["v"]),
        node("Tanh", ["v"], ["h"]),
        node("ReduceMean", ["h"], ["f"], axes=[2], keepdims=0),
        node("Gemm", ["f", "head.weight", "head.bias"], ["y"], transB=1),
    ]
    return load(build(nodes, {"image": (TensorProto.FLOAT, [1, 2, 8, 8])}, ["y"], state))


def floats(*shape):
    return torch.from_numpy(RNG.standard_normal(shape).astype(np.float32))


def close(found, expected, bound=1e-5):
    scale = float(expected.detach().abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=bound * scale)


def test_it_trains_as_the_module_does(native, model):
    """The batch is larger than the model's; gradients, and statistics after two batches."""
    native, module = copy.deepcopy(native).train(), TorchModule(model).train()
    for batch in (floats(4, 2, 8, 8), floats(6, 2, 8, 8) + 1):
        native.zero_grad()
        module.zero_grad()
        close(module(batch), native(batch))
        native(batch).square().sum().backward()
        module(batch).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in native.named_parameters()}
    gradients["query.turned"] = gradients.pop("query.weight").T
    found = {name: parameter.grad for name, parameter in module.named_parameters()}
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        close(found[name], gradient, 1e-4)
    norm = native.stem[1]
    close(module.get_buffer("stem.1.running_mean"), norm.running_mean)
    close(module.get_buffer("stem.1.running_var"), norm.running_var)
    close(module.eval()(batch), native.eval()(batch))


def test_state_is_that_of_the_module(native, model):
    names = set(native.state_dict()) - {"stem.1.num_batches_tracked", "query.weight"}
    module, other = TorchModule(model), TorchModule(model)
    assert set(module.state_dict()) == names | {"query.turned"}
    other.load_state_dict({name: value + 1 for name, value in module.state_dict().items()})
    assert torch.equal(*(m.get_parameter("head.weight") + n for m, n in ((other, 0), (module, 1))))


def test_like_the_reference_and_written_back(model, tmp_path):
    module = TorchModule(model).eval()
    x = floats(1, 2, 8, 8)
    close(
        module(x)[0], torch.from_numpy(run_reference(model, {"image": x.numpy()})[model.outputs[0].name])[0]
    )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.5)
        module.get_buffer("stem.1.running_var").add_(1)
    trained = module.write_back()
    values = run_reference(trained, {"image": x.numpy()})
    np.testing.assert_array_equal(values["head.weight"], module.get_parameter("head.weight").detach().numpy())
    expected = module(x).detach()
    close(torch.from_numpy(values["y"]), expected)
    close(torch.from_numpy(compile(trained)(x.numpy())[0]), expected)
    save_onnx(trained, tmp_path / "trained.onnx")
    (found,) = compile(load(tmp_path / "trained.onnx"))(x.numpy())
    close(torch.from_numpy(found), expected)
    assert len(trained.store) == len(model.store)


def test_copies_are_independent(model):
    module = TorchModule(model).eval()
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.get_parameter("head.weight").zero_()
    x = floats(1, 2, 8, 8)
    bias = module.get_parameter("head.bias")
    assert (other(x) == bias).all() and not (module(x) == bias).all()


@pytest.fixture
def linear(build):
    """x [batch, 20] times a weight called `name`, plus `bias`."""

    def make(name="weight", batch=1):
        nodes = [
            helper.make_node("MatMul", ["x", name], ["m"]),
            helper.make_node("Add", ["m", "bias"], ["y"]),
        ]
        arrays = {name: RNG.standard_normal((20, 3), np.float32), "bias": np.array([1, 2, 3], np.float32)}
        return load(build(nodes, {"x": (TensorProto.FLOAT, [batch, 20])}, ["y"], arrays))

    return make


def test_a_model_of_another_batch_gets_the_weights(linear, relu):
    module = TorchModule(linear(batch=4))
    with torch.no_grad():
        module.get_parameter("bias").fill_(7)
    one = module.write_back(linear())
    x = np.zeros((1, 20), np.float32)
    np.testing.assert_array_equal(run_reference(one, {"x": x})["y"], np.full((1, 3), 7, np.float32))
    with pytest.raises(TenonError, match="the model has 0 constants, expected the 2 trained"):
        module.write_back(load(relu))


NAMES = [
    ("a/b:c", "a/b:c"),
    ("forward", "forward_"),
    ("x.train", "x.train_"),
    ("a..b", "a._.b"),
    ("bias.x", "bias.x"),
]


@pytest.mark.parametrize("name, path", NAMES)
def test_names_are_paths(name, path, linear):
    module = TorchModule(linear(name))
    bias = "bias_2" if path.startswith("bias") else "bias"
    assert {name for name, _ in module.named_parameters()} == {path, bias}
    assert module(torch.zeros(1, 20)).shape == (1, 3)


def test_what_is_trained_can_be_chosen(linear):
    model = linear()
    module = TorchModule(model, trainable=lambda name, array: name != "weight")
    assert [name for name, _ in module.named_parameters()] == ["bias"]
    assert list(module.state_dict()) == ["bias"]
    assert module.write_back().store.keys() == model.store.keys()


def test_what_the_importer_computes_is_no_weight(build):
    """A slope is reshaped and stays one; a tensor made of a shape and a number is none."""
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["ones"], name="made"),
        helper.make_node("Mul", ["x", "ones"], ["m"]),
        helper.make_node("PRelu", ["m", "slope"], ["y"]),
    ]
    arrays = {"shape": np.array([3, 1]), "slope": np.array([[1], [2], [3]], np.float32)}
    model = load(build(nodes, {"x": (TensorProto.FLOAT, [1, 3, 2])}, ["y"], arrays))
    assert [name for name, _ in TorchModule(model).named_parameters()] == ["slope"]


def test_scalars_and_masks_are_not_trained(model_of):
    from tenonc.dialects import nn as ops

    x, mask = np.zeros((2, 3), np.float32), np.array([0, -np.inf, 0], np.float32)
    for constant in (np.float32(2), mask):
        made = model_of(lambda x, c: ops.ElementwiseOp("add", x, c), x, weights=(constant,))
        assert not list(TorchModule(made).parameters())


def test_statistics_are_each_norms_own(one_norm_twice):
    """The file has one constant for the means of two batch norms."""
    module = TorchModule(one_norm_twice).train()
    assert len(list(module.buffers())) == 4 and len(list(module.parameters())) == 2
    module(floats(8, 3, 2) + 5)
    means = [b for name, b in module.named_buffers() if "mean" in name]
    assert float(means[0].min()) > 0.1 > float(means[1].abs().max())
    x = floats(1, 3, 2)
    trained = module.eval().write_back()
    y = run_reference(trained, {"x": x.numpy()})["y"]
    close(torch.from_numpy(y), module(x).detach())


@pytest.fixture
def one_norm_twice(build):
    nodes = [
        helper.make_node("BatchNormalization", [x, "scale", "bias", "mean", "var"], [y], name=y)
        for x, y in (("x", "h"), ("h", "y"))
    ]
    arrays = {"scale": [1, 2, 3], "bias": [0, 0, 0], "mean": [0, 0, 0], "var": [1, 1, 1]}
    arrays = {name: np.array(values, np.float32) for name, values in arrays.items()}
    return load(build(nodes, {"x": (TensorProto.FLOAT, [1, 3, 2])}, ["y"], arrays))


@pytest.fixture
def lstm(build):
    """[5 steps, batch 1, 3] -> [5, 2 directions, 1, 4], then a sum over directions."""
    arrays = {"w": (2, 16, 3), "r": (2, 16, 4), "b": (2, 32)}
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "b"], ["h"], hidden_size=4, direction="bidirectional"),
        helper.make_node("ReduceSum", ["h", "axes"], ["y"], keepdims=0),
    ]
    arrays = {name: RNG.standard_normal(shape, np.float32) for name, shape in arrays.items()}
    return load(build(nodes, {"x": (TensorProto.FLOAT, [5, 1, 3])}, ["y"], arrays | {"axes": np.array([1])}))


def test_loops(lstm):
    x = floats(5, 1, 3)
    close(TorchModule(lstm)(x), torch.from_numpy(run_reference(lstm, {"x": x.numpy()})["y"]))
    wide = TorchModule(lstm, floats=torch.float64)
    given = x.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda *_: wide(given), (given, *wide.parameters()), fast_mode=True)


def test_mistakes(model):
    module = TorchModule(model)
    for arguments, message in (
        ((), r"got 0 inputs, the model has 1: image: 1x2x8x8 float32"),
        (
            (torch.zeros(1, 2, 8, 8).double(),),
            r"input 'image': dtype is torch.float64, expected torch.float32",
        ),
        ((torch.zeros(1, 2, 8, 9),), r"input 'image': shape is \[1, 2, 8, 9\], expected \[1, 2, 8, 8\]"),
    ):
        with pytest.raises(TenonError, match=message):
            module(*arguments)


def test_a_batch_must_stay_apart(model_of):
    from tenonc.dialects import nn as ops

    x = np.zeros((1, 4), np.float32)
    for make, message in (
        (lambda x: ops.ReduceOp("sum", x, axes=[0], keepdims=True), "nn.reduce runs along the batch: axis 0"),
        (lambda x: ops.SoftmaxOp(x, 0), "nn.softmax runs along the batch"),
        (lambda x: ops.ConcatOp([x, x], 0), "nn.concat runs along the batch"),
        (lambda x: ops.ArgReduceOp("max", x, 1), "nn.arg_reduce runs in the reference interpreter"),
    ):
        with pytest.raises(TenonError, match=message):
            TorchModule(model_of(make, x))(torch.zeros(3, 4))

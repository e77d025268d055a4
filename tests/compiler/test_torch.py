"""Modules of torch against what is compiled from them."""

import numpy as np
import pytest

from tenonc.compiler import TenonError, UsageError, compile, load, run_reference

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
nn, functional = torch.nn, torch.nn.functional


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.norm.running_mean.uniform_(-1, 1)
        self.norm.running_var.uniform_(0.5, 2)
        self.dropout, self.head = nn.Dropout(0.5), nn.Linear(4, 5)

    def forward(self, image):
        return self.head(self.dropout(torch.relu(self.norm(self.conv(image))).mean((2, 3))))


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 6)
        self.lstm = nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True)

    def forward(self, tokens):
        output, (hidden, _) = self.lstm(self.embedding(tokens))
        return output, hidden


class Attention(nn.Module):
    def forward(self, query, key, value):
        return functional.scaled_dot_product_attention(query, key, value)


CASES = {
    "convolution": (ConvNet, (torch.randn(2, 3, 8, 8),)),
    "lstm": (Tagger, (torch.randint(0, 10, (2, 5)),)),
    "attention": (Attention, tuple(torch.randn(2, 4, 5, 8) for _ in range(3))),
    "encoder": (
        lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu"),
        (torch.randn(2, 5, 16),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_like_the_module(name):
    make, inputs = CASES[name]
    torch.manual_seed(0)
    module = make()
    model = load(module, inputs)
    assert module.training
    with torch.no_grad():
        want = module.eval()(*inputs)
    found = compile(model)(*(x.numpy() for x in inputs))
    for got, expected in zip(found, want if isinstance(want, tuple) else (want,), strict=True):
        bound = 1e-5 * float(expected.abs().max())
        np.testing.assert_allclose(got, expected.numpy(), rtol=0, atol=bound)


def test_batch_norm_and_names_are_kept():
    model = load(ConvNet(), {"image": torch.randn(2, 3, 8, 8)})
    assert [port.name for port in model.inputs] == ["image"]
    assert "nn.batch_norm" in [op.name for op in model.main.body.block.ops]
    values = run_reference(model, {"image": np.zeros((2, 3, 8, 8), np.float32)})
    assert {"conv.weight", "norm.running_var", "head.bias"} <= values.keys()


def test_mistakes():
    with pytest.raises(UsageError, match="a torch module needs example_inputs"):
        load(ConvNet())
    with pytest.raises(UsageError, match="example_inputs are for torch modules"):
        load("model.onnx", (1,))
    with pytest.raises(TenonError, match="^torch cannot export ConvNet: ") as caught:
        load(ConvNet(), torch.randn(2, 5))
    assert "\n" not in str(caught.value)
    with pytest.raises(TenonError, match="cannot load int, expected a path, bytes, ModelProto or torch.nn"):
        load(3)  # pyright: ignore[reportArgumentType]


def test_missing_exporter(monkeypatch):
    def fails(*args, **kwargs):
        raise ModuleNotFoundError("No module named 'onnxscript'")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(TenonError, match=r"needs the extra torch \(pip install 'tenonc\[torch\]'\)"):
        load(ConvNet(), torch.randn(1, 3, 8, 8))


def test_the_reason_of_the_exporter_is_told(capfd):
    class Reshaped(nn.Module):
        def forward(self, x):
            return x.reshape(5, 7)

    class Branching(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else x * 2

    expected = r"^torch cannot export Reshaped: shape '\[5, 7\]' is invalid for input of size 16$"
    with pytest.raises(TenonError, match=expected):
        load(Reshaped(), torch.ones(4, 4))
    with pytest.raises(TenonError, match="^torch cannot export Branching: Could not guard on data-dependent"):
        load(Branching(), torch.ones(4, 4))
    assert capfd.readouterr() == ("", "")

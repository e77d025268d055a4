"""`tenonc models`: what is exported is the architecture, deterministic, and depends on its input."""

import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.tools import tenonc
from tenonc.tools.models import MODELS, build_model
from tenonc.tools.models.reaction import check_reaction, reaction

BATCH_NORMS = {"onnx-shufflenet": 49, "lstm-tagger": 0}
"""Small models, one of each origin, and how many batch norms their architecture has."""


@pytest.fixture(scope="module", params=BATCH_NORMS)
def exported(request):
    return request.param, build_model(request.param)


def session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def inputs_of(model):
    rng = np.random.default_rng(5)
    (value,) = model.graph.input
    shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    floats = value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    return {value.name: rng.standard_normal(shape, np.float32) if floats else rng.integers(0, 1000, shape)}


def test_batch_norms_are_kept_and_the_file_is_valid(exported):
    name, model = exported
    onnx.checker.check_model(model, full_check=True)
    assert [n.op_type for n in model.graph.node].count("BatchNormalization") == BATCH_NORMS[name]
    assert not any(node.op_type == "ConstantOfShape" for node in model.graph.node)


def test_bytes_are_the_same_each_time(exported):
    name, model = exported
    again = build_model(name)
    assert model.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
    del again.graph.initializer[:]
    assert b".py" not in again.SerializeToString()  # no stack traces


def test_the_output_depends_on_the_input(exported):
    name, model = exported
    run = session(model)
    check_reaction(name, lambda feeds: run.run(None, dict(feeds)), inputs_of(model))


def test_batch_norms_normalize(exported):
    """With statistics of seeded batches, other seeded inputs come out of a norm near its scale and shift."""
    name, model = exported
    norms = [n for n in model.graph.node if n.op_type == "BatchNormalization"]
    if not norms:
        return
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    made = [norm.output[0] for norm in norms]
    copy.graph.output.extend(onnx.helper.make_tensor_value_info(key, 1, None) for key in made)
    for value in session(copy).run(made, inputs_of(model)):
        assert 0.3 < value.std() < 3 and abs(value.mean()) < 1


def test_a_model_that_ignores_its_input_is_refused():
    x = {"x": np.ones((2, 3), np.float32)}
    assert reaction(lambda feeds: [1 + 0.05 * feeds["x"]], x) == pytest.approx(0.05 / 1.05)
    with pytest.raises(TenonError, match="moves by 4.8% when its input is zeroed, expected 10%"):
        check_reaction("flat", lambda feeds: [1 + 0.05 * feeds["x"]], x)
    with pytest.raises(TenonError, match="moves by 0.0%"):
        check_reaction("nan", lambda feeds: [feeds["x"] * np.nan], x)
    check_reaction("fine", lambda feeds: [1 + 0.5 * feeds["x"]], x)


def test_a_missing_extra_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    for module in [m for m in sys.modules if m.startswith("tenonc.tools.models.")]:
        monkeypatch.delitem(sys.modules, module)
    assert tenonc.main(["models", "export", "resnet18", "-o", str(tmp_path)]) == 1
    line = capsys.readouterr().err
    assert "needs torch, which the extra 'bench' installs" in line and line.count("\n") == 1


def test_the_verb(capsys, tmp_path):
    assert tenonc.main(["models", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in MODELS)
    assert tenonc.main(["models", "export", "lstm-tagger", "-o", str(tmp_path / "m")]) == 0
    assert onnx.load(tmp_path / "m" / "lstm-tagger.onnx").graph.input[0].name == "x"
    assert tenonc.main(["models", "export", "vgg99", "-o", str(tmp_path)]) == 2
    assert tenonc.main(["models", "export", "resnet18", "--precision", "fp4", "-o", str(tmp_path)]) == 2

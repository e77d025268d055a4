"""Recovery without training: equations against numpy's own solver, products as rows, and what is regained."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tenonc.compiler import Model, TenonError, UsageError, compile, load, run_reference
from tenonc.compiler.pruning.data import Batches
from tenonc.compiler.pruning.driver import pruned
from tenonc.compiler.pruning.normal_equations import NormalEquations
from tenonc.compiler.pruning.options import PruneOptions
from tenonc.compiler.pruning.products import product_of
from tenonc.compiler.pruning.recover import WAYS, recover
from tenonc.dialects import nn, prune

DIGITS = Path(__file__).parents[3] / "examples" / "digits"


def ops(model: Model, kind):
    return [op for op in model.main.body.block.ops if isinstance(op, kind)]


def mask(model: Model, name: str, removed: list[int]) -> None:
    """Hides channels of the value `name` from all its readers."""
    value = model.values[name]
    users = list(value.uses)
    op = prune.MaskOp(value, 1, removed)
    model.main.body.block.insert_op_after(op, value.owner)
    for use in users:
        use.operation.operands[use.index] = op.result


@pytest.mark.parametrize("offset", [False, True])
def test_equations_are_least_squares(offset):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50, 6)) + 1, rng.normal(size=(2, 50, 3)) + 2
    start = rng.normal(size=(2, 6, 3))
    equations = NormalEquations(offset, 1e-12)
    for part in np.split(np.arange(50), [7, 20]):
        equations.add(x[:, part], y[:, part])
    found = equations.solve(start)
    for group in range(2):
        columns = np.column_stack([x[group], np.ones(50)]) if offset else x[group]
        expected = np.linalg.lstsq(columns, y[group], rcond=None)[0]
        np.testing.assert_allclose(found.matrix[group], expected[:6], rtol=1e-7)
        np.testing.assert_allclose(found.offset[group], expected[6] if offset else np.zeros(3), rtol=1e-7)
    missed = ((x @ found.matrix + found.offset[:, None] - y) ** 2).sum()
    assert found.after == pytest.approx(missed) and found.after < found.before


def test_what_data_does_not_tell_stays():
    """A term that is always zero, and a sum that the data has of two terms only."""
    rng = np.random.default_rng(1)
    one = rng.normal(size=(1, 40, 1))
    x = np.concatenate([one, one, 0 * one], axis=2)
    equations = NormalEquations(False, 1e-6)
    equations.add(x, 3 * one)
    found = equations.solve(np.array([[[2.0], [0.0], [7.0]]])).matrix
    np.testing.assert_allclose(found, [[[2.5], [0.5], [7.0]]], atol=1e-4)


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_products_are_rows_times_matrices(build, data):
    """As native code computes them: strides, pads, dilations, groups, ranks."""
    draw = data.draw
    rank, groups = draw(st.integers(1, 2)), draw(st.sampled_from([1, 2, 3]))
    size = [draw(st.integers(5, 8)) for _ in range(rank)]
    kernel = [draw(st.integers(1, 3)) for _ in range(rank)]
    attributes = {
        "strides": [draw(st.integers(1, 2)) for _ in range(rank)],
        "pads": [draw(st.integers(0, 1)) for _ in range(2 * rank)],
        "dilations": [draw(st.integers(1, 2)) for _ in range(rank)],
        "group": groups,
    }
    rng = np.random.default_rng(0)
    w = rng.normal(size=(2 * groups, 2, *kernel)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], **attributes)
    model = load(build([node], {"x": (TensorProto.FLOAT, (2, 2 * groups, *size))}, ["y"], {"w": w}))
    x = rng.normal(size=model.inputs[0].shape).astype(np.float32)
    (y,) = compile(model)(x)
    product = product_of(ops(model, nn.ConvOp)[0])
    assert product is not None and product.width == w[0].size
    rows = rng.permutation(product.count)[: product.count // 2 + 1]
    found = product.terms(x, rows) @ product.matrix(w)
    np.testing.assert_allclose(found, product.results(y, rows), atol=1e-4)
    assert (product.weights(product.matrix(w), 0 * w) == w).all()


@pytest.fixture
def copies(build) -> Model:
    """Channel 1 of a is twice channel 0, channel 3 of b a third of channel 2: nothing needs them."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 2, 3, 3)), rng.normal(size=(4, 4, 3, 3))
    a[1], b[3] = 2 * a[0], b[2] / 3
    norm = {f"n.{p}": rng.uniform(0.5, 2, 4) for p in "gbmv"}
    shift = {"b.b": rng.normal(size=4)}
    shift["b.b"][3] = shift["b.b"][2] / 3
    arrays = {"a.w": a, "b.w": b, "c.w": rng.normal(size=(5, 4)), "c.b": rng.normal(size=5), **norm, **shift}
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "a.w"], ["a.c"], pads=[1] * 4, name="a"),
        node("Relu", ["a.c"], ["a"]),
        node("Conv", ["a", "b.w", "b.b"], ["b.c"], strides=[2, 2], name="b"),
        node("Relu", ["b.c"], ["b"]),
        node("GlobalAveragePool", ["b"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "c.w", "c.b"], ["y"], transB=1, name="c"),
    ]
    given = {name: array.astype(np.float32) for name, array in arrays.items()}
    return load(build(nodes, {"x": (TensorProto.FLOAT, (4, 2, 7, 7))}, ["y"], given))


def test_what_others_know_comes_back_whole(copies, worst):
    """Each layer sees the one before as it is after its own recovery: the last has nothing left to do."""
    x = np.random.default_rng(1).normal(size=(20, 2, 7, 7)).astype(np.float32)
    dense = run_reference(copies, {"x": x[:4]})["y"]
    mask(copies, "a", [1])
    mask(copies, "b", [3])
    assert worst(run_reference(copies, {"x": x[:4]})["y"], dense) > 0.05
    layers = recover(copies, Batches(copies.inputs, {"x": x}), WAYS["products"])
    assert worst(run_reference(copies, {"x": x[:4]})["y"], dense) < 0.01
    assert [(layer.name, layer.reason) for layer in layers] == [("b", ""), ("c", "")]
    assert all(layer.before > 0.01 > 1e-3 > layer.after for layer in layers)


def test_nothing_masked_nothing_changes(copies):
    before = str(copies.module)
    x = np.ones((4, 2, 7, 7), np.float32)
    assert recover(copies, Batches(copies.inputs, {"x": x}), WAYS["both"]) == []
    assert str(copies.module) == before


def test_statistics_are_those_of_the_masked_network(residual, images):
    found = pruned(residual, PruneOptions(0.5, "l1", recover="norms"), {"x": images[:6]})
    norms = ops(found.masked, nn.BatchNormOp)
    # What a norm's input has now follows from what it makes: scale * (x - mean) / deviation + bias.
    for norm in norms[1:]:
        store = found.masked.store
        scale, bias = (store.get(op.owner.value) if isinstance(op.owner.value, nn.WeightAttr)
                       else nn.dense_array(op.owner.value) for op in norm.operands[1:3])  # fmt: skip
        name = norm.location.desc.data
        value = f"{name.removesuffix('.norm')}.n"
        ys = np.concatenate([run_reference(found.masked, {"x": images[i : i + 2]})[value] for i in (0, 2, 4)])
        np.testing.assert_allclose(ys.mean(axis=(0, 2, 3)), bias, atol=1e-4)
        np.testing.assert_allclose(ys.std(axis=(0, 2, 3)), np.abs(scale), rtol=1e-4)
    assert [layer.kind for layer in found.recovered] == ["norm", "norm"]


def test_shared_weights_stay(copies):
    conv = ops(copies, nn.ConvOp)[1]
    other = conv.clone()
    copies.main.body.block.insert_op_after(other, conv)
    mask(copies, "a", [1])
    x = np.random.default_rng(1).normal(size=(4, 2, 7, 7)).astype(np.float32)
    layers = recover(copies, Batches(copies.inputs, {"x": x}), WAYS["products"])
    assert layers[0].reason == "its weights are shared"


def test_bad_data_and_ways(residual, copies, images):
    data = {"x": images}
    with pytest.raises(UsageError, match="recover is 'magic', expected one of products, norms, both"):
        PruneOptions(recover="magic")
    with pytest.raises(TenonError, match="recover needs calibration data"):
        pruned(residual, PruneOptions(recover=True))
    with pytest.raises(TenonError, match="input 'x': holds NaN"):
        pruned(residual, PruneOptions(recover=True), {"x": images * np.float32(np.nan)})
    with pytest.raises(TenonError, match="recovery by norms: the model has none, they may be folded"):
        pruned(copies, PruneOptions(recover="norms"), {"x": np.ones((4, 2, 7, 7), np.float32)})
    with pytest.raises(TenonError, match="values at '.*' are not all finite"):
        pruned(residual, PruneOptions(recover=True), {"x": np.sign(images) * np.float32(3e38)})
    assert pruned(residual, PruneOptions(recover=True), data).recovered


def test_the_demo_network_regains_most():
    """Half of its channels: 9 % of the images without recovery, 99.7 % dense."""
    sys.path.insert(0, str(DIGITS))
    try:
        from data import load_split
    finally:
        sys.path.remove(str(DIGITS))
    training, held_out = load_split()
    model, data = load(DIGITS / "digits.onnx"), {"image": training.images[:120]}

    def accuracy(found: Model) -> float:
        exe = compile(found)
        guesses = [int(exe(image[None])[0].argmax()) for image in held_out.images]
        return float(np.mean(guesses == held_out.labels))

    plain, won = (
        accuracy(pruned(model, PruneOptions(0.5, "l1", recover=way), data).model) for way in (False, True)
    )
    assert plain < 0.5 and won > 0.9

"""compiler.prune: what leaves, that the rest computes the same, and what it refuses."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from xdsl.dialects.builtin import ArrayAttr

from tenonc.compiler import Model, TenonError, UsageError, compile, load, prune, run_reference, save_onnx
from tenonc.compiler.pruning.driver import pruned, removed_of
from tenonc.compiler.pruning.options import PruneOptions
from tenonc.dialects import nn
from tenonc.dialects import prune as dialect
from tenonc.passes.prune_apply import LOG

SCORES = ("l1", "l2", "gamma", "random", "attention")


def channels(model) -> dict[str, int]:
    """Output channels of each convolution."""
    convs = [op for op in model.main.body.block.ops if isinstance(op, nn.ConvOp)]
    return {op.location.desc.data: op.shape[1] for op in convs}


def output(model: Model, x: np.ndarray) -> np.ndarray:
    return run_reference(model, {model.inputs[0].name: x})[model.outputs[0].name]


def taken(model) -> set[str]:
    return {
        op.value.digest.data
        for op in model.module.walk()
        if isinstance(op, nn.ConstantOp) and isinstance(op.value, nn.WeightAttr)
    }


def test_both_compile(residual, images, worst):
    found = pruned(residual, PruneOptions(0.5))
    (small,), (masked,) = (compile(model)(images[:2]) for model in (found.model, found.masked))
    assert worst(small, masked) < 1e-6


@pytest.mark.parametrize("score", SCORES)
def test_masked_is_shrunk(residual, images, worst, score):
    found = pruned(residual, PruneOptions(0.5, score), {"x": images})
    assert channels(found.model) == {"stem": 4, "inner": 6, "outer": 4}
    x = images[:2]
    small, masked, dense = (output(m, x) for m in (found.model, found.masked, residual))
    assert worst(small, masked) < 1e-6 and worst(small, dense) > 1e-3
    assert channels(residual) == {"stem": 8, "inner": 12, "outer": 8}


def test_the_smaller_model_is_a_model(residual, images, worst, tmp_path: Path):
    """Its store, log, names and file; of weights the values are those of the channels that stay."""
    found = pruned(residual, PruneOptions(0.5, "l1"))
    small, removed = found.model, removed_of(found.groups)
    assert set(small.store) == taken(small)
    assert not any(
        isinstance(op, dialect.GroupOp | dialect.ScoreOp | dialect.MaskOp) for op in small.module.walk()
    )
    log = small.module.attributes[LOG]
    assert isinstance(log, ArrayAttr)
    entries = {entry.data["group"].data: tuple(entry.data["removed"].get_values()) for entry in log}
    assert {name: list(gone) for name, gone in entries.items()} == removed
    assert set(small.values) >= {"x", "stem.relu", "total", "y"}
    weight = nn.tensor_of(small.values["inner.w"]).get_shape()
    assert weight == (6, 4, 3, 3)
    save_onnx(small, tmp_path / "small.onnx")
    again = load(tmp_path / "small.onnx")
    stays = [[c for c in range(n) if c not in removed[g]] for g, n in (("inner", 12), ("stem", 8))]
    dense = residual.store.get(residual.values["inner.w"].owner.value)
    kept = again.store.get(again.values["inner_w"].owner.value)
    assert np.array_equal(kept, dense[np.ix_(*stays)])
    assert worst(output(again, images[:2]), output(small, images[:2])) < 1e-6


def test_l1_removes_the_smallest(residual):
    """The stem's channels are also those of the block's last convolution: both count."""
    weight = {
        name: np.abs(residual.store.get(residual.values[f"{name}.w"].owner.value)).sum(
            axis=(1, 2, 3), dtype=float
        )
        for name in ("stem", "inner", "outer")
    }
    found = removed_of(pruned(residual, PruneOptions(0.25, "l1")).groups)
    assert found["inner"] == sorted(np.argsort(weight["inner"])[:3])
    assert found["stem"] == sorted(np.argsort(weight["stem"] + weight["outer"])[:2])


@pytest.mark.parametrize(("mapping", "power"), [("mean", 1), ("max", 1), ("sum", 2)])
def test_attention_is_the_mean_over_all_samples(residual, images, mapping, power):
    """Three batches of two: mapping over h, w of (mean over the six of a[b, c, h, w]) to the power."""
    options = PruneOptions(0.5, "attention", mapping=mapping, power=power)
    groups = {g.name: g for g in pruned(residual, options, {"x": images}).groups}
    found = [run_reference(residual, {"x": images[i : i + 2]})["inner.relu"] for i in (0, 2, 4)]
    whole = np.concatenate(found).mean(axis=0, dtype=float) ** power
    expected = getattr(np, mapping)(whole.reshape(12, -1), axis=1)
    np.testing.assert_allclose(groups["inner"].scores, expected, rtol=1e-5)
    assert set(groups["inner"].removed) == set(np.argsort(expected)[:6])


def test_attention_of_rows_of_samples(build):
    """Tokens [2 samples of 3, channels]: the mean over samples, then the power, then over the tokens."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(2)
    arrays = {"a": rng.normal(size=(4, 6)), "b": rng.normal(size=(6, 2))}
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["rows"]),
        helper.make_node("MatMul", ["rows", "a"], ["h"], name="h"),
        helper.make_node("Relu", ["h"], ["r"], name="r"),
        helper.make_node("MatMul", ["r", "b"], ["y"], name="y"),
    ]
    given = {name: array.astype(np.float32) for name, array in arrays.items()}
    given["shape"] = np.array([6, 4])
    model = load(build(nodes, {"x": (TensorProto.FLOAT, (2, 3, 4))}, ["y"], given))
    x = rng.normal(size=(4, 3, 4)).astype(np.float32)
    groups = pruned(model, PruneOptions(0.5, "attention", power=3.0), {"x": x}).groups
    activations = np.maximum(x.astype(float) @ arrays["a"], 0)
    expected = (activations.mean(axis=0) ** 3).mean(axis=0)
    np.testing.assert_allclose({g.name: g for g in groups}["h"].scores, expected, rtol=1e-5)


@pytest.mark.parametrize(("weight", "said"), [(np.nan, "nan"), (np.inf, "inf"), (3e38, "inf")])
def test_scores_that_are_no_numbers(residual_file, weight, said):
    """Of a channel whose weights are none, or too many of the largest."""
    proto = onnx.ModelProto.FromString(residual_file.SerializeToString())
    tensor = next(t for t in proto.graph.initializer if t.name == "inner.w")
    array = onnx.numpy_helper.to_array(tensor).copy()
    array[5] = weight
    tensor.CopyFrom(onnx.numpy_helper.from_array(array, "inner.w"))
    expected = f"criterion 'l1': the score of channel 5 of group @inner is {said}, expected a finite number"
    with pytest.raises(TenonError, match=f"^{expected}$"):
        prune(load(proto), 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_indexed_again(residual, images, worst, seed):
    """What a pruned branch adds to its sum is read from the branch itself, however often it is pruned."""
    model = residual
    for score in ("random", "attention", "random", "l1"):
        found = pruned(model, PruneOptions(0.3, score, residuals="indexed", seed=seed), {"x": images})
        small, masked = (output(m, images[:2]) for m in (found.model, found.masked))
        assert worst(small, masked) < 1e-6
        assert found.after.params < found.before.params
        model = found.model
        assert [op.name for op in model.module.walk()].count("nn.gather") <= 3, "two sides and the product"
    (native,) = compile(model)(images[:2])
    assert worst(native, masked) < 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_indexed_to_the_end(residual, images, worst, seed):
    """Branches of a single channel, and those that no longer add anything to what is read of their sum."""
    model = residual
    for number in range(8):
        found = pruned(model, PruneOptions(0.5, "random", residuals="indexed", seed=8 * seed + number))
        small, masked = (output(m, images[:2]) for m in (found.model, found.masked))
        assert worst(small, masked) < 1e-6
        model = found.model
    assert found.after == found.before


def test_a_part_of_a_sum_with_an_input(build, worst):
    """The input has no channels that could leave, so all of the sum is made, of which a part is read."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Conv", ["x", "a"], ["c"], name="c"),
        helper.make_node("Add", ["c", "x"], ["s"], name="s"),
        helper.make_node("Slice", ["s", "from", "to", "axis"], ["part"], name="part"),
        helper.make_node("Conv", ["part", "b"], ["d"], name="d"),
        helper.make_node("Conv", ["d", "e"], ["y"], name="y"),
    ]
    rng = np.random.default_rng(0)
    shapes = {"a": (8, 8, 1, 1), "b": (6, 4, 1, 1), "e": (3, 6, 1, 1)}
    given = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    given |= {name: np.array([value]) for name, value in (("from", 2), ("to", 6), ("axis", 1))}
    model = load(build(nodes, {"x": (TensorProto.FLOAT, (1, 8, 5, 5))}, ["y"], given))
    found = pruned(model, PruneOptions(0.5, "l1"))
    x = rng.normal(size=(1, 8, 5, 5)).astype(np.float32)
    small, masked = (output(m, x) for m in (found.model, found.masked))
    assert worst(small, masked) < 1e-6 and found.after.params < found.before.params


def test_indexed(residual, images, worst):
    """A branch begins at the product that reads the sum: its channels are scored by what reads them."""
    found = pruned(residual, PruneOptions(0.5, "l1", residuals="indexed"))
    groups = {group.name: group for group in found.groups}
    assert {n for n, g in groups.items() if g.removed} == {"stem", "inner", "outer", "y.in"}
    weight = np.abs(residual.store.get(residual.values["fc.w"].owner.value)).sum(axis=1, dtype=float)
    np.testing.assert_allclose(groups["y.in"].scores, weight, rtol=1e-6)
    small, masked = (output(model, images[:2]) for model in (found.model, found.masked))
    assert worst(small, masked) < 1e-6
    (native,) = compile(found.model)(images[:2])
    assert worst(native, masked) < 1e-6
    with pytest.raises(UsageError, match="^residuals is 'none', expected one of coupled, indexed$"):
        prune(residual, residuals="none")


def quantized(build):
    """Conv, relu, depthwise, relu, conv in 8 bits; weights have a scale and zero point for each channel."""
    from onnx import TensorProto, helper

    rng = np.random.default_rng(3)
    arrays: dict[str, np.ndarray] = {"s": np.float32(0.05), "z": np.uint8(120)}
    nodes, x = [], "x"
    for name, shape, groups in (("a", (8, 3, 3, 3), 1), ("d", (8, 1, 3, 3), 8), ("b", (5, 8, 1, 1), 1)):
        arrays[f"{name}.q"] = rng.integers(-128, 128, shape).astype(np.int8)
        arrays[f"{name}.s"] = rng.uniform(0.001, 0.02, shape[0]).astype(np.float32)
        arrays[f"{name}.z"] = rng.integers(-3, 4, shape[0]).astype(np.int8)
        nodes += [
            helper.make_node("QuantizeLinear", [x, "s", "z"], [f"{name}.xq"]),
            helper.make_node("DequantizeLinear", [f"{name}.xq", "s", "z"], [f"{name}.x"]),
            helper.make_node(
                "DequantizeLinear", [f"{name}.q", f"{name}.s", f"{name}.z"], [f"{name}.w"], axis=0
            ),
            helper.make_node("Conv", [f"{name}.x", f"{name}.w"], [f"{name}.c"], name=name, group=groups),
            helper.make_node("Relu", [f"{name}.c"], [f"{name}.y"], name=f"{name}.relu"),
        ]
        x = f"{name}.y"
    return build(nodes, {"x": (TensorProto.FLOAT, (1, 3, 8, 8))}, [x], arrays)


def test_quantized_weights_scales_and_zero_points(build):
    """The integers that stay are those of the file, and what the masked model computes is the same bits."""
    found = pruned(load(quantized(build)), PruneOptions(0.5, "l1"))
    assert channels(found.model) == {"a": 4, "d": 4, "b": 5}
    x = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)
    assert np.array_equal(output(found.model, x), output(found.masked, x))
    ops = list(found.model.main.body.block.ops)
    weights = [op.w.owner for op in ops if isinstance(op, nn.ConvOp)]
    assert [op.name for op in weights] == ["qnn.dequantize"] * 3
    assert [nn.tensor_of(op.s).get_shape() for op in weights] == [(4,), (4,), (5,)]
    assert all(isinstance(value.owner, nn.ConstantOp) for op in weights for value in op.operands)
    assert str(nn.tensor_of(weights[1].x)) == "tensor<4x1x3x3xi8>"


def test_policies_and_single_ratios(residual):
    kept = channels(prune(residual, 0.5, ratios={"inner": 0}))
    assert kept == {"stem": 4, "inner": 12, "outer": 4}
    everything = channels(prune(residual, policy="global", threshold=1e9))
    assert everything == {"stem": 1, "inner": 1, "outer": 1}
    assert channels(prune(residual, 0.5, round=8)) == {"stem": 8, "inner": 8, "outer": 8}
    assert channels(prune(residual, 0.5, round="lanes", target="x86-64-v3"))["inner"] == 8
    assert channels(prune(residual, 0.5, round="lanes", target="x86-64"))["inner"] == 8


def test_a_module_of_torch(worst):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    layers = torch.nn
    module = layers.Sequential(
        layers.Conv2d(3, 8, 3), layers.BatchNorm2d(8), layers.ReLU(), layers.Flatten(), layers.Linear(288, 4)
    )
    x = torch.randn(2, 3, 8, 8)
    small = prune(module, 0.5, score="gamma", example_inputs=(x,))
    assert list(channels(small).values()) == [4]
    masked = module.eval()
    with torch.no_grad():
        order = np.argsort(np.abs(masked[1].weight.numpy()), kind="stable")[:4]
        hidden = masked[2](masked[1](masked[0](x)))
        hidden[:, order] = 0
        expected = masked[4](masked[3](hidden)).numpy()
    assert worst(output(small, x.numpy()), expected) < 1e-5


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros((2, 3, 8, 7), np.float32), "shape is [2, 3, 8, 7], expected [N, 3, 8, 8]"),
        (np.zeros((3, 8, 8), np.float32), "shape is [3, 8, 8], expected [N, 3, 8, 8]"),
        (np.zeros((1, 3, 8, 8), np.float32), "1 samples, expected at least 2, one batch"),
        (np.zeros((0, 3, 8, 8), np.float32), "0 samples, expected at least 2, one batch"),
        (np.zeros((2, 3, 8, 8)), "dtype is float64, expected float32"),
        (np.full((2, 3, 8, 8), np.nan, np.float32), "holds NaN, expected finite numbers"),
        (np.full((2, 3, 8, 8), -np.inf, np.float32), "holds an infinity, expected finite numbers"),
    ],
)
def test_bad_data(residual, array, expected):
    with pytest.raises(TenonError) as caught:
        prune(residual, score="attention", data={"x": array})
    assert str(caught.value) == f"calibration data: input 'x': {expected}"


def test_missing_data(residual, images):
    with pytest.raises(
        TenonError, match="^score 'attention' needs calibration data, expected data for each input$"
    ):
        prune(residual, score="attention")
    with pytest.raises(
        TenonError, match="^calibration data: there is no array for input x: 2x3x8x8 float32$"
    ):
        prune(residual, data={})
    with pytest.raises(TenonError, match="^calibration data: no input 'z', the model's inputs are: x$"):
        prune(residual, data={"x": images, "z": images})


def test_data_and_masks_of_other_kinds(residual, images):
    for options, expected in (
        ({"data": images}, "calibration data: is a ndarray, expected a table of arrays by input name"),
        ({"data": {"x": [[1.0], [1.0, 2.0]]}}, "calibration data: input 'x': is no array"),
        ({"masks": ["stem"]}, "masks are a list, expected a table of groups and their channels"),
        ({"masks": {"stem": [1.5]}}, "masks: group 'stem' loses [1.5], expected numbers of channels"),
        ({"masks": {"stem": "12"}}, "masks: group 'stem' loses '12', expected numbers of channels"),
    ):
        with pytest.raises(TenonError) as caught:
            prune(residual, **options)
        assert str(caught.value) == expected
    orders = (np.array([3, 1]), [1, 3, 3], {1, 3})
    assert len({str(prune(residual, masks={"stem": order}).module) for order in orders}) == 1


@pytest.mark.parametrize("ratio", [-0.1, 1.0, 1.5, float("nan"), float("inf")])
def test_bad_ratio(residual, ratio):
    with pytest.raises(UsageError, match=f"^ratio is {ratio}, expected a number from 0 to below 1$"):
        prune(residual, ratio)
    with pytest.raises(
        UsageError, match=f"^the ratio of 'inner' is {ratio}, expected a number from 0 to below"
    ):
        prune(residual, ratios={"inner": ratio})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"score": "l3"}, "criterion is 'l3', expected one of attention, l1, l2, gamma, random"),
        ({"policy": "own"}, "policy is 'own', expected one of uniform, percentile, global, weighted"),
        ({"round": "some"}, "round is 'some', expected a number or lanes"),
        ({"round": 0}, "round is 0, expected at least 1"),
        ({"power": 0}, "power is 0, expected a number above 0 and below 100"),
        ({"ratio": "half"}, "ratio is 'half', expected a number from 0 to below 1"),
        ({"ratios": ["stem"]}, "ratios is ['stem'], expected a table of groups and their ratios"),
        ({"threshold": 0.1}, "threshold is 0.1, which policy uniform has not"),
        (
            {"ratios": {"no": 0.5}},
            "ratios has 'no=0.5', expected group=ratio with one of the groups stem, inner",
        ),
    ],
)
def test_bad_options(residual, options, expected):
    with pytest.raises(UsageError) as caught:
        prune(residual, **options)
    assert str(caught.value) == expected


def test_gamma_of_folded_norms(residual, build):
    from onnx import TensorProto, helper

    node = [
        helper.make_node("Conv", ["x", "w"], ["h"], name="c"),
        helper.make_node("Conv", ["h", "v"], ["y"]),
    ]
    rng = np.random.default_rng(0)
    arrays = {"w": rng.normal(size=(4, 3, 1, 1)), "v": rng.normal(size=(4, 4, 1, 1))}
    weights = {name: array.astype(np.float32) for name, array in arrays.items()}
    model = load(build(node, {"x": (TensorProto.FLOAT, (1, 3, 4, 4))}, ["y"], weights))
    with pytest.raises(
        TenonError, match="^criterion 'gamma': group @c passes no batch norm .*; use another$"
    ):
        prune(model, score="gamma")


def by_hand(model, *members: tuple[str, int], extent: int) -> None:
    found = [dialect.MemberAttr.of(name, axis, np.arange(extent)[:, None]) for name, axis in members]
    first = model.module.body.block.first_op
    model.module.body.block.insert_op_before(dialect.GroupOp("mine", extent, found), first)


@pytest.mark.parametrize(
    ("members", "extent", "expected"),
    [
        (
            (("stem", 1),),
            8,
            "group @mine leaves out 'stem.norm' axis 1, whose positions [0] leave with a channel",
        ),
        ((("inner", 1),), 13, "group @mine: 'inner' axis 1 has 12 positions, the group names 12"),
        ((("nowhere", 1),), 4, "group @mine: there is no value 'nowhere'"),
        ((("y", 1),), 5, "group @mine cannot shrink: output 'y'; expected pinned"),
    ],
)
def test_a_group_by_hand_that_contradicts_the_graph(residual, members, extent, expected):
    by_hand(residual, *members, extent=extent)
    with pytest.raises(TenonError) as caught:
        prune(residual)
    assert str(caught.value) == expected


def test_a_group_by_hand_ties_more(residual):
    """Eight of twelve channels of the block are not tied to those of the stem; all of theirs are."""
    names = ("inner", "inner.norm", "inner.relu")
    by_hand(residual, *((name, 1) for name in names), extent=12)
    found = pruned(residual, PruneOptions(0.5, "l1"))
    assert [group.name for group in found.groups][0] == "mine"
    assert channels(found.model)["inner"] == 6

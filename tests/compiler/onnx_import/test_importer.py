"""Names, locations, shape binding, folding and external weights of an imported model."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.dialects.builtin import NameLoc, StringAttr

from tenonc.compiler import TenonError, UsageError, load, run_reference

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def test_names_and_locations(build):
    nodes = [
        helper.make_node("Relu", ["in:0"], ["hidden/act"], name="block/act"),
        helper.make_node("Tanh", ["hidden/act"], ["out"]),
    ]
    model = load(build(nodes, {"in:0": (FLOAT, [2])}, ["out"]))
    assert [port.name for port in model.inputs] == ["in:0"]
    assert [port.name for port in model.outputs] == ["out"]
    assert model.main.arg_attrs.data[0].data["tenon.name"] == StringAttr("in:0")
    assert model.main.res_attrs.data[0].data["tenon.name"] == StringAttr("out")
    first, second, _ = model.main.body.block.ops
    assert isinstance(first.location, NameLoc) and first.location.desc.data == "block/act"
    assert second.location.desc.data == "Tanh_1"
    assert first.results[0].name_hint == "hidden_act"
    assert model.values["hidden/act"] is first.results[0]


def test_sources_agree(relu, tmp_path):
    path = tmp_path / "m.onnx"
    onnx.save(relu, path)
    texts = {str(load(source).module) for source in (relu, relu.SerializeToString(), path, str(path))}
    assert len(texts) == 1


def test_nodes_in_any_order(build):
    nodes = [helper.make_node("Neg", ["h"], ["y"]), helper.make_node("Relu", ["x"], ["h"])]
    model = load(build(nodes, {"x": (FLOAT, [2])}, ["y"]))
    found = run_reference(model, {"x": np.array([-1, 2], np.float32)})
    np.testing.assert_array_equal(found["y"], [0, -2])


@pytest.fixture
def symbolic(build):
    node = helper.make_node("Add", ["a", "b"], ["y"])
    return build([node], {"a": (FLOAT, ["N", 3]), "b": (FLOAT, ["N", None])}, ["y"])


@pytest.mark.parametrize(
    "options",
    [
        {"dims": {"N": 2}, "shapes": {"b": [2, 3]}},
        {"shapes": {"a": [2, 3], "b": [2, 3]}},
        {"shapes": {"b": (2, 3)}},
    ],
)
def test_symbolic_dimensions_are_bound(symbolic, options):
    assert [port.shape for port in load(symbolic, **options).inputs] == [(2, 3), (2, 3)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "input 'a': dimension 0 ('N') is symbolic: give it (--dim N=1) or the shape (--shape a=1,...)"),
        ({"dims": {"N": 2}}, "input 'b': dimension 1 is unknown: give the input's shape (--shape b=1,...)"),
        ({"dims": {"M": 2}}, "dimension 'M' is given, the model's symbolic dimensions are: N"),
        ({"shapes": {"c": [1]}}, "a shape is given for 'c', the model's inputs are: a, b"),
        ({"shapes": {"a": [1]}}, "input 'a': the given shape [1] has rank 1, expected 2"),
        ({"shapes": {"a": [1, 4], "b": [1, 3]}}, "input 'a': dimension 1 is 3 in the model, given as 4"),
        ({"shapes": {"a": [1, 3], "b": [2, 3]}}, "input 'b': dimension 'N' is given as 2 and as 1"),
        ({"dims": {"N": -1}, "shapes": {"b": [-1, 3]}}, "input 'a': shape [-1, 3] has a negative dimension"),
    ],
)
def test_wrong_binding(symbolic, options, text):
    with pytest.raises(TenonError) as caught:
        load(symbolic, **options)
    assert str(caught.value) == text
    usage = "symbolic:" not in text and "unknown:" not in text and "negative" not in text
    assert isinstance(caught.value, UsageError) == usage


def test_input_without_shape(build):
    model = build([helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, None)}, ["y"])
    assert load(model, shapes={"x": [2, 2]}).outputs[0].shape == (2, 2)
    with pytest.raises(TenonError, match=r"input 'x': has no shape: give it \(--shape x=1,...\)"):
        load(model)


def test_initializer_listed_as_input_is_a_constant(build):
    inputs = {"x": (FLOAT, [2]), "w": (FLOAT, [2])}
    weights = {"w": np.array([1, 2], np.float32)}
    model = load(build([helper.make_node("Add", ["x", "w"], ["y"])], inputs, ["y"], weights))
    assert [port.name for port in model.inputs] == ["x"]


def test_shape_arithmetic_is_folded(build):
    """The chain exporters write for x.reshape(x.shape[0], -1, 2 * x.shape[2])."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Gather", ["s", "two"], ["w"]),
        helper.make_node("Mul", ["w", "two"], ["w2"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
        helper.make_node("Unsqueeze", ["w2", "axis"], ["w21"]),
        helper.make_node("Concat", ["n1", "rest", "w21"], ["t"], axis=0),
        helper.make_node("Cast", ["t"], ["t32"], to=TensorProto.INT32),
        helper.make_node("Cast", ["t32"], ["t64"], to=INT64),
        helper.make_node("Reshape", ["x", "t64"], ["y"]),
    ]
    constants = {
        "zero": np.array(0), "two": np.array(2), "axis": np.array([0]), "rest": np.array([-1]),
    }  # fmt: skip
    model = load(build(nodes, {"x": (FLOAT, ["N", 6, 4])}, ["y"], constants), dims={"N": 5})
    assert model.outputs[0].shape == (5, 3, 8)
    assert [op.name for op in model.main.body.block.ops] == ["nn.reshape", "func.return"]


def test_more_index_arithmetic(build):
    """Range, ConstantOfShape, Expand, Slice, Div, Where and Equal on known integers leave no op behind."""
    nodes = [
        helper.make_node("Range", ["zero", "six", "two"], ["r"]),
        helper.make_node(
            "ConstantOfShape", ["three"], ["ones"], value=helper.make_tensor("v", INT64, [1], [1])
        ),
        helper.make_node("Add", ["r", "ones"], ["odd"]),
        helper.make_node("Div", ["odd", "two"], ["half"]),
        helper.make_node("Equal", ["half", "zero"], ["is_zero"]),
        helper.make_node("Where", ["is_zero", "minus", "half"], ["shape"]),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    constants = {
        "zero": np.array(0), "six": np.array(6), "two": np.array(2), "minus": np.array(-1),
        "three": np.array([3]),
    }  # fmt: skip
    model = load(build(nodes, {"x": (FLOAT, [12])}, ["y"], constants))
    assert model.outputs[0].shape == (6, 1, 2)
    assert [op.name for op in model.main.body.block.ops] == ["nn.reshape", "func.return"]


def test_endless_range(build):
    nodes = [helper.make_node("Range", ["a", "b", "c"], ["y"], name="r")]
    for step, text in ((0, "never ends"), (1, "at most 1048576 are computed on import")):
        constants = {"a": np.array(0), "b": np.array(2**40), "c": np.array(step)}
        with pytest.raises(TenonError, match=text):
            load(build(nodes, {}, ["y"], constants))


@pytest.mark.parametrize(
    "dtype", [np.float32, np.float64, np.float16, np.int8, np.int32, np.int64, np.uint8, bool]
)
def test_constants_of_every_dtype_raw_and_typed(build, dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    code = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    values = array.view(np.uint16) if dtype == np.float16 else array
    typed = helper.make_tensor("t", code, array.shape, values.reshape(-1).tolist())
    if dtype == np.float16:
        typed = TensorProto(
            name="t", data_type=code, dims=array.shape, int32_data=values.reshape(-1).tolist()
        )
    raw = numpy_helper.from_array(array, "t")
    for tensor in (typed, raw):
        model = build([helper.make_node("Identity", ["t"], ["y"])], {}, ["y"])
        model.graph.initializer.append(tensor)
        found = run_reference(load(model), {})["y"]
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("attribute", "value", "dtype"),
    [
        ("value_float", 1.5, np.float32),
        ("value_ints", [1, 2], np.int64),
        ("value", numpy_helper.from_array(np.array([[3]], np.int32)), np.int32),
    ],
)
def test_constant_node(build, attribute, value, dtype):
    model = build([helper.make_node("Constant", [], ["y"], **{attribute: value})], {}, ["y"])
    assert load(model).outputs[0].dtype == dtype


def test_external_data(build, tmp_path):
    weight = np.arange(4, dtype=np.float32).reshape(2, 2)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"head" + weight.tobytes())
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[2, 2], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "data/w.bin"), ("offset", "4"), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    proto = build([helper.make_node("Add", ["x", "w"], ["y"])], {"x": (FLOAT, [2, 2])}, ["y"])
    proto.graph.initializer.append(tensor)
    onnx.save_model(proto, tmp_path / "m.onnx")
    found = run_reference(load(tmp_path / "m.onnx"), {"x": np.zeros((2, 2), np.float32)})
    np.testing.assert_array_equal(found["y"], weight)


def test_output_may_be_an_input_or_constant(build):
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    model = load(build(nodes, {"x": (FLOAT, [2])}, ["y", "w"], {"w": np.ones(20, np.float32)}))
    found = run_reference(model, {"x": np.array([1, 2], np.float32)})
    np.testing.assert_array_equal(found["y"], [1, 2])
    np.testing.assert_array_equal(found["w"], np.ones(20))


def test_hostile_names_stay_on_one_line(build):
    node = helper.make_node("Multinomial", ["x"], ["y"], name="a\nb\x1b[2J")
    with pytest.raises(TenonError) as caught:
        load(build([node], {"x": (FLOAT, [1])}, ["y"]))
    assert str(caught.value) == r"unsupported ops: Multinomial ('a\nb\x1b[2J')"

"""Ops that are imported as the body of a function: of the model's own, and of ONNX's operator schemas."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from xdsl.dialects.builtin import NameLoc

from tenonc.compiler import TenonError, load

FLOAT = TensorProto.FLOAT
X = {"x": np.linspace(-3, 3, 12, dtype=np.float32).reshape(2, 6)}


def with_functions(build, nodes, functions, outputs=("y",), initializers=None) -> onnx.ModelProto:
    model = build(nodes, {"x": (FLOAT, [2, 6])}, outputs, initializers, opset=18)
    model.functions.extend(functions)
    for domain in {function.domain for function in functions} - {""}:
        model.opset_import.add(domain=domain, version=1)
    return model


def function(name, inputs, outputs, nodes, attributes=(), defaults=(), domain="my", opset=18):
    imports = [helper.make_opsetid("", opset), helper.make_opsetid(domain, 1)]
    return helper.make_function(domain, name, inputs, outputs, nodes, imports, attributes, defaults)


def scaled_elu() -> onnx.FunctionProto:
    """elu(x, alpha), where alpha is an attribute of the function with a default."""
    elu = helper.make_node("Elu", ["x"], ["e"])
    elu.attribute.append(
        onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    )
    return function("Act", ["x"], ["e"], [elu], (), [helper.make_attribute("slope", 0.5)])


@pytest.mark.parametrize("attributes", [{}, {"slope": 2.0}])
def test_attributes_of_the_function(build, like_onnxruntime, attributes):
    node = helper.make_node("Act", ["x"], ["y"], domain="my", name="outer", **attributes)
    model = with_functions(build, [node], [scaled_elu()])
    imported = like_onnxruntime(model, X)
    names = {op.location.desc.data for op in imported.main.body.block.ops if isinstance(op.location, NameLoc)}
    assert names == {"outer"}


def test_reference_to_an_attribute_left_out(build, like_onnxruntime):
    """The node in the body then has its own default."""
    elu = helper.make_node("Elu", ["x"], ["y"])
    elu.attribute.append(
        onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    )
    model = with_functions(
        build,
        [helper.make_node("Act", ["x"], ["y"], domain="my")],
        [function("Act", ["x"], ["y"], [elu], ["slope"])],
    )
    like_onnxruntime(model, X)


def test_nested_functions_with_several_outputs(build, like_onnxruntime):
    inner = function(
        "Both", ["a"], ["up", "down"],
        [helper.make_node("Relu", ["a"], ["up"]), helper.make_node("Neg", ["a"], ["down"])],
    )  # fmt: skip
    outer = function(
        "Twice", ["a"], ["s"],
        [
            helper.make_node("Both", ["a"], ["p", "q"], domain="my"),
            helper.make_node("Both", ["q"], ["r", ""], domain="my"),
            helper.make_node("Sub", ["p", "r"], ["s"]),
        ],
    )  # fmt: skip
    nodes = [helper.make_node("Twice", ["x"], ["y"], domain="my")]
    like_onnxruntime(with_functions(build, nodes, [inner, outer]), X)


def test_overloads_and_older_opset_of_a_body(build):
    """Two functions of one name; the second is written in opset 11, where Softmax sees a matrix."""
    first = function("F", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])])
    second = function("F", ["a"], ["b"], [helper.make_node("Softmax", ["a"], ["b"])], opset=11)
    second.overload = "old"
    call = helper.make_node("F", ["x"], ["y"], domain="my", overload="old")
    model = with_functions(build, [call], [first, second])
    names = [op.name for op in load(model).main.body.block.ops]
    assert "nn.softmax" in names and "nn.elementwise" not in names


@pytest.mark.parametrize("opset", [5, 999, 2**62])
def test_opset_of_a_body_outside(build, opset):
    body = function("F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], opset=opset)
    model = with_functions(build, [helper.make_node("F", ["x"], ["y"], domain="my")], [body])
    with pytest.raises(TenonError, match=f"function 'F': opset {opset} is outside 6 to"):
        load(model)


def test_optional_input_left_out(build, like_onnxruntime):
    body = [helper.make_node("Clip", ["a", "low", "high"], ["b"])]
    clip = function("MyClip", ["a", "low", "high"], ["b"], body)
    node = helper.make_node("MyClip", ["x", "", "one"], ["y"], domain="my")
    like_onnxruntime(with_functions(build, [node], [clip], initializers={"one": np.float32(1)}), X)


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([("F", "my", ["a"], ["b"])], "node 'F_0' (F): node 'F_0' (F): function my.F calls itself"),
        ([("RandomNormalLike", "", ["a"], ["b"])], "unsupported ops: RandomNormalLike ('"),
        ([("Relu", "", ["q"], ["b"])], "node 'F_0' (F): node 'Relu_0' (Relu) reads 'q', which is no input"),
        ([("Relu", "", ["a"], ["c"])], "node 'F_0' (F): output 'b' is made by no node"),
    ],
)
def test_wrong_bodies(build, nodes, text):
    body = [helper.make_node(op, ins, outs, domain=domain) for op, domain, ins, outs in nodes]
    call = helper.make_node("F", ["x"], ["y"], domain="my")
    with pytest.raises(TenonError) as caught:
        load(with_functions(build, [call], [function("F", ["a"], ["b"], body)]))
    assert text in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ({"inputs": ["x", "x"]}, "has 2 inputs and 1 outputs, function my.F has 1 and 1"),
        ({"bogus": 1}, "unknown attribute 'bogus' of function my.F"),
    ],
)
def test_wrong_calls(build, call, text):
    inputs = call.pop("inputs", ["x"])
    node = helper.make_node("F", inputs, ["y"], domain="my", **call)
    body = function("F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])])
    with pytest.raises(TenonError) as caught:
        load(with_functions(build, [node], [body]))
    assert text in str(caught.value)


def test_expansion_is_bounded(build, monkeypatch):
    """Each function calls the next twice: 2^20 nodes from twenty small functions."""
    from tenonc.compiler.onnx_import import walk

    monkeypatch.setattr(walk, "MAX_NODES", 1000)

    def level(n: int):
        inner = [(f"F{n + 1}", "my")] * 2 if n < 20 else [("Relu", ""), ("Relu", "")]
        nodes = [
            helper.make_node(op, [source], [made], domain=domain)
            for (op, domain), source, made in zip(inner, ("a", "t"), ("t", "b"), strict=True)
        ]
        return function(f"F{n}", ["a"], ["b"], nodes)

    model = with_functions(
        build, [helper.make_node("F0", ["x"], ["y"], domain="my")], [level(n) for n in range(21)]
    )
    with pytest.raises(TenonError, match="the model has more than 1000 nodes"):
        load(model)


def test_function_declared_twice(build):
    body = [helper.make_node("Relu", ["a"], ["b"])]
    model = with_functions(
        build, [helper.make_node("F", ["x"], ["y"], domain="my")], [function("F", ["a"], ["b"], body)] * 2
    )
    with pytest.raises(TenonError, match="function 'F' of domain 'my' is declared twice"):
        load(model)


SCHEMA_FUNCTIONS = [
    # op without a rule here -> defined by its schema; attributes; opset
    ("MeanVarianceNormalization", {"axes": [1]}, 18),
    ("Shrink", {"lambd": 0.5, "bias": 0.25}, 18),
]


@pytest.mark.parametrize(("op", "attributes", "opset"), SCHEMA_FUNCTIONS)
def test_schema_functions(one_op, like_onnxruntime, op, attributes, opset, monkeypatch):
    from tenonc.compiler.onnx_import import walk

    monkeypatch.delitem(walk.RULES, op, raising=False)
    imported = like_onnxruntime(one_op(op, X, opset=opset, **attributes), X)
    assert {op.location.desc.data for op in imported.main.body.block.ops if op.results} == {"n"}


def test_schema_function_that_depends_on_types(one_op, like_onnxruntime, monkeypatch):
    from tenonc.compiler.onnx_import import walk

    for op in ("LayerNormalization", "Clip"):
        monkeypatch.delitem(walk.RULES, op, raising=False)
    scale = {"s": np.linspace(1, 2, 6, dtype=np.float32)}
    like_onnxruntime(one_op("LayerNormalization", X, scale, opset=17), X)
    bounds = {"low": np.float32(-1), "high": np.float32(2)}
    like_onnxruntime(one_op("Clip", X, bounds), X)

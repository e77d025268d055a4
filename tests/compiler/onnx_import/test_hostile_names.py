"""Names of any length and content: they reach nothing but the IR's attributes, in bounded size."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from xdsl.parser import Parser

from tenonc.compiler import TenonError, compile, load
from tenonc.compiler.pipeline import context

NAMES = {
    "path": "../../../etc/passwd",
    "html": "<script>alert('x')</script>&amp;",
    "control": "a\nb\r\x1b[2J\x7f\t",
    "right to left": "\u202egnp.exe",
    "quotes": '"\'`\\" %s {0} ; @main(',
    "long": "x" * 100_000,
    "many words": "very long " * 10_000,
    "emoji": "🦊" * 500,
    "space": " ",
}


def named(name: str):
    """x -> relu(x * w), where everything is called `name` or begins so."""
    weight = numpy_helper.from_array(np.array([2, 3], np.float32), f"{name}w")
    nodes = [
        helper.make_node("Mul", [f"{name}x", f"{name}w"], [f"{name}t"], name=name),
        helper.make_node("Relu", [f"{name}t"], [f"{name}y"], name=name),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, name, [info(f"{name}x", TensorProto.FLOAT, [2])], [info(f"{name}y", TensorProto.FLOAT, [2])],
        [weight],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("kind", NAMES)
def test_compiles_to_bounded_code(kind):
    name = NAMES[kind]
    exe = compile(load(named(name)))
    x = np.array([-1, 2], np.float32)
    np.testing.assert_array_equal(exe.run_dict({f"{name}x": x})[f"{name}y"], [0, 6])
    text, code, assembly = (exe.emit(k) for k in ("mlir", "ll", "asm"))
    Parser(context(), text).parse_module()
    # The names of input and output are in @main's attributes; a character may take several in the text.
    assert len(text) < 20_000 + 2 * 12 * len(name)
    assert len(code) < 20_000 and len(assembly) < 20_000
    assert code.isascii() and assembly.isascii()


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("mistake", ["op", "value", "axis", "shape"])
def test_messages_are_short_lines(kind, mistake):
    name = NAMES[kind]
    model = named(name)
    node = model.graph.node[1]
    if mistake == "op":
        node.op_type = f"{name}Op"
    elif mistake == "value":
        node.input[0] = f"{name}missing"
    elif mistake == "axis":
        node.op_type = "Softmax"
        node.attribute.append(helper.make_attribute("axis", 7))
    else:
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = name
    with pytest.raises(TenonError) as caught:
        load(model)
    line = str(caught.value)
    assert len(line) < 2500 and line.isprintable()


def test_many_unsupported_nodes_are_counted(build):
    nodes = [helper.make_node("Multinomial", ["x"], [f"v{i}"], name=f"n{i}") for i in range(5000)]
    with pytest.raises(TenonError) as caught:
        load(build(nodes, {"x": (TensorProto.FLOAT, [1])}, ["v0"]))
    assert str(caught.value).endswith("'n7' and 4992 more)")


def test_one_name_for_all_nodes(build):
    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"], name="same") for i in range(5)]
    exe = compile(load(build(nodes, {"v0": (TensorProto.FLOAT, [2])}, ["v5"])))
    np.testing.assert_array_equal(exe(np.array([-1, 2], np.float32))[0], [0, 2])

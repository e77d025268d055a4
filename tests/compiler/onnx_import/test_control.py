"""If, Loop, Scan and sequences against onnxruntime."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc.compiler import TenonError, load

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
RNG = np.random.default_rng(3)
X = {"x": RNG.standard_normal((4, 3)).astype(np.float32)}
node, info = helper.make_node, helper.make_tensor_value_info


def graph(nodes, outputs, inputs=(), initializers=None):
    """A subgraph; inputs and outputs are names or (name, element type, shape)."""

    def typed(value):
        return info(*value) if isinstance(value, tuple) else info(value, FLOAT, None)

    tensors = [numpy_helper.from_array(np.asarray(a), n) for n, a in (initializers or {}).items()]
    return helper.make_graph(nodes, "sub", [*map(typed, inputs)], [*map(typed, outputs)], tensors)


def branches(**kwargs):
    return {
        "then_branch": graph([node("Relu", ["x"], ["a"])], ["a"], **kwargs),
        "else_branch": graph([node("Mul", ["x", "two"], ["b"])], ["b"], **kwargs),
    }


@pytest.mark.parametrize("taken", [True, False])
def test_if_of_a_known_condition(build, like_onnxruntime, taken):
    """Only one branch is in the code; both read a value of the graph around."""
    model = build(
        [node("If", ["c"], ["y"], **branches())], {"x": (FLOAT, [4, 3])}, ["y"],
        {"c": np.array(taken), "two": np.float32(2)},
    )  # fmt: skip
    imported = like_onnxruntime(model, X)
    assert [op.name for op in imported.main.body.block.ops].count("nn.elementwise") == 1


@pytest.mark.parametrize("taken", [True, False])
def test_if_of_a_runtime_condition(build, like_onnxruntime, taken):
    inputs = {"x": (FLOAT, [4, 3]), "c": (BOOL, [1])}
    model = build([node("If", ["c"], ["y"], **branches())], inputs, ["y"], {"two": np.float32(2)})
    like_onnxruntime(model, X | {"c": np.array([taken])})


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ([node("ReduceSum", ["x"], ["b"])], "since the branches give tensor<4x3xf32> and tensor<1x1xf32>"),
        (
            [node("Cast", ["x"], ["i"], to=INT64), node("Div", ["i", "i"], ["q"]),
             node("Cast", ["q"], ["b"], to=FLOAT)],
            "since a branch divides integers",
        ),
    ],
)  # fmt: skip
def test_branches_that_cannot_both_be_computed(build, other, text):
    both = {"then_branch": graph([node("Relu", ["x"], ["a"])], ["a"]), "else_branch": graph(other, ["b"])}
    model = build([node("If", ["c"], ["y"], **both)], {"x": (FLOAT, [4, 3]), "c": (BOOL, [])}, ["y"])
    with pytest.raises(TenonError) as caught:
        load(model)
    assert text in str(caught.value) and "bind it (--constant c=FILE.npy)" in str(caught.value)


def loop_body(stop_at=None):
    """sum += x * i; collects the sum; goes on as long as i < stop_at."""
    nodes = [
        node("Cast", ["i"], ["f"], to=FLOAT), node("Mul", ["x", "f"], ["p"]), node("Add", ["s", "p"], ["t"]),
        node("Identity", ["t"], ["row"]),
    ]  # fmt: skip
    if stop_at is None:
        nodes.append(node("Identity", ["c"], ["again"]))
    else:
        nodes.append(node("Less", ["i", "last"], ["again"]))
    return graph(
        nodes, [("again", BOOL, []), "t", ("row", FLOAT, [4, 3])], [("i", INT64, []), ("c", BOOL, []), "s"],
        {} if stop_at is None else {"last": np.array(stop_at)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("trips", "condition", "stop_at"),
    [(3, True, None), (0, True, None), (5, False, None), (9, True, 2), (None, True, 3), (20, None, None)],
)
def test_loop(build, like_onnxruntime, trips, condition, stop_at):
    """By trip count, by condition, by both; one value carried, one collected."""
    constants = {"zero": np.zeros((4, 3), np.float32)}
    names = ["", "", "zero"]
    for position, (name, value) in enumerate((("m", trips), ("c0", condition))):
        if value is not None:
            constants[name], names[position] = np.array(value), name
    model = build(
        [node("Loop", names, ["y", "rows"], body=loop_body(stop_at))], {"x": (FLOAT, [4, 3])}, ["y", "rows"],
        constants,
    )  # fmt: skip
    like_onnxruntime(model, X)


def test_long_loop_runs(build, like_onnxruntime):
    """Not unrolled; a captured value, a constant in the body, a slice that depends on the iteration."""
    nodes = [
        node("Gather", ["x", "i4"], ["row"], axis=0), node("Mul", ["s", "decay"], ["d"]),
        node("Add", ["d", "row"], ["t"]), node("Identity", ["c"], ["again"]),
        node("Relu", ["t"], ["kept"]),
    ]  # fmt: skip
    nodes.insert(0, node("Mod", ["i", "four"], ["i4"]))
    body = graph(
        nodes, [("again", BOOL, []), "t", "kept"], [("i", INT64, []), ("c", BOOL, []), "s"],
        {"decay": np.float32(0.5)},
    )  # fmt: skip
    model = build(
        [node("Loop", ["m", "", "zero"], ["y", "rows"], body=body)], {"x": (FLOAT, [4, 3])}, ["y", "rows"],
        {"m": np.array(40), "zero": np.zeros(3, np.float32), "four": np.array(4)},
    )  # fmt: skip
    imported = like_onnxruntime(model, X)
    assert "nn.scan" in [op.name for op in imported.main.body.block.ops]


def test_long_loop_that_must_be_unrolled(build, like_onnxruntime):
    """The iteration number is a shape: it must be known."""
    nodes = [
        node("Identity", ["c"], ["again"]), node("Mul", ["i", "zero"], ["none"]),
        node("Reshape", ["none", "one"], ["extra"]), node("Concat", ["extra", "minus"], ["shape"], axis=0),
        node("Reshape", ["s", "shape1"], ["r"]), node("Relu", ["r"], ["t"]),
    ]  # fmt: skip
    nodes[4] = node("Slice", ["s", "extra", "minus", "zeros"], ["cut"])
    nodes.insert(5, node("Concat", ["cut", "s"], ["both"], axis=0))
    nodes[6] = node("Slice", ["both", "zeros", "three", "zeros"], ["t"])
    body = graph(nodes, [("again", BOOL, []), "t"], [("i", INT64, []), ("c", BOOL, []), "s"])
    constants = {
        "zero": np.array(0), "one": np.array([1]), "minus": np.array([-1]), "zeros": np.array([0]),
        "three": np.array([3]), "start": np.ones(3, np.float32),
    }  # fmt: skip
    call = node("Loop", ["m", "", "start"], ["y"], name="l", body=body)
    inputs = {"x": (FLOAT, [4, 3])}
    long = build([call], inputs, ["y"], constants | {"m": np.array(18)})
    assert "nn.scan" not in [op.name for op in load(long).main.body.block.ops]
    with pytest.raises(TenonError, match="a loop of 5000 iterations, more than 1024, cannot be unrolled"):
        load(build([call], inputs, ["y"], constants | {"m": np.array(5000)}))


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"scan_input_directions": [1, 0]},
        {"scan_input_axes": [1, 0], "scan_output_axes": [1], "scan_output_directions": [1]},
    ],
)
def test_long_scan_runs(build, like_onnxruntime, attributes):
    """As test_scan, over 20 steps."""
    assert "nn.scan" in scanned(build, like_onnxruntime, attributes, 20)


def test_loop_locations(build):
    constants = {"zero": np.zeros((4, 3), np.float32), "m": np.array(2)}
    model = build(
        [node("Loop", ["m", "", "zero"], ["y"], name="l", body=loop_body())], {"x": (FLOAT, [4, 3])}, ["y"],
        constants,
    )  # fmt: skip
    names = [op.location.desc.data for op in load(model).main.body.block.ops if op.name == "nn.elementwise"]
    assert names == ["l/0/Mul_1", "l/0/Add_2", "l/1/Mul_1", "l/1/Add_2"]


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (["n", "", "x"], "the trip count must be known at compile time but depends on input 'n'"),
        (["", "", "x"], "the loop runs more than the"),
        (["", "c0", "x"], "the condition must be known at compile time but depends on input 'c0'"),
    ],
)
def test_loops_without_known_course(build, inputs, text):
    given = {"x": (FLOAT, [4, 3]), "n": (INT64, []), "c0": (BOOL, [])}
    model = build([node("Loop", inputs, ["y"], body=loop_body())], given, ["y"], {"many": np.array(10**6)})
    with pytest.raises(TenonError) as caught:
        load(model)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"scan_input_directions": [1, 0]},
        {"scan_input_axes": [1, 0], "scan_output_axes": [1], "scan_output_directions": [1]},
    ],
)
def test_scan(build, like_onnxruntime, attributes):
    """Two scanned inputs and a captured value; axes and directions."""
    assert "nn.scan" not in scanned(build, like_onnxruntime, attributes, 3)


def scanned(build, like_onnxruntime, attributes, steps) -> list[str]:
    """The ops of a model with one scan, after comparing it with onnxruntime."""
    body = graph(
        [node("Mul", ["a", "b"], ["p"]), node("Add", ["s", "p"], ["t"]), node("Mul", ["t", "two"], ["row"])],
        ["t", "row"], ["s", "a", "b"],
    )  # fmt: skip
    axes = attributes.get("scan_input_axes", [0, 0])
    shapes = [(steps, 5) if axis == 0 else (5, steps) for axis in axes]
    arrays = {n: RNG.standard_normal(s).astype(np.float32) for n, s in zip("ab", shapes, strict=True)}
    arrays["s0"] = RNG.standard_normal(5).astype(np.float32)
    call = node("Scan", ["s0", "a", "b"], ["y", "rows"], body=body, num_scan_inputs=2, **attributes)
    inputs = {name: (FLOAT, array.shape) for name, array in arrays.items()}
    model = build([call], inputs, ["y", "rows"], {"two": np.float32(2)})
    return [op.name for op in like_onnxruntime(model, arrays).main.body.block.ops]


def test_nested_subgraphs_capture_from_all_around(build, like_onnxruntime):
    inner = graph([node("Add", ["s", "x"], ["u"]), node("Mul", ["u", "half"], ["v"])], ["v"])
    other = graph([node("Sub", ["s", "x"], ["v2"])], ["v2"])
    body = graph(
        [
            node("Identity", ["c"], ["again"]),
            node("Equal", ["i", "one"], ["odd"]),
            node("If", ["odd"], ["t"], then_branch=inner, else_branch=other),
        ],
        [("again", BOOL, []), "t"], [("i", INT64, []), ("c", BOOL, []), "s"], {"one": np.array(1)},
    )  # fmt: skip
    model = build(
        [node("Loop", ["m", "", "x"], ["y"], body=body)], {"x": (FLOAT, [4, 3])}, ["y"],
        {"m": np.array(3), "half": np.float32(0.5)},
    )  # fmt: skip
    like_onnxruntime(model, X)


def test_sequences(build, like_onnxruntime):
    nodes = [
        node("SplitToSequence", ["x"], ["parts"], axis=0),
        node("SequenceAt", ["parts", "minus"], ["last"]),
        node("Relu", ["last"], ["r"]),
        node("SequenceInsert", ["parts", "r", "zero"], ["more"]),
        node("SequenceErase", ["more", "one"], ["fewer"]),
        node("SequenceLength", ["fewer"], ["n"]),
        node("SequenceConstruct", ["r", "last"], ["pair"]),
        node("ConcatFromSequence", ["pair"], ["z"], axis=0, new_axis=1),
        node("ConcatFromSequence", ["fewer"], ["y"], axis=1),
    ]
    model = build(
        nodes, {"x": (FLOAT, [4, 3])}, ["y", "n", "z"],
        {"minus": np.array(-1), "zero": np.array(0), "one": np.array(1)},
    )  # fmt: skip
    like_onnxruntime(model, X)


@pytest.mark.parametrize("at", [-2, -1, 0, 1, 2])
def test_where_an_element_is_inserted(build, like_onnxruntime, at):
    """A negative position counts from the back: -1 is before the last element."""
    nodes = [
        node("SequenceConstruct", ["x", "y"], ["s"]),
        node("Neg", ["x"], ["n"]),
        node("SequenceInsert", ["s", "n", "at"], ["more"]),
        node("ConcatFromSequence", ["more"], ["z"], axis=0),
    ]
    inputs = {"x": (FLOAT, [4, 3]), "y": (FLOAT, [4, 3])}
    model = build(nodes, inputs, ["z"], {"at": np.array(at)})
    like_onnxruntime(model, {"x": X["x"], "y": X["x"] + 1})


def test_sequence_map_is_a_loop_over_a_list(build, like_onnxruntime):
    body = graph([node("Mul", ["e", "x"], ["o"])], ["o"], ["e"])
    nodes = [
        node("SequenceConstruct", ["x", "w"], ["s"]),
        node("SequenceMap", ["s"], ["t"], body=body),
        node("ConcatFromSequence", ["t"], ["y"], axis=1),
    ]
    model = build(nodes, {"x": (FLOAT, [4, 3])}, ["y"], {"w": np.ones((4, 3), np.float32)})
    imported = load(model)
    assert imported.outputs[0].shape == (4, 6)


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ([node("SequenceConstruct", ["x"], ["y"])], "output 'y' is a sequence, expected a tensor"),
        (
            [node("SequenceConstruct", ["x"], ["s"]), node("Relu", ["s"], ["y"])],
            "node 'Relu_1' (Relu): input 0 is a sequence, expected a tensor",
        ),
        ([node("SequenceAt", ["x", "x"], ["y"])], "input 0 is a tensor, not a sequence"),
        (
            [node("SequenceConstruct", ["x"], ["s"]), node("SequenceAt", ["s", "i"], ["y"])],
            "position 4 is outside of a sequence, expected -1 to 0",
        ),
    ],
)
def test_sequences_that_are_refused(build, nodes, text):
    model = build(nodes, {"x": (FLOAT, [4, 3])}, ["y"], {"i": np.array(4)})
    with pytest.raises(TenonError) as caught:
        load(model)
    assert text in str(caught.value)


def test_sparse_constants(build, like_onnxruntime):
    dense = np.zeros((4, 3), np.float32)
    dense[[0, 3], [1, 2]] = [5, 7]
    values = numpy_helper.from_array(np.array([5, 7], np.float32), "w")
    pairs = numpy_helper.from_array(np.array([[0, 1], [3, 2]]), "i")
    flat = numpy_helper.from_array(np.array([1, 11]), "i")
    sparse = helper.make_sparse_tensor(values, pairs, [4, 3])
    nodes = [
        node("Constant", [], ["c"], sparse_value=helper.make_sparse_tensor(values, flat, [4, 3])),
        node("Add", ["x", "c"], ["d"]), node("Add", ["d", "w"], ["y"]),
    ]  # fmt: skip
    model = build(nodes, {"x": (FLOAT, [4, 3])}, ["y"])
    model.graph.sparse_initializer.append(sparse)
    from tenonc.compiler import run_reference

    np.testing.assert_allclose(run_reference(load(model), X)["y"], X["x"] + 2 * dense, rtol=1e-6)


@pytest.mark.parametrize(
    ("indices", "dims", "text"),
    [
        ([[0, 9], [1, 1]], [4, 3], "an index lies outside of shape [4, 3]"),
        ([1, 12], [4, 3], "an index lies outside of shape [4, 3]"),
        ([1], [4, 3], "2 values and indices of shape [1] of int64 make no sparse tensor of rank 2"),
        ([1, 2], [2**20, 2**12], "is too large to make dense"),
    ],
)
def test_wrong_sparse_constants(build, indices, dims, text):
    values = numpy_helper.from_array(np.array([5, 7], np.float32), "w")
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(np.array(indices), "i"), dims)
    model = build([node("Constant", [], ["y"], sparse_value=sparse)], {}, ["y"])
    with pytest.raises(TenonError) as caught:
        load(model)
    assert text in str(caught.value)

"""`exe.profile()`: every call is listed with its nodes and its work, and the times add up."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc import compiler
from tenonc.compiler.profile import Machine, _sites
from tenonc.compiler.steps import Step, steps_of
from tenonc.dialects.errors import TenonError
from tenonc.targets.bandwidth import bandwidth_for, measure_bandwidth
from tenonc.targets.operations import Work
from tenonc.tools import tenonc

ROWS, DEPTH, WIDTH = 96, 128, 256


@pytest.fixture(scope="module")
def proto():
    """relu(x @ w0) @ w1, then two products of one shape, which share a kernel."""
    rng = np.random.default_rng(0)
    shapes = {"w0": (DEPTH, WIDTH), "w1": (WIDTH, WIDTH), "w2": (WIDTH, WIDTH)}
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="act"),
        helper.make_node("MatMul", ["b", "w1"], ["c"], name="second"),
        helper.make_node("MatMul", ["c", "w2"], ["y"], name="third"),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, [ROWS, DEPTH])],
        [info("y", TensorProto.FLOAT, [ROWS, WIDTH])],
        [numpy_helper.from_array(rng.standard_normal(s).astype(np.float32), n) for n, s in shapes.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def profile(proto):
    return compiler.compile(compiler.load(proto)).profile(seconds=0.3)


def test_every_call_is_listed_with_its_nodes(profile):
    named = [set(site.nodes) for site in profile.sites if site.operations > 1e6]
    assert named == [{"first", "act"}, {"second"}, {"third"}]
    shared = [calls for calls in profile.kernels().values() if len(calls) > 1]
    assert [site.nodes for site in sorted(shared[0], key=profile.sites.index)] == [("second",), ("third",)]


def test_work_is_that_of_the_graph(profile):
    first, second, _ = [site for site in profile.sites if site.operations > 1e6]
    products = 2 * ROWS * DEPTH * WIDTH
    assert products <= first.operations <= products + 3 * ROWS * WIDTH  # the relu, and a start value
    assert second.operations == pytest.approx(2 * ROWS * WIDTH * WIDTH, rel=0.02)
    floats = ROWS * DEPTH + DEPTH * WIDTH + ROWS * WIDTH
    assert first.bytes == pytest.approx(4 * floats, rel=0.01)
    assert first.bound == "compute"


def test_times_add_up(profile):
    assert sum(site.share for site in profile.sites) == pytest.approx(1)
    assert all(site.ms > 0 for site in profile.sites)
    assert 0.5 < profile.total_ms / profile.run_ms < 1.5
    products = [site for site in profile.sites if site.operations > 1e6]
    assert all(0.05 < site.roofline < 2 for site in products)


def test_the_result_is_not_changed(proto):
    exe = compiler.compile(compiler.load(proto))
    x = np.random.default_rng(1).standard_normal((ROWS, DEPTH)).astype(np.float32)
    (before,) = exe(x)
    exe.profile({"x": x}, seconds=0.01)
    np.testing.assert_array_equal(exe(x)[0], before)


def test_wrong_inputs_are_refused(proto):
    with pytest.raises(TenonError, match="no input 'z'"):
        compiler.compile(compiler.load(proto)).profile({"z": np.zeros(1)})


def test_bandwidth_is_that_of_the_next_size():
    assert bandwidth_for({100: 5.0, 1000: 2.0}, 100) == 5.0
    assert bandwidth_for({100: 5.0, 1000: 2.0}, 101) == 2.0
    assert bandwidth_for({100: 5.0, 1000: 2.0}, 10**6) == 2.0
    measured = measure_bandwidth(sizes=(1 << 14, 1 << 20), seconds=0.02)
    assert all(1 < gbytes < 2000 for gbytes in measured.values())


def test_the_roofline_is_the_larger_of_both_times():
    assert Work(10**9, 10**9).seconds(gflops=10, gbytes=1) == 1
    assert Work(10**9, 10**6).seconds(gflops=10, gbytes=1) == 0.1


def test_weights_come_from_where_all_of_them_fit(proto):
    machine = Machine(1.0, {100: 10.0, 1000: 2.0})
    steps = [
        Step("a", (), Work(0, 150), 1, 100),
        Step("b", (), Work(0, 900), 2, 900),
        Step("c", (), Work(80, 50), 1),
    ]
    found = _sites(steps, np.array([110e-9, 900e-9, 100e-9]), machine)
    assert [site.roofline for site in found] == pytest.approx([(50 + 5) / 110, 2 * 450 / 900, 0.8])
    assert [site.bound for site in found] == ["memory", "memory", "compute"]
    module = compiler.compile(compiler.load(proto)).artifact.module
    assert sum(step.weights for step in steps_of(module)) == 4 * (DEPTH * WIDTH + 2 * WIDTH * WIDTH)


def test_the_verb(proto, tmp_path, capsys):
    onnx.save(proto, tmp_path / "m.onnx")
    path = tmp_path / "p.json"
    command = ["profile", str(tmp_path / "m.onnx"), "--seconds", "0.1", "--json", str(path)]
    assert tenonc.main(command) == 0
    assert "third" in capsys.readouterr().out
    content = json.loads(path.read_text())
    assert content["total_ms"] == pytest.approx(sum(kernel["ms"] for kernel in content["kernels"]))
    assert {"kernel", "nodes", "ms", "share", "operations", "bytes", "bound", "roofline"} <= set(
        content["kernels"][0]["calls"][0]
    )
    assert tenonc.main([*command[:3], "-1"]) == 2


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_seconds_out_of_range(proto, seconds):
    with pytest.raises(TenonError, match="^seconds is .*, expected a finite number more than 0$"):
        compiler.compile(compiler.load(proto)).profile(seconds=seconds)

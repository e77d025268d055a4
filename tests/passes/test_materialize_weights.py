"""Weights become views of one blob; the blob, evaluated value by value, gives the same results."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import arith, bufferization, get_all_dialects, memref
from xdsl.dialects.builtin import IntegerAttr, MemRefType, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.interpreter import Interpreter
from xdsl.ir import SSAValue
from xdsl.parser import Parser

from tenonc.compiler.constants import ConstantRunner, blob_of
from tenonc.dialects.errors import TenonError
from tenonc.dialects.nn import WeightStore
from tenonc.dialects.reference import interpreter
from tenonc.dialects.registry import DIALECTS
from tenonc.passes.materialize_weights import MaterializeWeightsPass, weight_blob, weights_function
from tenonc.passes.plan_memory import PlanMemoryPass

ADD = """
tensorized.kernel @add(%x: tensor<20xf32>, %w: tensor<20xf32> constant) -> tensor<20xf32> {
  %e = tensorized.empty : tensor<20xf32>
  %y = tensorized.generic loops (i: parallel 20)
    ins(%x at (i) : tensor<20xf32>, %w at (i) : tensor<20xf32>) init(%e at (i) : tensor<20xf32>) {
  ^bb0(%a: f32, %b: f32, %old: f32):
    %s = arith.addf %a, %b : f32
    tensorized.yield %s : f32
  } -> tensor<20xf32>
  tensorized.yield %y : tensor<20xf32>
}
"""
T = "tensor<20xf32>"


def parse(text: str) -> ModuleOp:
    context = Context()
    for name, factory in (get_all_dialects() | DIALECTS).items():
        context.register_dialect(name, factory)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


def materialized(module: ModuleOp) -> ModuleOp:
    after = module.clone()
    PlanMemoryPass().apply(Context(), after)
    MaterializeWeightsPass().apply(Context(), after)
    after.verify()
    return after


def function(module: ModuleOp, name: str) -> FuncOp:
    return next(op for op in module.body.block.ops if isinstance(op, FuncOp) and op.sym_name.data == name)


def blob_bytes(module: ModuleOp) -> int:
    found = weights_function(module)
    assert found is not None
    type_ = found.function_type.inputs.data[0]
    assert isinstance(type_, MemRefType)
    return type_.get_shape()[0]


def offset_of(view: SSAValue) -> int:
    assert isinstance(view.owner, memref.ViewOp)
    constant = view.owner.byte_shift.owner
    assert isinstance(constant, arith.ConstantOp) and isinstance(constant.value, IntegerAttr)
    return constant.value.value.data


def main(*lines: str, returns: str) -> str:
    """@main(%x) with constants %a, %b, %c and the given lines."""
    values = {"a": 1.5, "b": 2.5, "c": 1.5}
    constants = "\n".join(f"  %{n} = nn.constant dense<{v}> : {T}" for n, v in values.items())
    body = "\n".join(f"  {line}" for line in lines)
    return f"{ADD}func.func @main(%x: {T}) -> {T} {{\n{constants}\n{body}\n  func.return {returns} : {T}\n}}"


def call(result: str, operand: str, weight: str) -> str:
    return f"{result} = tensorized.call @add({operand}, {weight}) : ({T}, {T}) -> {T}"


def chain(*weights: str) -> list[str]:
    """Calls %0, %1, ... from %x on, one a weight."""
    return [call(f"%{i}", f"%{i - 1}" if i else "%x", weight) for i, weight in enumerate(weights)]


def times(result: str, one: str, other: str) -> str:
    return f"{result} = nn.elementwise mul({one}, {other}) : ({T}, {T}) -> {T}"


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Compile-time expressions over %a, %b, %c and a chain of calls that take some of them."""
    values, lines, last = ["%a", "%b", "%c"], [], "%x"
    for i in range(draw(st.integers(1, 8))):
        if draw(st.booleans()):
            lines.append(times(f"%p{i}", draw(st.sampled_from(values)), draw(st.sampled_from(values))))
            values.append(f"%p{i}")
        else:
            lines.append(call(f"%y{i}", last, draw(st.sampled_from(values))))
            last = f"%y{i}"
    return main(*lines, returns=draw(st.sampled_from([last, values[-1]])))


@given(programs())
def test_random_programs_keep_their_results(text: str):
    module = parse(text)
    x = np.arange(20, dtype=np.float32)
    (expected,) = interpreter(module).call_op("main", (x,))
    after = materialized(module)
    blob = blob_of(after, {})
    arena = np.full(function(after, "main").attributes["tenon.arena_bytes"].value.data, -1, np.int8)  # pyright: ignore
    y = np.full(20, np.nan, np.float32)
    interpreter(after).call_op("main", (x, y, blob, arena))
    np.testing.assert_array_equal(y, expected)


@given(programs())
def test_the_blob_is_what_the_weights_function_writes(text: str):
    after = materialized(parse(text))
    found = weights_function(after)
    assert found is not None
    blob = np.zeros(blob_bytes(after), np.uint8)
    interpreter(after).call_op(found, (blob,))
    np.testing.assert_array_equal(blob_of(after, {}), blob)


def test_equal_values_are_stored_once():
    """%a and %c are equal, so are their products with %b; a product of other operands is not."""
    products = [times("%p", "%a", "%b"), times("%q", "%c", "%b"), times("%r", "%b", "%b")]
    after = materialized(parse(main(*products, *chain("%a", "%c", "%p", "%q", "%r"), returns="%4")))
    calls = [op for op in function(after, "main").body.block.ops if op.name == "tensorized.call"]
    assert [offset_of(op.operands[1]) for op in calls] == [0, 0, 128, 128, 256]
    assert blob_bytes(after) == 3 * 128  # 80 bytes each, rounded up to a multiple of 64


def test_the_order_of_operands_and_the_function_matter():
    made = [times("%p", "%a", "%b"), times("%q", "%b", "%a"), times("%r", "%a", "%b").replace("mul", "add")]
    after = materialized(parse(main(*made, *chain("%p", "%q", "%r"), returns="%2")))
    assert blob_bytes(after) == 3 * 128


def test_no_compile_time_op_is_left_in_main_and_unused_ones_are_dropped():
    after = materialized(parse(main(times("%p", "%a", "%b"), call("%0", "%x", "%c"), returns="%0")))
    assert not any(op.name.startswith("nn.") for op in function(after, "main").body.block.ops)
    found = weights_function(after)
    assert found is not None
    assert [op.name for op in found.body.block.ops if op.name.startswith("nn.")] == ["nn.constant"]


def test_a_returned_constant_is_copied_out_of_the_blob():
    after = materialized(parse(main(returns="%b")))
    (copy,) = [op for op in function(after, "main").body.block.ops if isinstance(op, memref.CopyOp)]
    assert offset_of(copy.source) == 0
    assert blob_of(after, {})[:80].view(np.float32).tolist() == [2.5] * 20


def test_functions_share_one_blob():
    second = main(call("%0", "%x", "%b"), returns="%0").replace(ADD, "").replace("@main", "@other")
    after = materialized(parse(main(call("%0", "%x", "%a"), call("%1", "%0", "%b"), returns="%1") + second))
    assert blob_bytes(after) == 256
    types = {str(function(after, name).function_type.inputs.data[2]) for name in ("main", "other")}
    assert types == {"memref<256xi8>"}


def test_a_kernel_called_weights_keeps_its_name():
    text = main(call("%0", "%x", "%a"), returns="%0").replace("@add", "@weights")
    after = materialized(parse(text))
    found = weights_function(after)
    assert found is not None and found.sym_name.data == "weights_2"


def test_running_it_twice_changes_nothing():
    once = materialized(parse(main(call("%0", "%x", "%a"), returns="%0")))
    twice = once.clone()
    MaterializeWeightsPass().apply(Context(), twice)
    assert str(twice) == str(once)


def test_a_store_provides_the_weights_and_a_missing_one_is_an_error():
    store = WeightStore()
    weight = store.put(np.linspace(0, 1, 20, dtype=np.float32))
    text = main(call("%0", "%x", "%a"), returns="%0").replace(f"dense<1.5> : {T}", str(weight), 1)
    after = materialized(parse(text))
    np.testing.assert_array_equal(blob_of(after, store)[:80].view(np.float32), store.get(weight))
    with pytest.raises(
        TenonError, match=f"weight {weight.digest.data[:12]} is not in the store of 0 weights"
    ):
        blob_of(after, WeightStore())


def test_the_blob_needs_the_pass():
    with pytest.raises(TenonError, match="no function marked tenon.weights"):
        weight_blob(parse(main(returns="%x")), ConstantRunner({}))


class Meter(Interpreter.Listener):
    """Counts runs per op, and the arrays the runner holds."""

    def __init__(self, runner: ConstantRunner):
        self.runner, self.runs, self.most_kept = runner, 0, 0

    def did_interpret_op(self, op, results) -> None:
        self.runs += 1
        self.most_kept = max(self.most_kept, len(self.runner._kept))


def test_every_op_runs_once_and_values_are_freed_as_they_are_used():
    """A chain of 20 products, each a weight too: never more than two values are kept."""
    lines, last = [times("%p0", "%a", "%b")], "%x"
    for i in range(1, 20):
        lines.append(times(f"%p{i}", f"%p{i - 1}", f"%p{i - 1}"))
        lines.append(call(f"%y{i}", last, f"%p{i}"))
        last = f"%y{i}"
    after = materialized(parse(main(*lines, returns=last)))
    runner = ConstantRunner({})
    meter = Meter(runner)
    runner._machine.listeners = (meter,)
    weight_blob(after, runner)
    found = weights_function(after)
    assert found is not None
    assert meter.runs == sum(op.name.startswith("nn.") for op in found.body.block.ops) == 22
    assert meter.most_kept <= 2
    assert not runner._kept


def test_a_value_asked_for_again_is_computed_again():
    after = materialized(parse(main(times("%p", "%a", "%b"), call("%0", "%x", "%p"), returns="%0")))
    found = weights_function(after)
    assert found is not None
    (store,) = [op for op in found.body.block.ops if isinstance(op, bufferization.MaterializeInDestinationOp)]
    runner = ConstantRunner({})
    for _ in range(2):
        assert runner.evaluate(store.source).tolist() == [3.75] * 20

"""The semantics checker on passes that keep, bend and break their promises."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import arith, memref
from xdsl.dialects.builtin import FunctionType, MemRefType, ModuleOp, f32
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.interpreter import Interpreter, InterpreterFunctions, impl, register_impls
from xdsl.interpreters.func import FuncFunctions
from xdsl.ir import Block, Region
from xdsl.parser import Parser
from xdsl.passes import ModulePass, PassPipeline
from xdsl.universe import Universe

from tenonc.compiler.semantics import BrokenPromise, SemanticsChecker
from tenonc.dialects import nn

GENERIC = """
  %{result} = linalg.generic {{indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
      iterator_types = ["parallel"]}} ins({operand} : tensor<8xf32>) outs({operand} : tensor<8xf32>) {{
    ^bb0(%a: f32, %b: f32):
      %r = {body} : f32
      linalg.yield %r : f32
  }} -> tensor<8xf32> loc("{name}")
"""


def chain(*bodies: str) -> ModuleOp:
    """@main applies one scalar body after the other to its argument; their names are v0, v1, ..."""
    text = "func.func @main(%x : tensor<8xf32>) -> tensor<8xf32> {"
    value = "%x"
    for index, body in enumerate(bodies):
        text += GENERIC.format(result=f"v{index}", operand=value, body=body, name=f"v{index}")
        value = f"%v{index}"
    return Parser(context(), text + f"func.return {value} : tensor<8xf32>\n}}").parse_module()


def context() -> Context:
    ctx = Context()
    for name, factory in Universe.get_multiverse().all_dialects.items():
        ctx.register_dialect(name, factory)
    return ctx


def check(module: ModuleOp, *passes: ModulePass, **options) -> list[str]:
    """Runs passes under the checker; returns the warnings."""
    warnings: list[str] = []
    checker = SemanticsChecker(warn=warnings.append, **options)
    pipeline = PassPipeline(passes, lambda before, op, after: checker.observe(before, op))
    pipeline.apply(context(), module)
    return warnings


@dataclass(frozen=True)
class SubtractInstead(ModulePass):
    """Wrong on purpose: turns every addition into a subtraction."""

    name = "subtract-instead"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for add in list(op.walk()):
            if isinstance(add, arith.AddfOp):
                add.parent_block().insert_op_before(sub := arith.SubfOp(add.lhs, add.rhs), add)
                add.result.replace_all_uses_with(sub.result)
                add.detach()
                add.erase()


@dataclass(frozen=True)
class Scale(ModulePass):
    """Multiplies every scalar constant by 1 + 1e-4."""

    name = "scale"
    preserves: ClassVar[str] = "exact"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for constant in list(op.walk()):
            if isinstance(constant, arith.ConstantOp):
                value = constant.value.value.data
                constant.properties["value"] = type(constant.value)(value * (1 + 1e-4), f32)


class ScaleWithin(Scale):
    preserves: ClassVar[str] = "reassociates(1e-3)"


class ScaleWithinTooLittle(Scale):
    preserves: ClassVar[str] = "reassociates(1e-6)"


class ScaleFreely(Scale):
    preserves: ClassVar[str] = "nothing"


DOUBLE = "arith.addf %a, %a"


def scaled(*more: str) -> ModuleOp:
    return chain(*more, "arith.constant 3.0")


def test_an_identity_pass_holds():
    @dataclass(frozen=True)
    class Identity(ModulePass):
        name = "identity"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            pass

    assert check(chain(DOUBLE, DOUBLE), Identity()) == []


def test_a_wrong_pass_is_named_with_function_and_value():
    with pytest.raises(BrokenPromise, match=r"pass 'subtract-instead': @main result 0: max error .* exceeds"):
        check(chain(DOUBLE), SubtractInstead())


def test_a_live_value_is_compared_where_the_result_agrees():
    module = chain(DOUBLE, "arith.constant 1.0")  # the result does not depend on v0
    with pytest.raises(BrokenPromise, match="value 'v0'"):
        check(module, SubtractInstead())


def test_arithmetic_on_weights_is_not_taken_for_the_value_of_its_name():
    @dataclass(frozen=True)
    class AddWeights(ModulePass):
        name = "add-weights"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            first = next(found for found in op.walk() if found.name == "linalg.generic")
            weight = nn.ConstantOp(nn.dense_attribute(np.ones(8, np.float32)))
            weight.location = first.location
            block = first.parent_block()
            assert block is not None
            block.insert_op_after(weight, first)

    assert check(chain(DOUBLE, DOUBLE), AddWeights()) == []


@pytest.mark.parametrize("pass_", [ScaleWithin(), ScaleFreely()])
def test_a_declared_deviation_is_allowed(pass_: ModulePass):
    assert check(scaled(DOUBLE), pass_) == []


@pytest.mark.parametrize("pass_", [Scale(), ScaleWithinTooLittle()])
def test_a_larger_deviation_is_not(pass_: ModulePass):
    with pytest.raises(BrokenPromise, match=f"pass '{pass_.name}'"):
        check(scaled(DOUBLE), pass_)


def test_every_state_is_compared_with_the_one_before():
    with pytest.raises(BrokenPromise, match="pass 'subtract-instead'"):
        check(scaled(DOUBLE), ScaleFreely(), ScaleWithin(), SubtractInstead())


def test_private_functions_and_dynamic_arguments():
    text = """
      func.func private @helper(%x : tensor<?xf32>) -> tensor<?xf32> { func.return %x : tensor<?xf32> }
      func.func @dynamic(%x : tensor<?xf32>) -> tensor<?xf32> { func.return %x : tensor<?xf32> }
    """
    (warning,) = check(Parser(context(), text).parse_module())
    assert "@dynamic is not checked: its arguments are not static tensors" in warning


def test_an_op_without_interpretation_is_a_warning():
    text = """func.func @main(%x : tensor<2xf32>) -> tensor<2xf32> {
      %y = "test.op"(%x) : (tensor<2xf32>) -> tensor<2xf32>
      func.return %y : tensor<2xf32>
    }"""
    (warning,) = check(Parser(context(), text).parse_module())
    assert warning.startswith("warning: @main is not checked: ") and "test.op" in warning


def test_a_changed_signature_is_broken():
    @dataclass(frozen=True)
    class DropResult(ModulePass):
        name = "drop-result"

        def apply(self, ctx: Context, op: ModuleOp) -> None:
            (function,) = op.ops
            assert isinstance(function, FuncOp)
            returned = function.body.block.last_op
            assert returned is not None
            returned.operands = []
            function.function_type = FunctionType.from_lists(function.function_type.inputs.data, [])

    with pytest.raises(BrokenPromise, match=r"'drop-result': @main takes and returns .* -> \(\), expected"):
        check(chain(DOUBLE), DropResult())


# Bufferized functions: (inputs..., outputs..., weights blob, arena).


@register_impls
class _Copies(InterpreterFunctions):
    @impl(memref.CopyOp)
    def copy(self, interpreter: Interpreter, op: memref.CopyOp, args: tuple) -> tuple:
        np.copyto(args[1], args[0].reshape(args[1].shape))
        return ()


@dataclass(frozen=True)
class Bufferize(ModulePass):
    """@main becomes a copy of one of its buffers to its output."""

    source: int
    name = "bufferize"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for function in list(op.ops):
            function.detach()
        buffer = MemRefType(f32, [8])
        types = [buffer, buffer, MemRefType(f32, [8]), MemRefType(f32, [4])]
        block = Block(arg_types=types)
        block.add_ops([memref.CopyOp(block.args[self.source], block.args[1]), ReturnOp()])
        op.body.block.add_op(FuncOp("main", FunctionType.from_lists(types, []), Region(block)))


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch):
    def interpreter(module: ModuleOp, store: object) -> Interpreter:
        machine = Interpreter(module)
        machine.register_implementations(FuncFunctions())
        machine.register_implementations(_Copies())
        return machine

    monkeypatch.setattr("tenonc.compiler.semantics.interpreter", interpreter)


Blob = Callable[..., np.ndarray]
BLOB: Blob = lambda module, weights: np.zeros(32, np.uint8)  # noqa: E731


def test_the_bufferized_form_is_compared(copying: None):
    assert check(chain(), Bufferize(0), blob=BLOB) == []


@pytest.mark.parametrize("source", [1, 2])
def test_an_unwritten_or_wrong_buffer_is_found(copying: None, source: int):
    with pytest.raises(BrokenPromise, match="'bufferize': @main result 0: max error"):
        check(chain(), Bufferize(source), blob=BLOB)


def test_the_weights_blob_needs_its_hook(copying: None):
    (warning,) = check(chain(), Bufferize(0))
    assert "@main is not checked after pass 'bufferize': nothing makes its weights blob" in warning


def test_a_bufferized_module_alone_has_no_known_inputs(copying: None):
    module = chain()
    Bufferize(0).apply(context(), module)
    (warning,) = check(module, blob=BLOB)
    assert "its form over tensors, which tells inputs from outputs, was not seen" in warning


def test_a_result_of_nothing_but_nan_is_reported():
    (warning,) = check(chain("arith.constant 0x7FC00000"))
    assert "@main result 0 is all NaN" in warning

"""Planned functions compute the same bits as before, in an arena that starts as garbage."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdsl.context import Context
from xdsl.dialects import arith, get_all_dialects, memref
from xdsl.dialects.builtin import MemRefType, ModuleOp, NameLoc, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.parser import Parser

from tenonc.dialects import tensorized
from tenonc.dialects.errors import TenonError
from tenonc.dialects.reference import interpreter
from tenonc.dialects.registry import DIALECTS
from tenonc.dialects.tensorized.attributes import element_bytes
from tenonc.passes.lower_kernels import LowerKernelsPass
from tenonc.passes.memory.allocate import Buffer, Placed, check_plan, max_live_bytes
from tenonc.passes.memory.in_place import in_place_arguments
from tenonc.passes.plan_memory import PlanMemoryPass
from tenonc.passes.schedule_kernels import ScheduleKernelsPass
from tenonc.passes.tensorize_match import TensorizeMatchPass
from tenonc.targets.attach_target import AttachTargetPass

N = 8  # values are N x N, so that every kernel fits every value

NEST = """
  %{name} = tensorized.generic loops ({loops}) ins({ins}) init({init} : tensor<8x8xf32>) {{
  ^bb0({arguments}, %old: f32):
    {body}
    tensorized.yield %r : f32
  }} -> tensor<8x8xf32>"""


DOUBLE, ADD = "arith.addf %v0, %v0 : f32", "arith.addf %v0, %v1 : f32"
ACCUMULATE, REDUCED = "arith.addf %old, %v0 : f32", "i: parallel 8, j: parallel 8, k: reduction 8"
TYPE = "tensor<8x8xf32>"


def nest(name: str, ins: str, init: str = "%e at (i, j)", body: str = DOUBLE, **rest) -> str:
    """One nest over tensor<8x8xf32>; `ins` like `%x at (i, j), %y at (j, i)`."""
    count = ins.count(" at ")
    return NEST.format(
        name=name,
        ins=ins.replace("),", ") : tensor<8x8xf32>,") + " : tensor<8x8xf32>",
        init=init,
        loops=rest.get("loops", "i: parallel 8, j: parallel 8"),
        arguments=", ".join(f"%v{i}: f32" for i in range(count)),
        body=f"%r = {body}",
    )


def kernel(name: str, arguments: str, *nests: str, fill: str = "", result: str = "%y") -> str:
    given_ = ", ".join(f"{a}: tensor<8x8xf32>" for a in arguments.split())
    body = f"  %e = tensorized.empty {fill} : tensor<8x8xf32>" + "".join(nests)
    return (
        f"tensorized.kernel @{name}({given_}) -> tensor<8x8xf32> {{\n{body}\n"
        f"  tensorized.yield {result} : tensor<8x8xf32>\n}}\n"
    )


KERNELS = {
    "double": (kernel("double", "%x", nest("y", "%x at (i, j)")), {0}),
    "add": (kernel("add", "%x %z", nest("y", "%x at (i, j), %z at (i, j)", body=ADD)), {0, 1}),
    "transpose": (kernel("transpose", "%x", nest("y", "%x at (j, i)")), set()),
    "half": (kernel("half", "%x %z", nest("y", "%x at (i, j), %z at (0, j)", body=ADD)), {0}),
    "twice": (kernel("twice", "%x", nest("y", "%x at (i, j), %x at (i, 0)", body=ADD)), set()),
    "filled": (kernel("filled", "%x", nest("y", "%x at (i, j)"), fill="fill 0.0"), set()),
    "rows": (
        kernel(
            "rows",
            "%x %z",
            nest("s", "%x at (i, j)"),
            nest("t", "%z at (i, k)", "%s at (i, j)", ACCUMULATE, loops=REDUCED),
            nest("y", "%t at (i, j)"),
        ),
        {0},
    ),
    "rows_of_made": (
        kernel(
            "rows_of_made",
            "%x %z",
            nest("s", "%x at (i, j)"),
            nest("u", "%z at (i, j)"),
            nest("t", "%s at (i, k)", "%u at (i, j)", ACCUMULATE, loops=REDUCED),
            nest("y", "%t at (i, j)"),
        ),
        {1},
    ),
    "made_elsewhere": (
        kernel(
            "made_elsewhere",
            "%x",
            nest("s", "%x at (i, j)"),
            nest("y", "%s at (j, i)"),
        ),
        set(),
    ),
    "two_writers": (
        kernel(
            "two_writers",
            "%x %z",
            nest("s", "%x at (i, j)", "%e at (i, j)", loops="i: parallel 4, j: parallel 8"),
            nest("y", "%z at (i, j)", "%s at (i, j)"),
        ),
        set(),
    ),
    "other_loops": (
        kernel(
            "other_loops",
            "%x %z",
            nest("s", "%x at (j, i)", loops="j: parallel 8, i: parallel 8"),
            nest("y", "%s at (i, j), %z at (i, j)", body=ADD),
        ),
        {1},
    ),
}


def parse(text: str) -> ModuleOp:
    context = Context()
    for name, factory in (get_all_dialects() | DIALECTS).items():
        context.register_dialect(name, factory)
    module = Parser(context, text).parse_module()
    module.verify()
    return module


def planned(module: ModuleOp) -> ModuleOp:
    after = module.clone()
    PlanMemoryPass().apply(Context(), after)
    after.verify()
    return after


def main_of(module: ModuleOp) -> FuncOp:
    return next(op for op in module.body.block.ops if isinstance(op, FuncOp))


def run_planned(module: ModuleOp, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Runs @main on memrefs whose every byte starts as 0xff: NaN as a float."""
    types = main_of(module).function_type.inputs.data[len(inputs) :]
    buffers = []
    for type_ in types:
        assert isinstance(type_, MemRefType)
        dtype = np.int8 if element_bytes(type_.element_type) == 1 else np.float32
        buffers.append(np.full(type_.get_shape(), -1, dtype) if dtype is np.int8 else unwritten(type_))
    interpreter(module).call_op("main", (*inputs, *buffers))
    return buffers[:-1]


def unwritten(type_: MemRefType) -> np.ndarray:
    return np.full(type_.get_shape(), np.nan, np.float32)


def placements(module: ModuleOp) -> list[Placed]:
    """The arena's buffers as the IR shows them: offsets of views, first and last call that passes one."""
    calls = [op for op in main_of(module).body.block.ops if isinstance(op, tensorized.CallOp)]
    found: list[Placed] = []
    for op in main_of(module).body.block.ops:
        if isinstance(op, memref.ViewOp):
            constant = op.byte_shift.owner
            assert isinstance(constant, arith.ConstantOp) and isinstance(op.result.type, MemRefType)
            times = [calls.index(use.operation) for use in op.result.uses]  # pyright: ignore
            size = element_bytes(op.result.type.element_type) * int(np.prod(op.result.type.get_shape()))
            found.append(Placed(Buffer(size, min(times), max(times)), constant.value.value.data))  # pyright: ignore
    return found


@pytest.mark.parametrize("name", KERNELS)
def test_which_arguments_may_be_overwritten(name: str):
    text, expected = KERNELS[name]
    (op,) = tensorized.kernels(parse(text))
    assert in_place_arguments(op) == expected


ARITY = {name: text.split("{")[0].count(": tensor") for name, (text, _) in KERNELS.items()}


@st.composite
def programs(draw: st.DrawFn, names: Sequence[str]) -> str:
    """@main with random calls over earlier values, returning some of them."""
    values, lines, used = ["%x", "%z"], [], set()
    for i in range(draw(st.integers(1, 9))):
        name = draw(st.sampled_from(names))
        used.add(name)
        operands = [draw(st.sampled_from(values[-2:])) for _ in range(ARITY[name])]
        types = ", ".join([TYPE] * len(operands))
        lines.append(f"  %{i} = tensorized.call @{name}({', '.join(operands)}) : ({types}) -> {TYPE}")
        values.append(f"%{i}")
    returned = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3))
    types = ", ".join([TYPE] * len(returned))
    head = f"func.func @main(%x: {TYPE}, %z: {TYPE}) -> ({types}) {{"
    tail = f"  func.return {', '.join(returned)} : {types}\n}}"
    return "".join(KERNELS[name][0] for name in sorted(used)) + "\n".join([head, *lines, tail])


def random_inputs() -> list[np.ndarray]:
    return [np.random.default_rng(i).standard_normal((N, N), dtype=np.float32) for i in range(2)]


@given(programs(sorted(KERNELS)))
def test_random_programs_keep_their_results(text: str):
    module = parse(text)
    inputs = random_inputs()
    before = interpreter(module).call_op("main", tuple(inputs))
    after = planned(module)
    results = run_planned(after, [array.copy() for array in inputs])
    for one, other in zip(before, results, strict=True):
        np.testing.assert_array_equal(one, other)
    plan, facts = placements(after), main_of(after).attributes
    arena, live = (facts[f"tenon.{name}"].value.data for name in ("arena_bytes", "max_live_bytes"))  # pyright: ignore
    assert check_plan(plan, arena, alignment=64) == []
    assert live == max_live_bytes([placed.buffer for placed in plan]) <= arena


@given(programs(["add", "double", "half", "transpose", "twice"]))
def test_kernels_that_work_in_place_tile_by_tile_keep_their_results(text: str):
    """On tensors a kernel reads all its operands before it writes; lowered to loops it does not."""
    module = parse(text)
    inputs = random_inputs()
    before = interpreter(module).call_op("main", tuple(inputs))
    AttachTargetPass("x86-64-v3").apply(Context(), module)
    for lowering in (TensorizeMatchPass(), ScheduleKernelsPass(), PlanMemoryPass(), LowerKernelsPass()):
        lowering.apply(Context(), module)
    module.verify()
    for one, other in zip(before, run_planned(module, [array.copy() for array in inputs]), strict=True):
        np.testing.assert_array_equal(one, other)


def chain(*names: str) -> str:
    lines, last = [], "%x"
    for i, name in enumerate(names):
        lines.append(f'%{i} = tensorized.call @{name}({last}) : ({TYPE}) -> {TYPE} loc("n{i}")')
        last = f"%{i}"
    body = "\n  ".join(lines)
    return (
        "".join(KERNELS[name][0] for name in dict.fromkeys(names))
        + f"""func.func @main(%x: {TYPE} {{tenon.name = "in"}}) -> ({TYPE} {{tenon.name = "out"}}) {{
  {body}
  func.return {last} : tensor<8x8xf32>
}}"""
    )


def calls_of(module: ModuleOp) -> list[tensorized.CallOp]:
    return [op for op in main_of(module).body.block.ops if isinstance(op, tensorized.CallOp)]


def test_elementwise_calls_work_in_place():
    calls = calls_of(planned(parse(chain("transpose", "double", "double", "transpose"))))
    assert [len(set(call.arguments)) for call in calls] == [2, 1, 1, 2]


def test_a_chain_that_cannot_work_in_place_needs_two_buffers():
    module = planned(parse(chain(*["transpose"] * 6)))
    assert main_of(module).attributes["tenon.arena_bytes"].value.data == 2 * 4 * N * N  # pyright: ignore
    plan = placements(module)
    assert {placed.offset for placed in plan} == {0, 4 * N * N}
    for call, following in pairwise(calls_of(module)):
        assert call.arguments[-1] is following.arguments[0]


def test_an_operand_that_is_still_needed_is_not_overwritten():
    text = KERNELS["double"][0] + KERNELS["add"][0] + KERNELS["transpose"][0]
    text += """func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
      %a = tensorized.call @transpose(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32>
      %b = tensorized.call @double(%a) : (tensor<8x8xf32>) -> tensor<8x8xf32>
      %c = tensorized.call @add(%b, %a) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
      %d = tensorized.call @transpose(%c) : (tensor<8x8xf32>) -> tensor<8x8xf32>
      func.return %d : tensor<8x8xf32>
    }"""
    _, double, add, _ = calls_of(planned(parse(text)))
    assert double.arguments[0] is not double.arguments[1]
    assert add.arguments[2] in add.arguments[:2]


def test_one_operand_passed_twice_is_overwritten_only_if_both_arguments_may_be():
    text = KERNELS["half"][0] + KERNELS["transpose"][0]
    text += """func.func @main(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
      %a = tensorized.call @transpose(%x) : (tensor<8x8xf32>) -> tensor<8x8xf32>
      %b = tensorized.call @half(%a, %a) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
      %c = tensorized.call @transpose(%b) : (tensor<8x8xf32>) -> tensor<8x8xf32>
      func.return %c : tensor<8x8xf32>
    }"""
    half = calls_of(planned(parse(text)))[1]
    assert half.arguments[2] not in half.arguments[:2]


def test_names_and_locations_survive():
    module = planned(parse(chain("transpose", "double")))
    attributes = [d.data for d in main_of(module).arg_attrs or ()]
    assert [a.get("tenon.name") for a in attributes] == [StringAttr("in"), StringAttr("out"), None]
    assert [sorted(set(a) - {"tenon.name"}) for a in attributes] == [[], ["tenon.output"], ["tenon.arena"]]
    named = [
        op.location.desc.data for op in main_of(module).body.block.ops if isinstance(op.location, NameLoc)
    ]
    assert named == ["n0", "n0", "n1"]  # the view and the call of the first, the call of the second


def test_the_plan_in_the_ir_is_valid():
    module = planned(parse(chain("transpose", "twice", "double", "transpose", "transpose")))
    arena = main_of(module).attributes["tenon.arena_bytes"].value.data  # pyright: ignore
    assert check_plan(placements(module), arena, alignment=64) == []


def test_an_op_that_is_no_call_is_named():
    module = parse("""func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %y = nn.elementwise relu(%x) : (tensor<2xf32>) -> tensor<2xf32>
      func.return %y : tensor<2xf32>
    }""")
    message = "nn.elementwise in @main is neither a kernel call nor known at compile time"
    with pytest.raises(TenonError, match=message):
        PlanMemoryPass().apply(Context(), module)

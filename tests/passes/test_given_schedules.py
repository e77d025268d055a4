"""Schedules that kernels come with: kept as they are, and refused by name where they do not fit."""

import re
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.parser import Parser
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import ParseError, VerifyException

from tenonc import compiler
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.pipeline import context, run_levels
from tenonc.compiler.tuning.kernel_module import parse_schedule, schedule_text
from tenonc.dialects import tensorized
from tenonc.dialects.errors import TenonError
from tenonc.passes.lower_kernels import LowerKernelsPass
from tenonc.passes.schedule_kernels import ScheduleKernelsPass

MODULE = """
module attributes {{tenon.target = {{vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 2048 : i64, l2_bytes = 8192 : i64{facts}}}}} {{
tensorized.instruction @dot feature "fma" loops (i: parallel 8, r: reduction 2)
  (%a: vector<16xf32> at (i * 2 + r), %b: vector<16xf32> at (i * 2 + r), inout %acc: vector<8xf32> at (i)) {{
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}}
tensorized.kernel @dense(%x: tensor<20x140xf32>, %w: tensor<140x30xf32> constant) -> {out} lanes {{{lanes}}}
  schedule [{schedule}] {{
  %e = tensorized.empty fill 0.0 : tensor<20x30xf32>
  %c = tensorized.contract @dot loops (m: parallel 20, n: parallel 30, k: reduction 140) ins(%x at (m, k) : tensor<20x140xf32>, %w at (k, n) : tensor<140x30xf32>) init(%e at (m, n) : tensor<20x30xf32>) bind {{i = n, r = k}} -> tensor<20x30xf32>
  %f = tensorized.empty : {out}
  %y = tensorized.generic loops (m: parallel 20, n: parallel 30) ins(%c at (m, n) : tensor<20x30xf32>) init(%f at ({place}) : {out}) {{
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  }} -> {out}
  tensorized.yield %y : {out}
}}
}}
"""  # noqa: E501
ROOT = Path(__file__).parents[2]
SIDE_BY_SIDE = {"out": "tensor<20x30xf32>", "place": "m, n"}
PASSES = [ScheduleKernelsPass(), LowerKernelsPass()]
APART = {"out": "tensor<30x20xf32>", "place": "n, m"}


def scheduled(
    schedule: str,
    shape: dict[str, str] = SIDE_BY_SIDE,
    by: ModulePass = PASSES[0],
    lanes: str = "n = 8",
    facts: str = "",
) -> ModuleOp:
    text = MODULE.format(schedule=schedule, lanes=lanes, facts=facts, **shape)
    module = Parser(context(), text).parse_module()
    module.verify()
    by.apply(context(), module)
    return module


@pytest.mark.parametrize(
    "schedule",
    [
        "order [n, m] tile {n = 16, m = 5}, order [k]",
        "order [n] tile {n = 16}, order [k] tile {k = 10}, order [m] tile {m = 4}, order [k]",
        "order [m] tile {m = 10}, order [n] tile {n = 32}, order [n, m] tile {n = 16, m = 5}, order [k]",
        "order [n, m] tile {n = 16, m = 5}, order [k] tile {k = 8}",
        "order [n] tile {n = 16}, order [k] tile {k = 10}, order [m] tile {m = 4}, order [k] tile {k = 4}",
    ],
)
def test_what_fits_is_kept(schedule: str):
    (kernel,) = tensorized.kernels(scheduled(schedule))
    assert schedule_text(list(kernel.schedule or ())) == f"[{schedule}]"


G = "order [n, m] tile {n = 16, m = 5}"


@pytest.mark.parametrize("by", PASSES, ids=lambda by: by.name)
@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ("", "the schedule has no order for loop m"),
        ("order [n, m] tile {n = 16, q = 2}, order [k]", "the schedule names loop q, its loops are m, n, k"),
        ("order [n, m, q] tile {n = 16}, order [k]", "the schedule names loop q, its loops are m, n, k"),
        ("order [n] tile {n = 16}, order [k]", "the schedule has no order for loop m"),
        ("order [n, m, n] tile {n = 16}, order [k]", "loop n comes twice in a level"),
        ("order [n, m] tile {n = 16, k = 2}, order [k]", "loop k has a tile in a level without it"),
        ("order [n, m] tile {n = 12}, order [k]", "the tile of loop n is 12, expected a multiple of 8"),
        ("order [n, m], order [k]", "the tile of loop n is 1, expected a multiple of 8"),
        ("order [n] tile {n = 24}, order [n, m] tile {n = 16}, order [k]", "loop n has a tile of 16 in one"),
        ("order [m] tile {m = 4}, order [n, m] tile {n = 8, m = 5}, order [k]", "loop m has a tile of 5 in"),
        ("order [n, m] tile {n = 16, m = 10}, order [k]", "its tile takes 20 registers, the target has 16"),
        ("order [n, m] tile {n = 16, m = 8}, order [k]", "its tile and operands take 20 reg"),
        ("order [n, m] tile {n = 16}, order [k], order [k, m]", "the last level orders ['k', 'm'], exp"),
        ("order [n, m] tile {n = 16}, order [k] tile {k = 3}", "the tile of loop k is 3, expected a"),
        ("order [n, m] tile {n = 16}, order [k] tile {k = 130}", "a body holds 65 steps, expected at most"),
        ("order [n], order [n, m, k] tile {n = 8}", "loop n has a tile of 8 in one of 1"),
        (
            "order [n] tile {n = 16}, order [k] tile {k = 5}, order [m], order [k]",
            "the tile of loop k is 5, expected a multiple of 2",
        ),
        (f"threads order [n] tile {{n = 3}}, {G}, order [k]", "loop n has a tile of 16 in one of 3"),
        (f"threads order [m, m] tile {{m = 10}}, {G}, order [k]", "loop m comes twice in a level"),
        ("threads order [n, m] tile {n = 16, m = 5}", "the schedule has no order for loop m"),
        (f"{G} prefetch [2], order [k]", "prefetch [2]: the contraction has 2 operands"),
        (f"{'order [m] tile {m = 5}, ' * 15}{G}, order [k]", "its schedule has 17 levels, expected at"),
        (f"order [k], {G}", "the last level orders ['m', 'n'], expected the reduction ['k']"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(schedule: str, text: str, by: ModulePass):
    with pytest.raises(TenonError) as caught:
        scheduled(schedule, by=by)
    assert str(caught.value).startswith(f"{by.name}: @dense: {text}")


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ("order [m] tile {m = 21}, order [n, m] tile {n = 16, m = 5}, order [k]", "m is 21, the loop has 20"),
        ("order [n, m] tile {n = 40, m = 1}, order [k]", "n is 40, the loop has 30"),
        (f"threads order [m] tile {{m = 40}}, {G}, order [k]", "m is 40, the loop has 20"),
    ],
)  # fmt: skip
def test_a_tile_larger_than_its_loop_is_named(schedule: str, text: str):
    with pytest.raises(TenonError) as caught:
        scheduled(schedule)
    assert str(caught.value) == f"schedule-kernels: @dense: the tile of loop {text} iterations"


@pytest.mark.parametrize("by", PASSES, ids=lambda by: by.name)
@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"lanes": "n = 4"}, "has lanes {n = 4}, @dot has {n = 8}"),
        ({"lanes": "m = 8"}, "has lanes {m = 8}, @dot has {n = 8}"),
        ({"lanes": ""}, "has lanes {}, @dot has {n = 8}"),
        ({"facts": ', features = "+avx2"'}, "@dot needs fma, which the target lacks"),
    ],
)
def test_lanes_and_instructions_that_do_not_fit_are_named(given: dict[str, str], text: str, by: ModulePass):
    with pytest.raises(TenonError) as caught:
        scheduled(f"{G}, order [k]", by=by, **given)
    assert str(caught.value) == f"{by.name}: @dense: {text}"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"schedule": "order [n, m] tile {n = 16, m = 0}"}, "tile of loop m is 0, not positive"),
        ({"schedule": "order [n, m] tile {n = -8}"}, "tile of loop n is -8, not positive"),
        ({"schedule": "threads order [m] tile {m = 0}"}, "tile of loop m is 0, not positive"),
        ({"schedule": "order [n, m] tile {n = 8, n = 16}"}, "loop n comes twice"),
        ({"schedule": f"{G} prefetch [-1]"}, "prefetch [-1]: operands are counted from 0"),
        ({"schedule": f"{G} prefetch [1, 1]"}, "prefetch [1, 1]: an operand comes twice"),
        ({"schedule": f"threads {G} prefetch [1]"}, "prefetch [1]: blocks that threads take do not follow"),
        ({"schedule": G, "lanes": "n = 8, n = 4"}, "loop n comes twice"),
    ],
)
def test_text_that_says_nothing_sensible_is_refused_where_it_stands(given: dict[str, str], text: str):
    with pytest.raises(ParseError) as caught:
        scheduled(**given)
    line = 9 if "lanes" in given else 10
    assert caught.value.msg.startswith(text) and caught.value.span.get_location().line == line


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"lanes": "n = 0"}, "@dense: has 0 lanes along loop n, expected at least 1"),
        ({"lanes": "n = -8"}, "@dense: has -8 lanes along loop n, expected at least 1"),
        ({"lanes": "z = 8"}, "@dense: lanes run along loop z, its loops are m, n, k"),
        (
            {"schedule": "threads order [k] tile {k = 70}"},
            "@dense: threads cannot share loop k: it is a reduc",
        ),
    ],
)
def test_what_no_kernel_may_say_does_not_verify(given: dict[str, str], text: str):
    with pytest.raises(VerifyException, match=f"^{re.escape(text)}"):
        scheduled(**{"schedule": G, **given})


def test_accumulators_must_be_able_to_wait():
    schedule = "order [n] tile {n = 16}, order [k] tile {k = 10}, order [m] tile {m = 4}, order [k]"
    with pytest.raises(TenonError, match="@dense: its accumulators cannot wait between blocks of loop k$"):
        scheduled(schedule, APART)


def test_the_rules_schedules_written_out_give_the_same_code():
    """Every kind of kernel of a model: the rules' schedule set by hand changes nothing."""
    model, options = compiler.load(ROOT / "examples/digits/digits.onnx"), CompileOptions()
    ruled = model.module.clone()
    run_levels(ruled, options, "nn", "scheduled")
    given = model.module.clone()
    run_levels(given, options, "nn", "matched")
    texts = {k.sym_name.data: schedule_text(list(k.schedule or ())) for k in tensorized.kernels(ruled)}
    for kernel in tensorized.kernels(given):
        kernel.properties["schedule"] = ArrayAttr(parse_schedule(texts[kernel.sym_name.data]))
    run_levels(given, options, "scheduled", "scheduled")
    assert str(given) == str(ruled)

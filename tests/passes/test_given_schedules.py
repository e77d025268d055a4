"""Schedules that kernels come with: kept as they are, and refused by name where they do not fit."""

from pathlib import Path

import pytest
from xdsl.dialects.builtin import ArrayAttr, ModuleOp
from xdsl.parser import Parser

from tenonc import compiler
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.pipeline import context, run_levels
from tenonc.compiler.tuning.kernel_module import parse_schedule, schedule_text
from tenonc.dialects import tensorized
from tenonc.dialects.errors import TenonError
from tenonc.passes.schedule_kernels import ScheduleKernelsPass

MODULE = """
module attributes {{tenon.target = {{vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 2048 : i64, l2_bytes = 8192 : i64}}}} {{
tensorized.instruction @dot loops (i: parallel 8, r: reduction 2)
  (%a: vector<16xf32> at (i * 2 + r), %b: vector<16xf32> at (i * 2 + r), inout %acc: vector<8xf32> at (i)) {{
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %acc, %p : f32
  tensorized.yield %s : f32
}}
tensorized.kernel @dense(%x: tensor<20x70xf32>, %w: tensor<70x30xf32> constant) -> {out} lanes {{n = 8}}
  schedule [{schedule}] {{
  %e = tensorized.empty fill 0.0 : tensor<20x30xf32>
  %c = tensorized.contract @dot loops (m: parallel 20, n: parallel 30, k: reduction 70) ins(%x at (m, k) : tensor<20x70xf32>, %w at (k, n) : tensor<70x30xf32>) init(%e at (m, n) : tensor<20x30xf32>) bind {{i = n, r = k}} -> tensor<20x30xf32>
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
APART = {"out": "tensor<30x20xf32>", "place": "n, m"}


def scheduled(schedule: str, shape: dict[str, str] = SIDE_BY_SIDE) -> ModuleOp:
    module = Parser(context(), MODULE.format(schedule=schedule, **shape)).parse_module()
    ScheduleKernelsPass().apply(context(), module)
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


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
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
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(schedule: str, text: str):
    with pytest.raises(TenonError) as caught:
        scheduled(schedule)
    assert str(caught.value).startswith(f"schedule-kernels: @dense: {text}")


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

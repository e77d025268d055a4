"""What is said of a schedule, worked out by hand."""

import re

from xdsl.parser import Parser

from tenonc.compiler.pipeline import context
from tenonc.dialects import tensorized
from tenonc.passes.schedule.reasons import schedule_reasons
from tenonc.passes.tensorize.target import target_facts

MODULE = """
module attributes {{tenon.target = {{vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64,
  l1_bytes = 2048 : i64, l2_bytes = 8192 : i64}}}} {{
tensorized.instruction @dot latency 4 per_cycle 2 loops (i: parallel 8, r: reduction 2)
  (%a: vector<16xi16> at (i * 2 + r), %b: vector<16xi16> at (i * 2 + r), inout %acc: vector<8xi32> at (i)) {{
  %x = arith.extsi %a : i16 to i32
  %y = arith.extsi %b : i16 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}} emit {{
^bb0(%a: vector<16xi16>, %b: vector<16xi16>, %acc: vector<8xi32>):
  %p = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%a, %b) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
  %s = arith.addi %acc, %p : vector<8xi32>
  tensorized.yield %s : vector<8xi32>
}}
tensorized.kernel @dense(%x: tensor<14x70xi16>, %w: tensor<70x30xi16> constant) -> tensor<14x30xi32> lanes {{n = 8}}
  schedule [{schedule}] {{
  %e = tensorized.empty fill 0.0 : tensor<14x30xi32>
  %c = tensorized.contract @dot loops (m: parallel 14, n: parallel 30, k: reduction 70)
    ins(%x at (m, k) : tensor<14x70xi16>, %w at (k, n) : tensor<70x30xi16>)
    init(%e at (m, n) : tensor<14x30xi32>) bind {{i = n, r = k}} -> tensor<14x30xi32>
  tensorized.yield %c : tensor<14x30xi32>
}}
}}
"""  # noqa: E501


def reasons(schedule: str) -> dict[str, str]:
    module = Parser(context(), MODULE.format(schedule=schedule)).parse_module()
    (kernel,) = tensorized.kernels(module)
    return dict(schedule_reasons(kernel, target_facts(module)))


def test_a_plain_schedule():
    said = reasons("order [n, m] tile {n = 16, m = 6} prefetch [1], order [k] tile {k = 4}")
    others = said.pop("other tiles")
    assert re.match(r"1,\d{3} cycles with this one, of which 0 wait for .*; m = 13, n = 8 1\.\d\d x;", others)
    assert said == {
        "tile": "m = 6, n = 16: 12 accumulators in 16 registers",
        # 12 / 2, but 24 operations at 3.2 a cycle; 6 + 2 loads at 1.6; (24 + 8 + 2) / 6
        "a step": "waits for arithmetic: arithmetic 7.5, latency 4.0, 8 loads 5.0, issue 5.7 cycles",
        "blocks": "m: 14 = 2 x 5 + 1 x 4; n: 30 = 1 x 16 + 1 x 14",
        # 35 steps of 16 lanes of a pair of 16 bits
        "panel": "2,240 bytes in 35 steps, fits the second-level cache",
        # 1536 bytes of the first hold a step of a tile, 4096 of the second a tile of rows and a panel
        "traffic": "20,784 bytes into the first-level cache (%a 5,040, %b 13,440, result 2,304); "
        "10,192 bytes into the second-level cache (%a 3,920, %b 4,480, result 1,792)",
        "prefetch": "the next block of operand 1, while rows pass over this one",
        "body": "holds 4 of k",
    }


def test_what_levels_are_for():
    blocks = "order [n] tile {n = 8}, order [k] tile {k = 10}, order [m], order [k]"
    said = reasons("threads order [m] tile {m = 7}, " + blocks)
    assert said["threads"] == "parts of m = 7"
    assert said["reduction"] == "in blocks of k = 10: accumulators wait in the output"
    assert said["a step"].startswith("waits for latency: arithmetic 0.6, latency 4.0, 2 loads ")
    assert said["panel"] == "1,120 bytes in 35 steps, fits the first-level cache" and "body" not in said


def test_no_other_tile_is_better_than_the_rules_choice():
    said = reasons("order [n, m] tile {n = 16, m = 6}, order [k]")["other tiles"]
    others = [float(one) for one in re.findall(r" ([\d.]+) x", said)]
    assert len(others) == 3 and others == sorted(others) and others[0] >= 1


WINDOWS = """
module attributes {tenon.target = {vector_registers = 16 : i64, vector_bytes = 32 : i64, loads_per_cycle = 2 : i64,
  l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}} {
tensorized.instruction @add latency 4 per_cycle 2 loops (i: parallel 8)
  (%a: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %s = arith.addf %acc, %a : f32
  tensorized.yield %s : f32
}
tensorized.kernel @pool(%x: tensor<14x8xf32>) -> tensor<12x8xf32> lanes {c = 8}
  schedule [order [c, w] tile {c = 8, w = 6}, order [s] tile {s = 3}] {
  %e = tensorized.empty fill 0.0 : tensor<12x8xf32>
  %c = tensorized.contract @add loops (w: parallel 12, c: parallel 8, s: reduction 3)
    ins(%x at (w + s, c) : tensor<14x8xf32>) init(%e at (w, c) : tensor<12x8xf32>) bind {i = c} -> tensor<12x8xf32>
  tensorized.yield %c : tensor<12x8xf32>
}
}
"""  # noqa: E501


def test_windows_say_what_a_body_loads_once():
    """Six neighbours and three taps: eight rows, each by itself 18."""
    module = Parser(context(), WINDOWS).parse_module()
    (kernel,) = tensorized.kernels(module)
    said = dict(schedule_reasons(kernel, target_facts(module)))
    assert said["windows"] == "overlap along s: a body loads 8 registers, step by step 18"

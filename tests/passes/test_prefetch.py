"""Prefetches ask for the whole block that follows, evenly, and for little else."""

from itertools import pairwise

import pytest
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IntegerAttr
from xdsl.parser import Parser

from tenonc.compiler.pipeline import context, parse_pipeline
from tenonc.dialects import tensorized

FMA = """
tensorized.instruction @fma intrinsic "llvm.fma.v8f32" feature "fma" loops (i: parallel 8)
  (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
  %p = arith.mulf %a, %b : f32
  %s = arith.addf %p, %acc : f32
  tensorized.yield %s : f32
}
"""
KERNEL = """
tensorized.kernel @dense(%x: tensor<{m}x{k}xf32>, %w: tensor<{panels}x{k}x{t}xf32> constant)
  -> tensor<{m}x{n}xf32> lanes {{n = 8}} schedule [{schedule}] {{
  %e = tensorized.empty fill 0.0 : tensor<{m}x{n}xf32>
  %c = tensorized.contract @fma loops (m: parallel {m}, n: parallel {n}, k: reduction {k})
    ins(%x at (m, k) : tensor<{m}x{k}xf32>,
        %w at (n floordiv {t}, k, n mod {t}) : tensor<{panels}x{k}x{t}xf32>)
    init(%e at (m, n) : tensor<{m}x{n}xf32>) bind {{i = n}} -> tensor<{m}x{n}xf32>
  %f = tensorized.empty : tensor<{m}x{n}xf32>
  %y = tensorized.generic loops (m: parallel {m}, n: parallel {n}) ins(%c at (m, n) : tensor<{m}x{n}xf32>)
    init(%f at (m, n) : tensor<{m}x{n}xf32>) {{
  ^bb0(%v: f32, %u: f32):
    tensorized.yield %v : f32
  }} -> tensor<{m}x{n}xf32>
  tensorized.yield %y : tensor<{m}x{n}xf32>
}}
"""


def asked_for(block, values, found):
    """(position of the operand's load, elements the prefetch asks for), in the order they are executed."""
    for op in block.ops:
        if isinstance(op, arith.ConstantOp) and isinstance(op.value, IntegerAttr):
            values[op.result] = op.value.value.data
        elif isinstance(op, scf.ForOp):
            for i in range(values[op.lb], values[op.ub], values[op.step]):
                asked_for(op.body.block, values | {op.body.block.args[0]: i}, found)
        elif isinstance(op, tensorized.PrefetchOp):
            (start,) = op.map.data.eval([values[i] for i in op.indices], [])
            found.append((start, start + 16 * op.lines.data))


@pytest.mark.parametrize(
    ("m", "n", "k", "t", "schedule", "block"),
    [
        (14, 64, 96, 16, "order [n, m] tile {n = 16, m = 6} prefetch [1], order [k]", 96 * 16),
        (200, 48, 32, 16, "order [n, m] tile {n = 16, m = 6} prefetch [1], order [k]", 32 * 16),
        (7, 64, 300, 32, "order [n, m] tile {n = 32, m = 3} prefetch [1], order [k]", 300 * 32),
        (
            20,
            64,
            80,
            32,
            "order [n] tile {n = 32}, order [k] tile {k = 20} prefetch [1], order [m] tile {m = 6},"
            " order [k]",
            20 * 32,
        ),
        (
            40,
            64,
            32,
            16,
            "order [m] tile {m = 20}, order [n, m] tile {n = 16, m = 6} prefetch [1], order [k]",
            32 * 16,
        ),
        (
            14,
            64,
            98,
            16,
            "order [n, m] tile {n = 16, m = 6} prefetch [1], order [k] tile {k = 4}",
            98 * 16,
        ),
    ],
)
def test_the_next_block_is_fetched_whole(m, n, k, t, schedule, block):
    text = FMA + KERNEL.format(m=m, n=n, k=k, t=t, panels=n // t, schedule=schedule)
    module = Parser(context(), text).parse_module()
    (lower,) = parse_pipeline("lower-kernels")
    lower.apply(context(), module)
    (kernel,) = tensorized.kernels(module)
    found: list[tuple[int, int]] = []
    asked_for(kernel.body.block, {}, found)
    touched = {position // 16 for start, end in found for position in range(start, end)}
    wanted = set(range(block // 16, (n * k + block) // 16))  # all blocks but the first, and what follows
    missing = wanted - touched
    assert len(missing) <= 0.02 * len(wanted)  # shares are rounded down
    assert max(touched) < max(wanted) + 8
    steps = [b - a for (a, _), (b, _) in pairwise(found)]
    assert max(steps) <= max(32, block)  # from one step to the next, or on to the next block

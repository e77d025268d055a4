"""Declarations of several widths: what they are written out as, and what is refused."""

import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.attach_target import parse_module
from tenonc.targets.widths import expanded

PAIRS = """// sums of pairs
for n in (8, 4), needs in ("avx2",
    "sse2")
tensorized.instruction @sum_${n}xi32 feature "${needs}" loops (i: parallel ${n}, r: reduction 2) // more
  (%a: vector<${n * 2}xi32> at (i * 2 + r), inout %acc: vector<${n}xi32> at (i)) {
  %s = arith.addi %acc, %a : i32
  tensorized.yield %s : i32
}
tensorized.instruction @one loops (i: parallel 1) (inout %acc: vector<1xi32> at (i)) {
  tensorized.yield %acc : i32
}
"""
ONE = """tensorized.instruction @sum_{n}xi32 feature "{needs}" loops (i: parallel {n}, r: reduction 2)
  (%a: vector<{m}xi32> at (i * 2 + r), inout %acc: vector<{n}xi32> at (i)) {{
  %s = arith.addi %acc, %a : i32
  tensorized.yield %s : i32
}}
"""


def test_every_width_is_a_declaration_of_its_own():
    wide = ONE.format(n=8, m=16, needs="avx2") + ONE.format(n=4, m=8, needs="sse2")
    written = [str(op) for op in parse_module(PAIRS, "my.mlir").ops]
    assert written[:2] == [str(op) for op in parse_module(wide, "my.mlir").ops]
    assert len(written) == 3 and "@one" in written[2]


def test_lines_keep_their_numbers():
    """An error behind a declaration names the line of the file."""
    lines = expanded(PAIRS, "my.mlir").splitlines()
    assert len(lines) == len(PAIRS.splitlines())
    assert lines[8].startswith("tensorized.instruction @one")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("(8, 4)", "(8,)"), "my.mlir:2: expected `for n in (16, 8, 4)`, found"),
        (("(8, 4)", "(8)"), "my.mlir:2: lists of equal length, 16 values at most, expected: n has 1"),
        (("needs in", "n in"), "my.mlir:2: a name has two lists, expected one for each"),
        (("n in", "n of"), "my.mlir:2: expected `for n in (16, 8, 4)`, found 'for n of (8, 4), needs in"),
        (("${n * 2}", "${m * 2}"), "my.mlir:2: ${m} is no value of `for`: it has n, needs"),
        (("${n * 2}", "${needs * 2}"), "my.mlir:2: ${needs * 2} multiplies 'avx2'"),
        (("\n}\n", "\n"), "my.mlir:2: expected a declaration behind `for`, which ends at a line `}`"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_values_is_refused(change: tuple[str, str], text: str):
    with pytest.raises(TenonError) as caught:
        expanded(PAIRS.replace(*change), "my.mlir")
    assert str(caught.value).startswith(text)

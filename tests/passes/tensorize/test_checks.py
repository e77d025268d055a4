"""Which check refuses an instruction, in a user's words; each case changes one thing of a match."""

import pytest
from xdsl.parser import Parser

from tenonc.compiler.pipeline import context
from tenonc.passes.tensorize.remarks import explanations
from tenonc.passes.tensorize_match import TensorizeMatchPass

MODULE = """
module attributes {{tenon.target = {{name = "t", features = "+avx2,+fma", vector_registers = 16 : i64,
  vector_bytes = 32 : i64, loads_per_cycle = 2 : i64, l1_bytes = 32768 : i64, l2_bytes = 524288 : i64}}}} {{
{instruction}
tensorized.kernel @k(%x: tensor<20x16xi8>, %w: tensor<16x32xi8> constant{within}) -> tensor<20x32xi32> {{
  %e = tensorized.empty fill 0 : tensor<20x32xi32>
  %c = tensorized.generic loops (m: parallel 20, n: parallel 32, k: reduction 16)
    ins(%x at (m, k) : tensor<20x16xi8>, %w at (k, n) : tensor<16x32xi8>)
    init(%e at (m, n) : tensor<20x32xi32>) {{
  ^bb0(%a: i8, %b: i8, %acc: i32):
    %0 = arith.extui %a : i8 to i32
    %1 = arith.extsi %b : i8 to i32
    %2 = arith.muli %0, %1 : i32
    %3 = arith.addi %acc, %2 : i32
    tensorized.yield %3 : i32
  }} -> tensor<20x32xi32>
  tensorized.yield %c : tensor<20x32xi32>
}}
func.func @main(%x: tensor<20x16xi8>) {{
  func.return
}}
}}
"""
DOT = """tensorized.instruction @dot feature "avx2" loops (i: parallel 8, r: reduction 4)
  (%a: vector<32xi8> at (i * 4 + r), %b: vector<32xi8> at (i * 4 + r), inout %acc: vector<8xi32> at (i)) {
  %x = arith.extui %a : i8 to i32
  %y = arith.extsi %b : i8 to i32
  %p = arith.muli %x, %y : i32
  %s = arith.addi %acc, %p : i32
  tensorized.yield %s : i32
}"""
I16 = [("32xi8", "32xi16"), ("%a : i8", "%a : i16"), ("%b : i8", "%b : i16")]
BOUNDED = ("at (i * 4 + r), inout", "at (i * 4 + r) within [-64, 64], inout")


def explained(instruction: str, within: str = "", **options: bool):
    module = Parser(context(), MODULE.format(instruction=instruction, within=within)).parse_module()
    TensorizeMatchPass(explain=True, **options).apply(context(), module)
    module.verify()
    assert str(Parser(context(), str(module)).parse_module()) == str(module)
    (found,) = explanations(module)
    return found


def changed(*changes: tuple[str, str]) -> str:
    text = DOT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_the_mapping_and_how_each_operand_is_read():
    found = explained(DOT)
    best = found.candidates[0]
    assert (best.instruction, best.bind) == ("dot", {"i": "n", "r": "k"})
    assert best.reads == {"a": "contiguous", "b": "needs packing", "acc": "contiguous"}
    assert not found.refused and len(found.candidates) == 2
    other = found.candidates[1]
    assert other.bind == {"i": "m", "r": "k"} and other.cycles > best.cycles
    assert other.reads["a"] == "needs packing" and other.read_cycles["a"] == 20 * 16


REFUSED = {
    "op": ([("arith.muli", "arith.addi")], "body: op: it has arith.addi, the operation arith.muli"),
    "source type": (I16, "body: source type: its %a is i16, the operation reads i8"),
    "signedness": (
        [("arith.extui %a", "arith.extsi %a")],
        "body: signedness: it has arith.extsi of %a, the operation arith.extui",
    ),
    "one register, two operands": (
        [("arith.extsi %b", "arith.extsi %a"), ("arith.extui %a", "arith.extui %a")],
        "body: operands: %a would be two operands of the operation",
    ),
    "combiner": (
        [("arith.addi", "arith.maxsi")],
        "body: op: it has arith.maxsi, the operation arith.addi",
    ),
    "range": ([BOUNDED], "range: %b must lie within [-64, 64], the operand's elements are not known"),
    "loops": (
        [
            ("i: parallel 8", "i: reduction 8"),
            ("inout %acc: vector<8xi32> at (i)", "inout %acc: vector<1xi32> at (0)"),
        ],
        "loops: it needs 2 reduction loops, the operation has (m: parallel, n: parallel, k: reduction)",
    ),
    "access": (
        [("%b: vector<32xi8> at (i * 4 + r)", "%b: vector<8xi8> at (i)")],
        "access: %b has no lanes along r = k, with which operand 1 varies",
    ),
    "feature": ([('"avx2"', '"avx2,avx512vnni"')], "feature: the target lacks avx512vnni"),
}


@pytest.mark.parametrize(("changes", "reason"), REFUSED.values(), ids=REFUSED)
def test_the_first_check_that_fails_is_named(changes, reason: str):
    found = explained(changed(*changes))
    assert found.refused == {"dot": reason}
    assert [one.instruction for one in found.candidates][0] == "body_0"


def test_the_accumulator_is_what_is_accumulated():
    """An instruction on i32 whose product and sum change places."""
    text = """tensorized.instruction @odd loops (i: parallel 8)
      (%s: vector<8xi32> at (i), %b: vector<8xi8> at (i), inout %acc: vector<8xi8> at (i)) {
      %x = arith.extui %acc : i8 to i32
      %y = arith.extsi %b : i8 to i32
      %p = arith.muli %x, %y : i32
      %t = arith.addi %s, %p : i32
      %u = arith.trunci %t : i32 to i8
      tensorized.yield %u : i8
    }"""
    assert explained(text).refused == {"odd": "body: accumulator type: it yields i8, the operation i32"}


@pytest.mark.parametrize(("within", "fits"), [(" within [-64, 64]", True), (" within [-64, 65]", False)])
def test_a_range_is_compared(within: str, fits: bool):
    found = explained(changed(BOUNDED), within)
    lies = "range: %b must lie within [-64, 64], the operand's elements lie in [-64, 65]"
    assert found.refused == ({} if fits else {"dot": lies})


FLOATS = {"i8": "bf16", "i32": "f32", "extui": "extf", "extsi": "extf", "muli": "mulf", "addi": "addf"}


def on_floats(*changes: tuple[str, str]) -> str:
    """The module with products of bf16, and changes to it."""
    text = MODULE.format(instruction=DOT, within="").replace("fill 0 ", "fill 0.0 ")
    for old, new in (*FLOATS.items(), *changes):
        assert old in text
        text = text.replace(old, new)
    return text


def refusals(text: str, **options: bool) -> dict[str, str]:
    module = Parser(context(), text).parse_module()
    TensorizeMatchPass(explain=True, **options).apply(context(), module)
    return next(explanations(module)).refused


def test_sums_of_floats_in_the_order_of_the_loops():
    """Integers wrap in any order; floats only match where the right is given."""
    order = "rounding: it sums floats in an order of its own, the loops' order is asked for"
    assert not explained(DOT, reassociate=False).refused
    assert refusals(on_floats(), reassociate=True) == {}
    assert refusals(on_floats(), reassociate=False) == {"dot": order}


def test_an_operation_must_grant_the_roundings_that_an_instruction_asks_for():
    granted = ("%2 = arith.mulf %0, %1 :", "%2 = arith.mulf %0, %1 fastmath<contract> :")
    wanted = ("%p = arith.mulf %x, %y :", "%p = arith.mulf %x, %y fastmath<reassoc> :")
    assert refusals(on_floats(granted)) == {}
    reason = "body: op: its arith.mulf has other properties than the operation's"
    assert refusals(on_floats(granted, wanted)) == {"dot": reason}

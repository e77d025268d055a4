import re

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.attach_target import declared_instructions
from tenonc.targets.llvm.codegen import emit_assembly
from tenonc.targets.llvm.sample import stream_text
from tenonc.targets.record import find_target, host, records
from tenonc.targets.selfcheck import ASSEMBLED, EMULATED, HARDWARE, check_instruction, check_target


@pytest.mark.parametrize("name", ["host", *records()])
def test_every_declared_instruction_does_what_its_body_says(name: str):
    record = find_target(name)
    verdicts = check_target(record)
    assert {v.instruction for v in verdicts} == {i.sym_name.data for i in declared_instructions(record)}
    foreign = {i.sym_name.data for i in declared_instructions(record) if _needs_the_machine(i)}
    assert all(v.status != ASSEMBLED or v.instruction in foreign for v in verdicts)
    if record.enabled <= host().enabled:
        assert all(v.status == HARDWARE for v in verdicts)


def _needs_the_machine(instruction) -> bool:
    """Whether only a machine with its features can run it."""
    specific = any(name.startswith("llvm.x86.") for name in instruction.intrinsics)
    return specific and not instruction.features <= host().enabled


@pytest.mark.parametrize("name", ["x86-64-v3", "cascadelake", "cooperlake", "arrowlake-s"])
def test_an_emulated_instruction_runs_as_its_body_says(name: str):
    """Also those of this machine, if it is the one that is emulated."""
    record = find_target(f"{name}-emulated")
    assert record.enabled < records()[name].enabled and record.enabled <= host().enabled
    status = {v.instruction: v.status for v in check_target(record)}
    assert status.keys() == {i.sym_name.data for i in declared_instructions(records()[name])}
    assert ASSEMBLED not in status.values()
    lacking = {
        "x86-64-v3": "maddwd_8xi32",
        "cascadelake": "dpbusd_16xi32",
        "cooperlake": "dpbf16_16xf32",
        "arrowlake-s": "dpbssd_8xi32",
    }
    assert status[lacking[name]] == EMULATED


REGISTERS = {16: "zmm", 8: "ymm", 4: "xmm", 1: "xmm"}


@pytest.mark.parametrize("name", records())
def test_an_instruction_uses_registers_of_its_width(name: str):
    record = find_target(name)
    for instruction in declared_instructions(record):
        assembly = emit_assembly(stream_text(instruction, record), record)
        wanted = "tmm" if instruction.tile is not None else REGISTERS[instruction.extents[0]]
        assert set(re.findall(r"%([txyz]mm)", assembly)) >= {wanted}


FALSE = {
    "another operation": """tensorized.instruction @false intrinsic "llvm.fma.v8f32" loops (i: parallel 8)
      (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
      %p = arith.mulf %a, %b : f32
      %s = arith.subf %acc, %p : f32
      tensorized.yield %s : f32
    }""",
    "another rounding": """tensorized.instruction @false intrinsic "llvm.minnum.v8f32" loops (i: parallel 8)
      (%a: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
      %s = arith.minimumf %acc, %a : f32
      tensorized.yield %s : f32
    }""",
    "signed for unsigned": """tensorized.instruction @false intrinsic "llvm.smax.v4i32" loops (i: parallel 4)
      (%a: vector<4xi32> at (i), inout %acc: vector<4xi32> at (i)) {
      %s = arith.maxui %acc, %a : i32
      tensorized.yield %s : i32
    }""",
}


FALSE[
    "toward zero"
] = """tensorized.instruction @false intrinsic "llvm.lrint.v4i32.v4f32" loops (i: parallel 4)
      (%x: vector<4xf32> at (i), out %y: vector<4xi32> at (i)) {
      %s = arith.fptosi %x : f32 to i32
      tensorized.yield %s : i32
    }"""


@pytest.mark.parametrize("text", FALSE.values(), ids=FALSE)
def test_a_false_declaration_is_found(parse, text: str):
    with pytest.raises(TenonError, match="^instruction @false gives .* expected .*, for "):
        check_instruction(parse(text).body.block.first_op, host())


def test_where_a_conversion_has_no_value_any_will_do():
    """Beyond the integers, and of NaN."""
    from tenonc.targets.selfcheck import check_result

    rounding = next(i for i in declared_instructions(find_target("x86-64-v3")) if i.writes is not None)
    x = np.array([[3e9, -2147483648, np.nan, 2.5, 3.5, -0.5, np.inf, 1]], np.float32)
    old = np.zeros((1, 8), np.int32)
    right = np.array([[7, -2147483648, 7, 2, 4, 0, 7, 1]], np.int32)
    check_result(rounding, [x, old], right)
    with pytest.raises(TenonError, match="gives 3 in lane 3, expected 2"):
        check_result(rounding, [x, old], np.where(right == 2, 3, right))


def test_operands_are_drawn_from_what_an_instruction_is_valid_for(parse):
    """Two products of bytes saturate at 16 bits: right only for second operands within 7 bits."""
    chain = next(i for i in declared_instructions(find_target("x86-64-v3")) if i.ranges is not None)
    assert check_instruction(chain, host()) in (HARDWARE, EMULATED)
    unbounded = parse(str(chain).replace(" within [-64, 64]", "")).body.block.first_op
    with pytest.raises(TenonError, match="^instruction @maddubs_8xi32 gives "):
        check_instruction(unbounded, host())


def test_a_false_mnemonic_is_found(parse):
    text = FALSE["signed for unsigned"].replace("loops", 'mnemonic "pmaddubsw" loops')
    with pytest.raises(TenonError, match="^instruction @false on host: no pmaddubsw in the assembly"):
        check_instruction(parse(text).body.block.first_op, host())


def test_reductions_run_in_loop_order(parse):
    """A dot product of pairs against numpy; the body comes from a register of twice the lanes."""
    from tenonc.targets.selfcheck import reference

    text = """tensorized.instruction @dot loops (i: parallel 4, r: reduction 2)
      (%a: vector<8xi16> at (2 * i + r), %b: vector<8xi16> at (2 * i + r), inout %acc: vector<4xi32> at (i)) {
      %x = arith.extsi %a : i16 to i32
      %y = arith.extsi %b : i16 to i32
      %p = arith.muli %x, %y : i32
      %s = arith.addi %acc, %p : i32
      tensorized.yield %s : i32
    }"""
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-30000, 30000, (5, 8)).astype(np.int16) for _ in range(2))
    acc = rng.integers(-9, 9, (5, 4)).astype(np.int32)
    pairs = (a.astype(np.int64) * b).reshape(5, 4, 2).sum(-1)
    got = reference(parse(text).body.block.first_op, [a, b, acc])
    np.testing.assert_array_equal(got, (acc + pairs).astype(np.int32))

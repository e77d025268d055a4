import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.llvm.codegen import emit_assembly
from tenonc.targets.peak import check_registers, fastest, measure_peak, peak_text
from tenonc.targets.record import find_target, host


def test_peak_of_this_machine_is_plausible():
    peak = measure_peak(seconds=0.05)
    # One operation per nanosecond and lane is far below, eight fused pairs far above any core.
    lanes = host().vector_bytes // 4
    assert lanes < peak.gflops < 16 * lanes * 4
    assert peak.instruction == fastest(host()).sym_name.data


def test_avx2_uses_the_widest_fused_instruction():
    assert fastest(find_target("x86-64-v3")).sym_name.data == "fma_8xf32"
    assert fastest(find_target("x86-64-v4")).sym_name.data == "fma_16xf32"
    assert fastest(find_target("x86-64-v3"), "bytes").sym_name.data == "maddwd_8xi32"
    assert fastest(find_target("cascadelake"), "bytes").sym_name.data == "dpbusd_16xi32"
    assert fastest(find_target("sapphirerapids"), "bytes").sym_name.data == "dpbusd_16xi32"


def test_all_of_a_chain_is_in_the_loop():
    """The product of a chain is not made once for all accumulators, or before the loop."""
    record = find_target("x86-64-v3")
    assembly = emit_assembly(peak_text(fastest(record, "bytes"), record, 12), record)
    loop = assembly[assembly.index(".LBB0_1:") :]
    assert loop.count("vpmaddwd") == 12 == loop.count("vpaddd")


def test_a_loop_that_spills_is_refused():
    from tenonc.targets.llvm.codegen import emit_assembly

    record = find_target("x86-64-v3")
    crowded = peak_text(fastest(record), record, 24)
    with pytest.raises(TenonError, match="^the peak loop touches memory: "):
        check_registers(emit_assembly(crowded, record))


def test_the_peak_of_an_instruction_by_name():
    """Pairs of products summed in narrower registers: fewer of them, and never more than in wide ones."""
    name = fastest(find_target("x86-64"), "bytes").sym_name.data
    peak = measure_peak(seconds=0.05, of=name)
    assert peak.instruction == name == "maddwd_4xi32"
    assert peak.gflops < 1.5 * measure_peak(seconds=0.05, of="bytes").gflops
    with pytest.raises(TenonError, match="^target x86-64 has no instruction @maddwd_8xi32$"):
        measure_peak(find_target("x86-64"), of="maddwd_8xi32")

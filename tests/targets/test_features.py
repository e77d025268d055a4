"""The table of CPU features; tests/compiler/library/test_cpu.py compares it with what LLVM finds out."""

import pytest

from tenonc.dialects.errors import TenonError
from tenonc.targets.record import host, records
from tenonc.targets.x86.features import feature_bits, permit


def test_every_record_can_be_checked():
    for record in (*records().values(), host()):
        bits = feature_bits(record.enabled)
        assert {"sse2", "fxsr"} <= {bit.name for bit in bits} <= record.enabled


def test_registers_that_the_system_must_save():
    state = {bit.name: bit.state for bit in feature_bits(["sse2", "avx2", "fma", "avx512f", "amx-int8"])}
    assert state == {"sse2": 0, "avx2": 0x6, "fma": 0x6, "avx512f": 0xE6, "amx-int8": 0x60000}


def test_an_unknown_feature_is_refused():
    with pytest.raises(TenonError, match="^cpu feature warp cannot be checked at run time: compile for"):
        feature_bits(["avx", "warp"])


def test_tiles_are_asked_for():
    """Only where the code uses them; a system without them refuses."""
    assert permit({"avx2", "avx512f"})
    assert permit({"amx-tile"}) == ("amx-tile" in host().enabled)

"""Registers that are narrowed together, against numpy: any number of them, clamped or fitting."""

import numpy as np
import pytest

from tenonc.targets.llvm import emit_llvm
from tenonc.targets.llvm.codegen import emit_assembly
from tenonc.targets.record import find_target, host, records

RUNNABLE = [name for name, record in records().items() if record.enabled <= host().enabled]
LANES = 8


def kernel(registers: int, bits: int, unsigned: bool, low: int, high: int) -> str:
    flag = "nuw" if unsigned else "nsw"
    wide, narrow = f"vector<{registers}x{LANES}xi32>", f"vector<{registers}x{LANES}xi{bits}>"
    shape = f"{registers}x{LANES}"
    return f"""
    tensorized.kernel @k(%x: memref<{shape}xi32>, %y: memref<{shape}xi{bits}>) {{
      %v = tensorized.load %x[] at (v, l) -> (v, l) : memref<{shape}xi32>, {wide}
      %z = tensorized.map (%a = %v : {wide}) -> {narrow} {{
        %low = arith.constant {low} : i32
        %high = arith.constant {high} : i32
        %b = arith.maxsi %a, %low : i32
        %c = arith.minsi %b, %high : i32
        %r = llvm.trunc %c overflow<{flag}> : i32 to i{bits}
        tensorized.yield %r : i{bits}
      }}
      tensorized.store %z, %y[] at (v, l) -> (v, l) : {narrow}, memref<{shape}xi{bits}>
      tensorized.yield
    }}"""


def limits(bits: int, unsigned: bool) -> tuple[int, int]:
    return (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@pytest.mark.parametrize("target", RUNNABLE)
@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
def test_clamped_integers_become_narrow(run_kernel, target: str, bits: int, unsigned: bool):
    """To the whole range, which packing does by itself, and to a part of it."""
    rng, (least, most) = np.random.default_rng(0), limits(bits, unsigned)
    dtype = np.dtype(f"{'u' if unsigned else ''}int{bits}")
    for registers in (1, 3, 4, 9):
        for low, high in ((least, most), (least + 5, most - 9)):
            near = rng.integers(least - 9, most + 9, (registers, LANES))
            far = rng.integers(-(2**31), 2**31, (registers, LANES))
            x = np.where(rng.random(near.shape) < 0.7, near, far).astype(np.int32)
            y = np.empty(x.shape, dtype)
            run_kernel(kernel(registers, bits, unsigned, low, high), x, y, record=find_target(target))
            np.testing.assert_array_equal(y, np.clip(x, low, high).astype(dtype))


def test_a_tighter_range_is_left_to_the_packed_lanes(parse):
    """Activations in 16 bits hold bytes: two registers become one that is clamped once."""
    module = parse(kernel(2, 16, False, 0, 255))
    module.attributes["tenon.target"] = find_target("x86-64-v3").attribute()
    assembly = emit_assembly(emit_llvm(module).replace("internal ", ""), find_target("x86-64-v3"))
    words = ("vpackssdw", "vpmaxsw", "vpminsw", "vpmaxsd", "vpminsd")
    assert [assembly.count(f"\t{word}\t") for word in words] == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("unsigned, name", [(True, "vpackuswb"), (False, "vpacksswb")])
def test_four_registers_are_packed_into_one_that_saturates(parse, unsigned: bool, name: str):
    module = parse(kernel(4, 8, unsigned, *limits(8, unsigned)))
    module.attributes["tenon.target"] = find_target("x86-64-v3").attribute()
    assembly = emit_assembly(emit_llvm(module).replace("internal ", ""), find_target("x86-64-v3"))
    counted = {
        word: assembly.count(f"\t{word}\t") for word in ("vpackssdw", name, "vpermd", "vpmaxsd", "vpminsd")
    }
    assert list(counted.values()) == [2, 1, 1, 0, 0]
    assert "vpextr" not in assembly and "vpshufb" not in assembly

"""How a program finds out at run time whether the CPU has a feature: a bit of `cpuid`, and the registers that
the operating system must save for it (Intel SDM volume 2A, `cpuid`; AMD APM volume 3, appendix E)."""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Iterable
from typing import NamedTuple

from ...dialects.errors import TenonError

EAX, EBX, ECX, EDX = range(4)
_AVX_STATE = 0b110
_AVX512_STATE = 0b1110_0110
_AMX_STATE = 3 << 17

_AVX = frozenset(
    """avx avx2 avxifma avxneconvert avxvnni avxvnniint16 avxvnniint8 f16c fma fma4 sha512 sm3 sm4 vaes
    vpclmulqdq xop""".split()
)


class FeatureBit(NamedTuple):
    """The feature is there if `bit` of `register` is set after cpuid(leaf, subleaf), and XCR0 has all of
    `state`."""

    name: str
    leaf: int
    subleaf: int
    register: int
    bit: int
    state: int


_LEAVES: dict[tuple[int, int, int], dict[str, int]] = {
    (1, 0, EDX): {"cx8": 8, "cmov": 15, "mmx": 23, "fxsr": 24, "sse": 25, "sse2": 26},
    (1, 0, ECX): {
        "sse3": 0, "pclmul": 1, "ssse3": 9, "fma": 12, "cx16": 13, "sse4.1": 19, "sse4.2": 20, "crc32": 20,
        "movbe": 22, "popcnt": 23, "aes": 25, "xsave": 26, "avx": 28, "f16c": 29, "rdrnd": 30,
    },
    (7, 0, EBX): {
        "bmi": 3, "avx2": 5, "bmi2": 8, "avx512f": 16, "avx512dq": 17, "rdseed": 18, "adx": 19,
        "avx512ifma": 21, "clflushopt": 23, "clwb": 24, "avx512cd": 28, "sha": 29, "avx512bw": 30,
        "avx512vl": 31,
    },
    (7, 0, ECX): {
        "avx512vbmi": 1, "avx512vbmi2": 6, "gfni": 8, "vaes": 9, "vpclmulqdq": 10, "avx512vnni": 11,
        "avx512bitalg": 12, "avx512vpopcntdq": 14, "movdiri": 27, "movdir64b": 28,
    },
    (7, 0, EDX): {
        "avx512vp2intersect": 8, "amx-bf16": 22, "avx512fp16": 23, "amx-tile": 24, "amx-int8": 25,
    },
    (7, 1, EAX): {
        "sha512": 0, "sm3": 1, "sm4": 2, "raoint": 3, "avxvnni": 4, "avx512bf16": 5, "cmpccxadd": 7,
        "amx-fp16": 21, "avxifma": 23, "movrs": 31,
    },
    (7, 1, EDX): {
        "avxvnniint8": 4, "avxneconvert": 5, "amx-complex": 8, "avxvnniint16": 10, "prefetchi": 14,
        "avx10.1": 19, **dict.fromkeys(("egpr", "push2pop2", "ppx", "ndd", "ccmp", "nf", "cf", "zu"), 21),
    },
    (0x1E, 1, EAX): {"amx-fp8": 4, "amx-tf32": 6, "amx-avx512": 7, "amx-movrs": 8},
    (0x80000001, 0, ECX): {
        "sahf": 0, "lzcnt": 5, "sse4a": 6, "prfchw": 8, "xop": 11, "fma4": 16, "tbm": 21,
    },
    (0x80000001, 0, EDX): {"64bit": 29},
}  # fmt: skip
"""(leaf, subleaf, register) -> feature, as LLVM calls it -> bit."""

_NEVER_EMITTED = frozenset(
    """cldemote clzero enqcmd fsgsbase hreset invpcid kl lwp mwaitx pconfig pku ptwrite rdpid rdpru rtm
    serialize sgx shstk tsxldtrk uintr usermsr waitpkg wbnoinvd widekl xsavec xsaveopt xsaves""".split()
)
"""Features whose instructions no code of ours contains: those of operating systems and debuggers."""


def feature_bits(features: Iterable[str]) -> list[FeatureBit]:
    """What code that was compiled for `features` must check. Raises `TenonError` for an unknown one."""
    known = {
        name: FeatureBit(name, *place, bit, _state(name))
        for place, bits in _LEAVES.items()
        for name, bit in bits.items()
    }
    wanted = sorted(set(features) - _NEVER_EMITTED)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise TenonError(
            f"cpu feature {', '.join(unknown)} cannot be checked at run time: compile for another target"
        )
    return [known[name] for name in wanted]


_TILES = "amx-tile"
_ARCH_PRCTL, _REQUEST, _TILE_DATA = 158, 0x1023, 18


def permit(features: Collection[str]) -> bool:
    """Asks Linux for the registers that a process has to ask for, tiles, if there are such among the
    features; whether all are granted. The same as in `runtime/cpu_x86_64.ll`, for code in this process."""
    if _TILES not in features:
        return True
    return ctypes.CDLL(None).syscall(_ARCH_PRCTL, _REQUEST, _TILE_DATA) == 0


def _state(name: str) -> int:
    """The bits of XCR0 a feature needs: without them its registers are lost when threads are switched."""
    if name.startswith("amx"):
        return _AMX_STATE
    if name.startswith(("avx512", "avx10")):
        return _AVX512_STATE
    return _AVX_STATE if name in _AVX else 0

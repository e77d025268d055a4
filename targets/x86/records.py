"""x86-64 machines by their micro-architecture level (SSE2, SSE4.2, AVX2 with FMA, AVX-512), and beyond the
levels those that have dot products: of int8 in registers of 256 bits (Intel's clients since Alder Lake) or
with AVX-512 (its servers since Cascade Lake), of bf16 (Cooper Lake, Sapphire Rapids, AMD's since Zen 4)."""

from __future__ import annotations

from dataclasses import replace

from ..record import TargetRecord

_SSE2 = "+cx8,+fxsr,+mmx,+sse,+sse2"
_SSE4 = _SSE2 + ",+cx16,+popcnt,+sahf,+sse3,+ssse3,+sse4.1,+sse4.2"
_AVX2 = _SSE4 + ",+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+xsave"
_AVX512 = _AVX2 + ",+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl"
_INT8 = _AVX512 + ",+avx512vnni"
_BF16 = _INT8 + ",+avx512bf16"
_VEX = _AVX2 + ",+avxvnni,+gfni"
_VEX8 = _VEX + ",+avxvnniint8,+avxvnniint16,+avxifma"
_ICELAKE = _INT8 + ",+avx512ifma,+avx512vbmi,+avx512vbmi2,+avx512bitalg,+avx512vpopcntdq,+gfni"
_AVX512_BF16 = _ICELAKE + ",+avx512bf16"
# SSE4a has no VEX encoding: an extrq between instructions on 256 bits took 260 cycles on Zen 3.
_ZEN4 = _AVX512_BF16 + ",-sse4a"
_SAPPHIRE = _AVX512_BF16 + ",+avxvnni,+avx512fp16,+amx-tile,+amx-int8,+amx-bf16"

_BASE = TargetRecord(
    name="x86-64",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64",
    features=_SSE2,
    vector_registers=15,  # of 16: without VEX encodings an operand is overwritten, one holds its copy
    vector_bytes=16,
    loads_per_cycle=2,
    l1_bytes=32 << 10,
    l2_bytes=256 << 10,
    broadcast_operations=1,  # a shuffle: loads that broadcast came with AVX
)


def _level(name: str, features: str, **changes: int) -> TargetRecord:
    shuffled = 0 if "+avx," in features else 1
    changes = {"broadcast_operations": shuffled, **changes}
    return replace(_BASE, name=name, cpu=name, features=features, **changes)  # pyright: ignore[reportArgumentType]


RECORDS = (
    _BASE,
    _level("x86-64-v2", _SSE4),
    _level("x86-64-v3", _AVX2, vector_bytes=32, vector_registers=16, l2_bytes=512 << 10),
    _level("alderlake", _VEX, vector_bytes=32, vector_registers=16, l1_bytes=48 << 10, l2_bytes=1280 << 10),
    _level("arrowlake-s", _VEX8, vector_bytes=32, vector_registers=16, l1_bytes=48 << 10, l2_bytes=3 << 20),
    _level("x86-64-v4", _AVX512, vector_bytes=64, vector_registers=32, l2_bytes=1 << 20),
    _level("cascadelake", _INT8, vector_bytes=64, vector_registers=32, l2_bytes=1 << 20),
    _level("cooperlake", _BF16, vector_bytes=64, vector_registers=32, l2_bytes=1 << 20),
    _level(
        "icelake-server",
        _ICELAKE,
        vector_bytes=64,
        vector_registers=32,
        l1_bytes=48 << 10,
        l2_bytes=1280 << 10,
    ),
    _level("znver4", _ZEN4, vector_bytes=64, vector_registers=32, l2_bytes=1 << 20),
    _level(
        "sapphirerapids",
        _SAPPHIRE,
        vector_bytes=64,
        vector_registers=32,
        l1_bytes=48 << 10,
        l2_bytes=2 << 20,
        tile_registers=8,
    ),
)
"""Each behind those with fewer features."""

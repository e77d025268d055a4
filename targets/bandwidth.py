"""How fast this machine's core reads memory, measured: per size of what it reads, because of its caches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .llvm.artifact import aligned_bytes
from .llvm.codegen import compile_text
from .llvm.sample import attributes
from .llvm.timing import least_seconds
from .record import TargetRecord, host

SIZES = tuple(1 << bits for bits in (14, 17, 19, 21, 23, 25, 27))
"""Bytes that are read again and again: from a first-level cache's to more than any cache holds."""

TEXT = """define void @read(i64 %count, ptr %data, i64 %bytes) #0 {
entry:
  %sink = alloca <16 x i32>
  br label %round
round:
  %i = phi i64 [ 0, %entry ], [ %i.next, %round.end ]
  br label %loop
loop:
  %at = phi i64 [ 0, %round ], [ %next, %loop ]
  %s0 = phi <16 x i32> [ zeroinitializer, %round ], [ %t0, %loop ]
  %s1 = phi <16 x i32> [ zeroinitializer, %round ], [ %t1, %loop ]
  %s2 = phi <16 x i32> [ zeroinitializer, %round ], [ %t2, %loop ]
  %s3 = phi <16 x i32> [ zeroinitializer, %round ], [ %t3, %loop ]
  %p0 = getelementptr i8, ptr %data, i64 %at
  %p1 = getelementptr i8, ptr %p0, i64 64
  %p2 = getelementptr i8, ptr %p0, i64 128
  %p3 = getelementptr i8, ptr %p0, i64 192
  %v0 = load <16 x i32>, ptr %p0, align 64
  %v1 = load <16 x i32>, ptr %p1, align 64
  %v2 = load <16 x i32>, ptr %p2, align 64
  %v3 = load <16 x i32>, ptr %p3, align 64
  %t0 = xor <16 x i32> %s0, %v0
  %t1 = xor <16 x i32> %s1, %v1
  %t2 = xor <16 x i32> %s2, %v2
  %t3 = xor <16 x i32> %s3, %v3
  %next = add i64 %at, 256
  %more = icmp ult i64 %next, %bytes
  br i1 %more, label %loop, label %round.end
round.end:
  store volatile <16 x i32> %t0, ptr %sink
  store volatile <16 x i32> %t1, ptr %sink
  store volatile <16 x i32> %t2, ptr %sink
  store volatile <16 x i32> %t3, ptr %sink
  %i.next = add i64 %i, 1
  %again = icmp ult i64 %i.next, %count
  br i1 %again, label %round, label %end
end:
  ret void
}
"""


def measure_bandwidth(
    record: TargetRecord | None = None, sizes: Sequence[int] = SIZES, seconds: float = 0.1
) -> dict[int, float]:
    """Size in bytes -> 1e9 bytes per second at which one core reads that much again and again; each takes
    about `seconds`."""
    record = record or host()
    read = compile_text(f"{TEXT}\n{attributes(record)}", record).function("read", 3)
    memory = aligned_bytes(max(sizes))
    memory[:] = 1  # its pages exist only once they are written
    return {
        size: size / least_seconds(lambda n, s=size: read(n, memory.ctypes.data, s), seconds, 50) / 1e9
        for size in sizes
    }


CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 1 << 10, "M": 1 << 20}


def data_caches(folder: Path = CACHES) -> dict[int, int]:
    """Level -> bytes of the caches that hold a core's data, as Linux tells; empty where it does not."""
    found: dict[int, int] = {}
    try:
        for index in folder.glob("index*"):
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
            if kind in ("Data", "Unified"):
                found[int(level)] = int(size[:-1]) * _UNITS[size[-1]]
    except (OSError, ValueError, KeyError, IndexError):
        return {}
    return dict(sorted(found.items()))


def bandwidth_for(measured: dict[int, float], size: int) -> float:
    """The bandwidth to expect of `size` bytes: that of the next larger size measured."""
    return measured[min((s for s in measured if s >= size), default=max(measured))]

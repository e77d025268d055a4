"""A compiled model: native code, its weights, and the memory its calls work in."""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from ...dialects.errors import TenonError
from ...passes.memory.buffers import aligned, aligned_bytes
from ..record import TargetRecord
from .codegen import CompiledModule, emit_assembly, emit_object, entered, loadable
from .names import kernel_name
from .pool import Pool, pool_code
from .runtime import PARALLEL, read
from .weights_section import object_with_weights, weights_text

_IDLE_ARENAS = 4
"""Arenas kept for the next calls; calls that run at the same time each have their own."""


class NativeArtifact:
    """Native code for one model on one target.

    llvm_text: the LLVM module, `void @main(inputs..., outputs..., weights, arena, pool)` and its kernels;
    weights: uint8, copied unless they start at a multiple of 64; arena_bytes: the scratch memory of one call;
    arguments: how many inputs and outputs; module: the lowered module that the text came from. Text and
    module may be functions that make them when they are first asked for; object_code is compiled from the
    text unless it is there already; threads: how many a call may use. `seconds` is for who compiles to note
    what each step took."""

    def __init__(
        self,
        llvm_text: str | Callable[[], str],
        record: TargetRecord,
        weights: np.ndarray,
        arena_bytes: int,
        arguments: int,
        module: ModuleOp | Callable[[], ModuleOp] | None = None,
        object_code: bytes | None = None,
        threads: int = 1,
    ):
        self._llvm_text, self._module = llvm_text, module
        self.record, self.arena_bytes, self.arguments = record, arena_bytes, arguments
        self.weights = aligned(weights)
        self.threads, self.pool = threads, Pool(threads)
        self.seconds: dict[str, float] = {}
        if object_code is None:
            text = entered(self.llvm_text, arguments + 3) + _kernel_table(self._kernels)
            object_code = emit_object(loadable(text), record, [PARALLEL])
        self.object_code = object_code
        self._idle: deque[np.ndarray] = deque(maxlen=_IDLE_ARENAS)

    @cached_property
    def llvm_text(self) -> str:
        return self._llvm_text if isinstance(self._llvm_text, str) else self._llvm_text()

    @cached_property
    def module(self) -> ModuleOp | None:
        """The lowered module; None where only its code is known."""
        return self._module() if callable(self._module) else self._module

    @cached_property
    def _kernels(self) -> list[str]:
        return re.findall(r'^define internal void @(?!"?tenon\.)(\S+)\(', self.llvm_text, re.MULTILINE)

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        """Compute `outputs` in place from C-contiguous `inputs`; calls may run in several threads."""
        arrays = [*inputs, *outputs]
        if len(arrays) != self.arguments:
            raise TenonError(f"got {len(arrays)} arrays, main takes {self.arguments}")
        main = self._main
        try:
            arena = self._idle.pop()
        except IndexError:
            arena = aligned_bytes(self.arena_bytes)
        try:
            memory = (self.weights.ctypes.data, arena.ctypes.data, self.pool.address())
            main([*(a.ctypes.data for a in arrays), *memory])
        finally:
            self._idle.append(arena)

    def dirty_arena(self) -> None:
        """Gives the next call an arena of nothing but NaNs, so that a read before the first write shows."""
        arena = aligned_bytes(self.arena_bytes)
        arena[:] = 0xFF
        self._idle.append(arena)

    @cached_property
    def _code(self) -> CompiledModule:
        """The code in this process; a target that this machine cannot run is an error only here."""
        if self.pool.threads > 1:
            pool_code()
        return CompiledModule(self.object_code, self.record)

    @cached_property
    def _main(self) -> Callable[[Sequence[int]], None]:
        return self._code.entry()

    def emit(self, kind: str) -> str | bytes:
        """The code as `mlir`, `ll` or `asm` text, or as the bytes of an object file (`obj`)."""
        forms: dict[str, Callable[[], str | bytes]] = {
            "mlir": lambda: "" if self.module is None else str(self.module),
            "ll": lambda: self.llvm_text,
            "asm": lambda: emit_assembly(self.llvm_text, self.record),
            "obj": lambda: b"".join(self._object_parts()),
        }
        if kind not in forms:
            raise TenonError(f"cannot emit '{kind}': expected one of {', '.join(forms)}")
        return forms[kind]()

    def write(self, kind: str, path: Path) -> None:
        """As `emit`, into a file; the weights of an object file are not copied on the way."""
        content = self._object_parts() if kind == "obj" else [self.emit(kind)]
        with path.open("wb") as file:
            for part in content:
                file.write(part.encode() if isinstance(part, str) else part)

    def _object_parts(self) -> list[bytes | memoryview]:
        """An object file that defines `tenon_main(inputs..., outputs..., arena)`, `tenon_weights` and
        `tenon_arena_bytes` (a u64; the arena must be 64-byte aligned). It runs on the caller's
        thread, whatever `threads` is: a plain function has nowhere to keep others."""
        text = self.llvm_text.replace("define void @main(", "define internal void @tenon.model(")
        text = re.sub(rf"^declare void @{PARALLEL}\(.*\n", read("pool_alone.ll"), text, flags=re.MULTILINE)
        return object_with_weights(emit_object(text + _object_text(self), self.record), self.weights)

    def kernel_address(self, name: str) -> int:
        """Where the code of a kernel starts."""
        name = kernel_name(name)
        if name not in self._kernels:
            raise TenonError(f"no kernel '{name}', the kernels are: {', '.join(self._kernels)}")
        table = ctypes.cast(self._code.address("tenon.kernels"), ctypes.POINTER(ctypes.c_uint64))
        return table[self._kernels.index(name)]


def _kernel_table(names: Sequence[str]) -> str:
    """Kernels are internal; their addresses in a table make them reachable for measurements."""
    if not names:
        return ""
    entries = ", ".join(f"ptr @{name}" for name in names)
    return f"@tenon.kernels = constant [{len(names)} x ptr] [{entries}]\n"


def _object_text(artifact: NativeArtifact) -> str:
    """The exported symbols of an object file, as LLVM text. The weights are a placeholder."""
    parameters = ", ".join(f"ptr %a{i}" for i in range(artifact.arguments))
    separator = ", " if parameters else ""
    return f"""
{weights_text("tenon_weights")}
@tenon_weights = external hidden constant [{artifact.weights.nbytes} x i8]
@tenon_arena_bytes = constant i64 {artifact.arena_bytes}
define void @tenon_main({parameters}{separator}ptr %arena) #0 {{
  call void @tenon.model({parameters}{separator}ptr @tenon_weights, ptr %arena, ptr null)
  ret void
}}
"""

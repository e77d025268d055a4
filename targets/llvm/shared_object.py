"""A shared object with a C interface: the model's code, its weights and the run time, linked.

Three kinds of object files go into it: the code, the very one that runs in memory; the run time and the
tables, compiled for the least machine of the architecture, since they find out what the CPU can; the weights,
which pass through neither LLVM nor a copy in memory."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...dialects.errors import TenonError
from ..attach_target import FOLDERS
from ..record import TargetRecord, host, records
from . import runtime
from .codegen import compile_text, emit_object
from .interface import Interface, PortLike, identifier
from .library_file import seal
from .link import link_shared
from .weights_section import object_with_weights, weights_text

if TYPE_CHECKING:
    from .artifact import NativeArtifact

_MOST_INSIDE = 1 << 30
"""Bytes of weights inside: code reaches its constants over at most 2 GiB."""

WEIGHTS_HEADER = struct.Struct("<8sIIQQ32x")
"""Of a weights file: magic, version, 0, bytes, checksum; `%Header` in runtime/types.ll."""


class SharedObject:
    """The files of one model: `name`.so, `name`.h, and `name`.weights where the weights lie beside."""

    def __init__(
        self,
        artifact: NativeArtifact,
        inputs: Sequence[PortLike],
        outputs: Sequence[PortLike],
        stem: str,
        name: str | None = None,
        external: bool = False,
    ):
        """stem: of the files' names; name: for the exported names, by default made of `stem`."""
        self.artifact, self.stem, self.external = artifact, stem, external
        if not external and artifact.weights.nbytes > _MOST_INSIDE:
            raise TenonError(
                f"{artifact.weights.nbytes} bytes of weights are more than a shared object can hold "
                f"({_MOST_INSIDE}): write them beside it (--weights external)"
            )
        self.interface = Interface(
            identifier(stem if name is None else name),
            artifact.record,
            inputs,
            outputs,
            artifact.arena_bytes,
            artifact.weights.nbytes,
            checksum(artifact.weights),
            threads=artifact.pool.threads,
            weights_file=f"{stem}.weights" if external else "",
        )

    @property
    def files(self) -> list[str]:
        """The names of all files, the library last: it is what the others are for."""
        beside = [f"{self.stem}.weights"] if self.external else []
        return [*beside, f"{self.stem}.h", f"{self.stem}.so"]

    def write(self, path: Path) -> None:
        """Writes the file that has the name of `path`, one of `files`, there."""
        {".so": self._library, ".h": self._header, ".weights": self._weights}[path.suffix](path)

    def _header(self, path: Path) -> None:
        path.write_text(self.interface.header(f"{self.stem}.so"))

    def _weights(self, path: Path) -> None:
        own = self.interface
        with path.open("wb") as file:
            file.write(WEIGHTS_HEADER.pack(b"TENONWTS", 1, 0, own.weight_bytes, own.checksum))
            file.write(self.artifact.weights.data)

    def _library(self, path: Path) -> None:
        artifact, record = self.artifact, self.artifact.record
        architecture = record.triple.split("-")[0]
        objects = {**_runtime_objects(architecture), "tables": self._tables(), "code": artifact.object_code}
        with tempfile.TemporaryDirectory(prefix=".tenonc-", dir=path.parent) as folder:
            files = [Path(folder) / f"{name}.o" for name in objects]
            for file, data in zip(files, objects.values(), strict=True):
                file.write_bytes(data)
            if not self.external:
                files.append(Path(folder) / "blob.o")
                _write_weights(files[-1], artifact.weights, record)
            link_shared(files, path, record.triple)
            seal(path)

    def _tables(self) -> bytes:
        record = self.artifact.record
        digest = sha256(self.artifact.object_code).hexdigest()
        text = self.interface.llvm_text(_feature_rows(record), digest)
        return emit_object(text, _least(record.triple.split("-")[0]), _HIDDEN | {"main"})


_HIDDEN = frozenset(
    "tenon." + name
    for name in """fail no_error checksum take_arena give_arena free_arenas open_weights check_tensors
    check_overlap check_cpu create run destroy enter pool_create pool_destroy info features blob
    weights""".split()
)
"""What the objects use of each other, besides the model's `main`."""

_LIBC = frozenset(
    """calloc free mmap munmap madvise open close pread lseek sysconf dladdr access realpath strrchr memcmp
    snprintf vsnprintf sched_getaffinity __errno_location""".split()
)
"""What the run time uses of libc."""


def checksum(weights: np.ndarray) -> int:
    """What the run time computes of the weights, by the same code."""
    function = _checksum_code().function("into", 3)
    result, size = np.zeros(1, np.uint64), np.array([weights.nbytes])
    function(weights.ctypes.data, size.ctypes.data, result.ctypes.data)
    return int(result[0])


@cache
def _checksum_code():
    wrapper = """define void @into(ptr %data, ptr %size, ptr %result) {
  %bytes = load i64, ptr %size
  %sum = call i64 @tenon.checksum(ptr %data, i64 %bytes)
  store i64 %sum, ptr %result
  ret void
}
"""
    return compile_text(runtime.unit("checksum") + wrapper, host())


@cache
def _runtime_objects(architecture: str) -> dict[str, bytes]:
    """The run time, compiled once a process."""
    least = _least(architecture)
    units = {name: runtime.unit(name) for name in (*runtime.UNITS, f"cpu_{architecture}")}
    units["pool"] = runtime.pool_text(least.triple)
    known = _HIDDEN | _LIBC | runtime.POOL_NEEDS
    return {name: emit_object(text, least, known) for name, text in units.items()}


def _least(architecture: str) -> TargetRecord:
    return next(record for record in records().values() if record.triple.startswith(architecture))


def _feature_rows(record: TargetRecord) -> list[tuple]:
    folder = FOLDERS[record.triple.split("-")[0]]
    family = import_module(f"...{folder}.features", __name__)
    return family.feature_bits(record.enabled)


def _write_weights(path: Path, weights: np.ndarray, record: TargetRecord) -> None:
    """An object file that holds nothing else."""
    code = emit_object(weights_text("tenon.weights", "hidden"), record)
    with path.open("wb") as file:
        file.writelines(object_with_weights(code, weights))

"""Models as shared objects: written from an `Executable`, loaded into one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..dialects.errors import TenonError, UsageError
from .atomic import write_files

if TYPE_CHECKING:
    from ..targets.llvm.shared_object import SharedObject
    from .executable import Executable

WEIGHTS = ("inside", "external")
"""Where the weights of a shared object go: into it, or into a file beside it."""


def shared_object(
    exe: Executable, stem: str, weights: str = "inside", name: str | None = None
) -> SharedObject:
    """The files of `exe` as a shared object: `stem`.so, `stem`.h and, where `weights` is external,
    `stem`.weights. `name` becomes part of the exported names."""
    from ..targets.llvm.artifact import NativeArtifact
    from ..targets.llvm.shared_object import SharedObject

    if weights not in WEIGHTS:
        raise UsageError(f"weights is '{weights}', expected one of {', '.join(WEIGHTS)}")
    if not isinstance(exe.artifact, NativeArtifact):
        raise TenonError("only what `compile` has made of a model can become a shared object")
    return SharedObject(exe.artifact, exe.inputs, exe.outputs, stem, name, weights == "external")


def write_library(exe: Executable, path: Path, weights: str = "inside", name: str | None = None) -> None:
    """Writes `path`, a file that ends in .so, with its header beside it, and its weights where they are
    external: all of them or none."""
    if path.suffix != ".so" or not path.stem:
        raise TenonError(f"{path}: a shared object needs a file name that ends in .so")
    library = shared_object(exe, path.stem, weights, name)
    write_files(path.parent, {file: library.write for file in library.files})


def emit_library(exe: Executable, kind: str) -> bytes:
    """The bytes of model.so or model.h."""
    library = shared_object(exe, "model")
    with tempfile.TemporaryDirectory(prefix="tenonc-") as folder:
        path = Path(folder) / f"model.{kind}"
        library.write(path)
        return path.read_bytes()


def load_executable(
    path: str | Path, weights: str | Path | None = None, threads: int | None = None
) -> Executable:
    """The model in the shared object `path` as an `Executable`.

    weights: the file of its weights, where they are neither inside nor beside it; threads: how many run one
    call, by default as many as it was compiled for. Raises `TenonError` for a file that is cut off, of
    another version or not made by tenonc, and where this CPU or the weights do not fit."""
    from ..targets.llvm.library import LibraryArtifact
    from ..targets.record import check_threads
    from .executable import Executable
    from .model import Port

    if threads is not None:
        check_threads(threads)
    artifact = LibraryArtifact(Path(path), None if weights is None else Path(weights), threads or 0)
    ports = [[Port(*port) for port in side] for side in (artifact.inputs, artifact.outputs)]
    return Executable(artifact, *ports)

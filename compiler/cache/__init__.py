"""Compiled models on disk, found again by what they were compiled from.

An entry is one file with the object code, the blob of weights, the lowered module and its LLVM text. A warm
compile checks it, maps it into memory and loads the code: no pass runs, and LLVM does nothing. Whatever is
wrong with the folder or an entry, the model is compiled, and one `CacheWarning` says what was wrong.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from ...dialects.errors import CacheWarning
from ..model import Model
from ..options import CompileOptions
from .entry import Entry, EntryError, read_entry, write_entry
from .folder import FolderError, PrivateFolder
from .key import compile_key, module_text, versions
from .settings import CacheChoice, Settings

if TYPE_CHECKING:
    from ...targets.llvm.artifact import NativeArtifact

SUFFIX = ".tenon"


def compile_cached(
    model: Model,
    options: CompileOptions,
    choice: CacheChoice,
    compile_now: Callable[[], NativeArtifact],
) -> NativeArtifact:
    """What `compile_now` makes of `model` under `options`, from the cache that `choice` names if it is there;
    else it is made and put there."""
    settings = Settings.of(choice)
    if settings is None:
        return compile_now()
    start = time.perf_counter()
    key = compile_key(model.module, options)
    if key is None:
        _warn(["a source file of tenonc was changed after this process started"])
        return compile_now()
    problems: list[str] = []
    artifact = _found(settings.artifacts(), key, options, problems)
    if artifact is not None:
        artifact.seconds = {"cache": time.perf_counter() - start}
        return artifact
    artifact = compile_now()
    _keep(settings.artifacts(), key, artifact, model.name, problems)
    if problems:
        _warn(problems)
    return artifact


def _found(
    folder: PrivateFolder, key: str, options: CompileOptions, problems: list[str]
) -> NativeArtifact | None:
    try:
        with folder.reading(key + SUFFIX) as file:
            return None if file is None else _artifact(read_entry(file), options)
    except FolderError as error:
        problems.append(str(error))
    except EntryError as error:
        problems.append(f"{folder.path / (key + SUFFIX)}: {error}, it is replaced")
    except OSError as error:
        problems.append(f"{folder.path / (key + SUFFIX)}: cannot be read: {(error.strerror or '').lower()}")
    return None


def _artifact(entry: Entry, options: CompileOptions) -> NativeArtifact:
    from ...targets.llvm.artifact import NativeArtifact
    from ...targets.record import find_target

    return NativeArtifact(
        lambda: entry.text("llvm"),
        find_target(options.target),
        entry.array("weights"),
        entry.facts["arena_bytes"],
        entry.facts["arguments"],
        lambda: _parsed(entry.text("mlir")),
        entry.bytes("object"),
        options.threads,
    )


def _parsed(text: str) -> ModuleOp:
    from ..pipeline import context

    return Parser(context(), text).parse_module()


def _keep(folder: PrivateFolder, key: str, artifact: NativeArtifact, name: str, problems: list[str]) -> None:
    assert artifact.module is not None
    parts = {
        "object": artifact.object_code,
        "llvm": artifact.llvm_text.encode(),
        "mlir": module_text(artifact.module).encode(),
        "weights": artifact.weights.data,
    }
    facts = {
        "model": name,
        "target": artifact.record.name,
        "arena_bytes": artifact.arena_bytes,
        "arguments": artifact.arguments,
        "versions": versions(),
    }
    size = sum(memoryview(part).nbytes for part in parts.values())
    if size > folder.limit:
        problems.append(f"{folder.path}: {size:,} bytes are over its limit of {folder.limit:,}, not kept")
        return
    try:
        folder.publish(key + SUFFIX, lambda file: write_entry(file, facts, parts))
    except FolderError as error:
        problems.append(str(error))


def _warn(problems: list[str]) -> None:
    # What keeps a folder from being read often keeps it from being written in the same words.
    said = "; ".join(dict.fromkeys(problems))
    warnings.warn(CacheWarning(f"compiled without the cache: {said}"), stacklevel=4)

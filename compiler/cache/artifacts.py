"""Compiled models on disk, found again by what they were compiled from.

An entry is one file with the object code, the blob of weights, the lowered module and its LLVM text. A warm
compile checks it, maps it into memory and loads the code: no pass runs, and LLVM does nothing. Whatever is
wrong with the folder or an entry, the model is compiled, and one `CacheWarning` says what was wrong.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from xdsl.dialects.builtin import ModuleOp
from xdsl.parser import Parser

from ...dialects.errors import CacheWarning
from ..model import Model
from ..options import CompileOptions
from .entry import Entry, EntryError, read_entry, read_facts, write_entry
from .folder import FolderError, PrivateFolder
from .key import compile_key, module_text, versions
from .settings import Settings

if TYPE_CHECKING:
    from ...targets.llvm.artifact import NativeArtifact

SUFFIX = ".tenon"


class Schedules(Protocol):
    """The schedules that a compile takes from tuning. `keys`: of the kernels of the last compile; `stamp_of`:
    a digest of what is known for kernels of such keys."""

    keys: list[str] | None

    def stamp_of(self, keys: Sequence[str] | None) -> str: ...


def compile_cached(
    model: Model,
    options: CompileOptions,
    settings: Settings,
    schedules: Schedules,
    compile_now: Callable[[], NativeArtifact],
) -> NativeArtifact:
    """What `compile_now` makes of `model` under `options`, from the cache if it is there; else it is made and
    put there."""
    start = time.perf_counter()
    key = compile_key(model.module, options)
    if key is None:
        _warn(["a source file of tenonc was changed after this process started"])
        return compile_now()
    problems: list[str] = []
    artifact = _found(settings.artifacts(), key, options, schedules, problems)
    if artifact is not None:
        artifact.seconds = {"cache": time.perf_counter() - start}
        return artifact
    artifact = compile_now()
    facts = {
        "model": model.name,
        "kernels": schedules.keys,
        "schedules": schedules.stamp_of(schedules.keys),
    }
    _keep(settings.artifacts(), key, artifact, facts, problems)
    if problems:
        _warn(problems)
    return artifact


def _found(
    folder: PrivateFolder, key: str, options: CompileOptions, schedules: Schedules, problems: list[str]
) -> NativeArtifact | None:
    try:
        with folder.reading(key + SUFFIX) as file:
            if file is None:
                return None
            facts = read_facts(file)
            if facts["schedules"] != schedules.stamp_of(facts["kernels"]):
                return None  # tuning has found other schedules since
            return _artifact(read_entry(file), options)
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


def _keep(
    folder: PrivateFolder, key: str, artifact: NativeArtifact, facts: dict[str, Any], problems: list[str]
) -> None:
    assert artifact.module is not None
    parts = {
        "object": artifact.object_code,
        "llvm": artifact.llvm_text.encode(),
        "mlir": module_text(artifact.module).encode(),
        "weights": artifact.weights.data,
    }
    facts |= {
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
    warnings.warn(CacheWarning(f"compiled without the cache: {said}"), stacklevel=5)

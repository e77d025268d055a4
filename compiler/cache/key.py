"""What a compile depends on, as one digest: the name of its cache entry.

The text of the imported module names weights by the digest of their content. A developer who edits a pass
gets new keys, since the digest of Tenon's own sources is part of each.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp
from xdsl.printer import Printer

from .. import IMPORTED
from ..options import CompileOptions
from .entry import FORMAT

_ROOT = Path(__file__).parents[2]
_LAYERS = ("dialects", "passes", "targets", "compiler")
_VERSIONS = ("tenonc", "xdsl", "llvmlite", "numpy", "ml_dtypes", "onnx")


def module_text(module: ModuleOp) -> str:
    """The module with the names of its ops, which messages and profiles show."""
    stream = StringIO()
    Printer(stream=stream, print_debuginfo=True).print_op(module)
    return stream.getvalue()


def compile_key(module: ModuleOp, options: CompileOptions) -> str | None:
    """The key of compiling an imported module; None where no entry could be told from a stale one: a source
    of Tenon was edited after this process started."""
    from ...targets.record import find_target
    from ..pipeline import pipeline_text

    sources = sources_digest()
    if sources is None:
        return None
    facts = {
        "format": FORMAT,
        "options": asdict(options),
        "pipeline": pipeline_text(options),
        "target": asdict(find_target(options.target)),
        "versions": versions(),
        "sources": sources,
        "instructions": _content(options.instructions),
    }
    digest = sha256(json.dumps(facts, sort_keys=True).encode())
    digest.update(b"\0" + module_text(module).encode())
    return digest.hexdigest()


def _content(path: str) -> str:
    """The digest of a file's content; nothing for none, or for one that the compile will refuse."""
    try:
        return sha256(Path(path).read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""


@cache
def versions() -> dict[str, str]:
    """The versions of what takes part in a compile."""
    found: dict[str, str] = {}
    for name in _VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def sources_digest(started: float = IMPORTED) -> str | None:
    """The digest of every source file below the tools; None if one was changed since `started`: what this
    process has imported is then perhaps not what the files say."""
    files = sorted(_sources())
    now = time.time()
    if any(started < entry.stat().st_mtime <= now for entry in (Path(name) for name in files)):
        return None
    return _digest(tuple(files))


@cache
def _digest(files: tuple[str, ...]) -> str:
    digest = sha256()
    for name in files:
        content = Path(name).read_bytes()
        digest.update(f"{os.path.relpath(name, _ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _sources() -> Iterator[str]:
    for layer in _LAYERS:
        for folder, folders, names in os.walk(_ROOT / layer):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield from (os.path.join(folder, name) for name in names if not name.endswith(".pyc"))

"""Makes a shared object of object files, with whatever linker there is."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...dialects.errors import TenonError

_OPTIONS = (
    "--build-id=none", "--no-undefined", "--as-needed", "-z,now", "-z,noexecstack", "--hash-style=gnu",
)  # fmt: skip
"""The same objects give the same bytes, and a name nobody defines is an error here, not in the program."""


def link_shared(objects: Sequence[Path], output: Path, triple: str) -> None:
    """Links `objects` into the shared object `output`, which exports names that begin with `tenon_` and
    depends on libc and libm where it must. Raises `TenonError` where no linker can do it."""
    exports = objects[0].with_suffix(".exports")
    exports.write_text("{ global: tenon_*; local: *; };\n")
    reasons: list[str] = []
    for name, command in _linkers(triple):
        if command is None:
            reasons.append(f"{name}: not found")
            continue
        files = ["-o", str(output.resolve()), *(str(path.resolve()) for path in objects)]
        words = [*command, *_named(name, output.name, exports), *files, "-lm", "-lpthread", "-ldl", "-lc"]
        run = subprocess.run(words, capture_output=True, text=True)
        if run.returncode == 0:
            return
        reasons.append(f"{name}: {_reason(run.stderr)}")
    raise TenonError(
        f"no linker for a shared object ({'; '.join(reasons)}): install cc or ld, or tenonc's extra 'aot'"
    )


def _named(linker: str, soname: str, exports: Path) -> list[str]:
    """The options that hold names, as the linker or the compiler in front of it takes them."""
    options = [f"-soname={soname}", f"--version-script={exports.resolve()}"]
    return options if linker == "ld" else [f"-Wl,{option}" for option in options]


def _linkers(triple: str) -> Iterator[tuple[str, list[str] | None]]:
    """Name and command, without files; none where it is not installed. A program for another architecture
    needs a linker that knows it: the system's does not."""
    native = triple.split("-")[0] == platform.machine()
    options = [f"-Wl,{option}" for option in _OPTIONS]
    if native:
        yield "cc", _found("cc", ["-shared", "-nostdlib", *options])
        plain = [word for option in _OPTIONS for word in option.split(",")]
        yield "ld", _found("ld", ["-shared", *plain])
    zig = None
    if importlib.util.find_spec("ziglang") is not None:
        architecture, _, system = triple.partition("-")
        kind = "linux-gnu" if "linux" in system else system
        zig = [sys.executable, "-m", "ziglang", "cc", "-target", f"{architecture}-{kind}"]
        zig += ["-shared", "-nostdlib", *options]
    yield "ziglang", zig


def _found(program: str, arguments: list[str]) -> list[str] | None:
    path = shutil.which(program)
    return None if path is None else [path, *arguments]


_TELLING = ("cannot find", "undefined reference", "error:")


def _reason(text: str) -> str:
    """The line of a linker's output that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _TELLING)]
    return (telling or lines or ["failed"])[0][:200]

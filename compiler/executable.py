"""A compiled model as a callable on arrays: checks what it is given, owns what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..dialects.errors import TenonError
from .model import Model, Port

if TYPE_CHECKING:
    from .cache.settings import CacheChoice
    from .options import CompileOptions
    from .profile import Profile
    from .report import Report
    from .tuning.search import Tuned


class Artifact(Protocol):
    """What the pipeline makes: native code for one model on one target. A call may use `threads`."""

    threads: int

    def run(self, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
        """Compute `outputs` in place from C-contiguous `inputs`; may be called from several threads."""
        ...

    def emit(self, kind: str) -> str | bytes:
        """The code as `mlir`, `ll` or `asm` text, or as `obj` bytes."""
        ...

    def write(self, kind: str, path: Path) -> None:
        """The same as a file, without a copy of the weights in memory."""
        ...


class Executable:
    """A compiled model. `exe(x)`, `exe(x=x)` and `exe({"x": x})` return a tuple of numpy arrays.

    Inputs are numpy arrays or anything with `__dlpack__`, of exactly the dtype and shape of `inputs`; nothing
    is cast silently. Outputs own their memory. Calls from several threads run in parallel. `tuned`: what a
    search before the compile knows of each kernel."""

    def __init__(
        self,
        artifact: Artifact,
        inputs: Sequence[Port],
        outputs: Sequence[Port],
        *,
        options: CompileOptions | None = None,
    ):
        self.artifact, self.options = artifact, options
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.tuned: Sequence[Tuned] = ()

    @property
    def threads(self) -> int:
        """How many a call may use."""
        return self.artifact.threads

    def __call__(self, *arrays: Any, **named: Any) -> tuple[np.ndarray, ...]:
        """Run the model on positional or named arrays, or on one dict from input names to arrays."""
        ready = self.checked(*arrays, **named)
        results = [np.empty(port.shape, port.dtype) for port in self.outputs]
        self.artifact.run(ready, results)
        return tuple(results)

    def checked(self, *arrays: Any, **named: Any) -> list[np.ndarray]:
        """The inputs of a call as the code takes them: in order, C-contiguous; raises `TenonError`."""
        if len(arrays) == 1 and not named and isinstance(arrays[0], Mapping):
            arrays, named = (), dict(arrays[0])
        given = self._by_name(arrays, named)
        return [checked_input(port, given[port.name]) for port in self.inputs]

    def profile(self, inputs: Mapping[str, Any] | None = None, seconds: float = 2.0) -> Profile:
        """The time of each kernel call with its ONNX nodes, and what part of the machine's limit that is.

        Runs on `inputs` (default: seeded ones) for about `seconds`."""
        from .profile import profile

        return profile(self, inputs, seconds)

    def report(
        self,
        path: str | Path,
        title: str = "model",
        inputs: Mapping[str, Any] | None = None,
        seconds: float = 2.0,
        model: Model | None = None,
    ) -> Report:
        """Where the time goes and why, as a page (`.html`) or as data (`.json`): per kernel its schedule,
        machine code and times, measured as `profile` does, and, of the `model` that was compiled, why each
        instruction and schedule was chosen. Returns what was written; the file appears whole
        or not at all."""
        from .report import write_report

        return write_report(self, Path(path), title, inputs, seconds, model)

    def emit(self, kind: str) -> str | bytes:
        """The compiled code: `mlir`, `ll` and `asm` are text, `obj` the bytes of an object file, `so`
        those of a shared object."""
        if kind == "so":
            from .library import emit_library

            return emit_library(self, kind)
        return self.artifact.emit(kind)

    def write(self, kind: str, path: str | Path, *, weights: str = "inside", name: str | None = None) -> None:
        """What `emit` returns, as a file. With `so`, its C header is written beside it, and its weights where
        `weights` is external; `name` is part of the exported names, by default that of the file."""
        if kind == "so":
            from .library import write_library

            write_library(self, Path(path), weights, name)
        else:
            self.artifact.write(kind, Path(path))

    def run_dict(self, *arrays: Any, **named: Any) -> dict[str, np.ndarray]:
        """As a call, but the outputs by name."""
        names = [port.name for port in self.outputs]
        return dict(zip(names, self(*arrays, **named), strict=True))

    def _by_name(self, arrays: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        names = [port.name for port in self.inputs]
        if len(arrays) > len(names):
            raise TenonError(f"got {len(arrays)} inputs, the model has {len(names)}: {', '.join(names)}")
        given = dict(zip(names, arrays, strict=False))
        for name, array in named.items():
            if name not in names:
                raise TenonError(f"no input '{name}', the model's inputs are: {', '.join(names)}")
            if name in given:
                raise TenonError(f"input '{name}' is given twice")
            given[name] = array
        missing = [f"'{name}'" for name in names if name not in given]
        if missing:
            raise TenonError(f"missing input {', '.join(missing)}")
        return given


def checked_input(port: Port, value: Any) -> np.ndarray:
    """`value` as a C-contiguous array of exactly the port's dtype and shape, or a `TenonError`."""
    array = _as_array(port.name, value)
    if array.dtype != port.dtype:
        raise TenonError(f"input '{port.name}': dtype is {array.dtype}, expected {port.dtype}")
    if array.shape != port.shape:
        raise TenonError(f"input '{port.name}': shape is {list(array.shape)}, expected {list(port.shape)}")
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _as_array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, np.generic):
        return np.asarray(value)
    if not hasattr(value, "__dlpack__"):
        raise TenonError(
            f"input '{name}': expected a numpy array or an object with __dlpack__, got {type(value).__name__}"
        )
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise TenonError(f"input '{name}': cannot be read through dlpack: {reason}") from None


def compile(
    model: Model,
    target: str = "host",
    *,
    precision: str = "fp32",
    winograd: str = "auto",
    threads: int = 1,
    instructions: str | Path = "",
    cache: CacheChoice = True,
    tune: float | None = None,
    executor: Executor | None = None,
    print_after_all: bool = False,
    dump_dir: str | Path | None = None,
    on_pass: Callable[[str], None] | None = None,
) -> Executable:
    """Compile `model` for `target`; the model itself is left as it is.

    With `precision="bf16"` contractions of f32 read bf16, and f32 intermediates are kept as bf16; inputs and
    outputs keep their dtypes (passes/convert_precision.py). With `precision="int8-dynamic"` products of f32
    matrices and weights are computed on bytes, to which rows are quantized at run time
    (passes/quantize_dynamic.py).
    A call may use up to `threads` threads (1 to 64, and no more than the process has cores); the results are
    the same bits with any number.
    `winograd` says which 3x3 convolutions run by Winograd's algorithm: `auto` those that then take less time,
    `off` none, `2` or `4` all of them, in tiles of that size. It rounds differently and spreads infinities
    over a tile (docs/architecture.md).
    `instructions` is a file of `tensorized.instruction`s that the target has besides its own; each is checked
    against its body and its mnemonic first (docs/instructions.md).
    What was compiled before is loaded from `cache`: True is the folder of the environment (`TENONC_CACHE`) or
    the user, False none, else a folder. A cache that is in the way costs a `CacheWarning`, never the compile.
    `tune` seconds are spent first on a search for faster schedules, by measured time on this machine;
    candidates are built by `executor` (default: a process a core). What was found is kept in the cache, and
    later compiles take it, with or without `tune`. `print_after_all` writes the IR after every pass to
    stderr, `dump_dir` gets it as one file a pass, both without the cache, and `on_pass` is told each pass's
    name before it runs. Raises `TenonError` for an unknown target or precision, or a model that it
    cannot run."""
    from .cache.compiling import compile_with, settings_for
    from .options import CompileOptions
    from .tuning import check_seconds, tune_schedules

    check_seconds(tune) if tune is not None else None
    options = CompileOptions(target, precision, winograd, threads, str(instructions))
    with settings_for(cache, tune) as settings:
        found: Sequence[Tuned] = ()
        if tune is not None:
            assert settings is not None
            found = tune_schedules(model, options, settings, tune, executor, on_pass)
        exe = compile_with(
            model, options, settings, print_after_all=print_after_all, dump_dir=dump_dir, on_pass=on_pass
        )
        exe.tuned = found
        return exe

"""The chain of passes from an imported model to native code, and what it leaves behind."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from xdsl.context import Context
from xdsl.dialects import get_all_dialects
from xdsl.dialects.builtin import IntegerAttr, ModuleOp
from xdsl.passes import ModulePass, PassPipeline
from xdsl.printer import Printer
from xdsl.transforms import get_all_passes

from ..dialects.registry import DIALECTS
from ..passes.registry import PASSES
from ..targets.registry import TARGET_PASSES
from .bound_accumulators import bound_accumulators
from .options import CompileOptions
from .show_indices import show_indices
from .show_zero_points import show_zero_points

if TYPE_CHECKING:
    from ..targets.llvm.artifact import NativeArtifact
    from .model import Model

LEVELS = {
    "nn": "attach-target{{name={target} threads={threads}{instructions}}},canonicalize,qdq-to-integer,"
    "fold-batch-norm,quantize-dynamic{{to={dynamic}}},convert-precision{{to={precision}}},decompose-nn,"
    "select-winograd{{tile={winograd}}},sink-constants,canonicalize,cse",
    "linalg": "legalize-qnn,lower-qnn,lower-nn,fold-casts,fold-transposes,expand-math,cse",
    "layouts": "assign-layouts",
    "kernels": "fuse-kernels,collapse-loops",
    "matched": "tensorize-match",
    "scheduled": "schedule-kernels",
    "memory": "plan-memory,materialize-weights",
    "loops": "lower-kernels",
}
"""The levels of docs/architecture.md and the passes that lead to each; the options fill in what stands in
braces."""


NOTED = "nn"
"""The level after which stands in the IR what the values of weights and parameters tell passes."""

NOTES = {
    "show-zero-points": show_zero_points,
    "show-indices": show_indices,
    "bound-accumulators": bound_accumulators,
}
"""Steps that are no passes, since they evaluate: of a module and its weights."""


def pipeline_text(options: CompileOptions) -> str:
    """The whole pipeline as `tenon-opt -p` takes it."""
    return ",".join(LEVELS.values()).format(**options.placeholders())


Schedules = Callable[[ModuleOp], None]
"""Sets schedules on the kernels of a module at the level `matched`."""


@dataclass
class CompileLog:
    """Seconds per pass, in order; `weights` evaluates constants, `emit` writes LLVM text, `codegen`
    is LLVM."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - start)

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def context() -> Context:
    """A context that knows every dialect, ours and xDSL's; each is loaded when first needed."""
    made = Context()
    for name, factory in (get_all_dialects() | DIALECTS).items():
        made.register_dialect(name, factory)
    return made


def parse_pipeline(text: str) -> list[ModulePass]:
    """The passes of a pipeline text, ours and xDSL's."""
    return list(PassPipeline.parse_spec(get_all_passes() | PASSES | TARGET_PASSES, text).passes)


class _Tracer:
    """Does what a user wants to see of each pass: times, printed IR, a file per pass, progress."""

    def __init__(self, log: CompileLog, print_after_all: bool, folder: Path | None, on_pass):
        self.log, self.print_after_all, self.folder, self.on_pass = log, print_after_all, folder, on_pass
        self.count = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def run(self, one: ModulePass, ctx: Context, module: ModuleOp) -> None:
        if self.on_pass is not None:
            self.on_pass(one.name)
        with self.log.timed(one.name):
            one.apply(ctx, module)
        self.show(one.name, module)

    def show(self, name: str, module: ModuleOp) -> None:
        if self.print_after_all:
            print(f"// ----- IR after {name}", file=sys.stderr)
            Printer(stream=sys.stderr, print_debuginfo=True).print_op(module)
            print(file=sys.stderr)
        if self.folder is not None:
            path = self.folder / f"{self.count:02d}-{name}.mlir"
            with path.open("w") as stream:
                Printer(stream=stream, print_debuginfo=True).print_op(module)
        self.count += 1


def lower(
    model: Model,
    options: CompileOptions,
    *,
    print_after_all: bool = False,
    dump_dir: str | Path | None = None,
    on_pass: Callable[[str], None] | None = None,
    schedules: Schedules | None = None,
) -> CompileLog:
    """Takes `model.module` in place to its final form: kernels of loops, @main on memrefs."""
    log = CompileLog()
    tracer = _Tracer(log, print_after_all, Path(dump_dir) if dump_dir else None, on_pass)
    tracer.show("import", model.module)
    ctx = context()
    for level, text in LEVELS.items():
        for one in parse_pipeline(text.format(**options.placeholders())):
            tracer.run(one, ctx, model.module)
        if level == NOTED:
            for step, note in NOTES.items():
                with log.timed(step):
                    note(model.module, model.store)
                tracer.show(step, model.module)
        if level == "matched" and schedules is not None:
            with log.timed("tuned-schedules"):
                schedules(model.module)
            tracer.show("tuned-schedules", model.module)
    return log


def run_levels(
    module: ModuleOp,
    options: CompileOptions,
    first: str,
    last: str,
    weights: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Takes `module`, which is at the level before `first`, to the level `last`. Without `weights`, their
    values decide nothing."""
    names = list(LEVELS)
    ctx = context()
    for level in names[names.index(first) : names.index(last) + 1]:
        for one in parse_pipeline(LEVELS[level].format(**options.placeholders())):
            one.apply(ctx, module)
        if level == NOTED and weights is not None:
            for note in NOTES.values():
                note(module, weights)


@contextmanager
def collector_paused() -> Iterator[None]:
    """IR is full of cycles, so the garbage collector walks it again and again and finds nothing: a
    quarter of the compile time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def compile_module(
    model: Model,
    options: CompileOptions,
    *,
    print_after_all: bool = False,
    dump_dir: str | Path | None = None,
    on_pass: Callable[[str], None] | None = None,
    schedules: Schedules | None = None,
) -> NativeArtifact:
    """Lowers `model.module` in place and makes native code of it.

    print_after_all writes the IR after every pass to stderr; dump_dir gets one .mlir file a pass; on_pass
    is told the name of each pass before it runs; schedules is given the module at the level `matched`, to
    set schedules that kernels are to keep. Raises TenonError."""
    with collector_paused():
        log = lower(
            model,
            options,
            print_after_all=print_after_all,
            dump_dir=dump_dir,
            on_pass=on_pass,
            schedules=schedules,
        )
        return native_code(model, options, log)


def native_code(model: Model, options: CompileOptions, log: CompileLog) -> NativeArtifact:
    """The code and the weights of a lowered model."""
    from ..targets.llvm.artifact import NativeArtifact
    from ..targets.llvm.module import emit_llvm
    from ..targets.record import find_target
    from .constants import blob_of

    record = find_target(options.target)
    main = model.main
    arena = main.attributes["tenon.arena_bytes"]
    assert isinstance(arena, IntegerAttr)
    with log.timed("emit"):
        text = emit_llvm(model.module)
    with log.timed("weights"):
        weights = blob_of(model.module, model.store)
    with log.timed("codegen"):
        count = len(main.function_type.inputs) - 2
        artifact = NativeArtifact(
            text, record, weights, arena.value.data, count, model.module, threads=options.threads
        )
    artifact.seconds = log.seconds
    return artifact

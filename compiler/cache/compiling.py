"""A compile through the cache: what was compiled before is loaded, what tuning has found is taken."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..executable import Executable
from ..model import Model
from ..options import CompileOptions
from .artifacts import compile_cached
from .settings import CacheChoice, Settings


@contextmanager
def settings_for(choice: CacheChoice, tune: float | None) -> Iterator[Settings | None]:
    """The cache that a caller means; for tuning without one, a cache that lasts as long as the compile."""
    settings = Settings.of(choice)
    if settings is not None or tune is None:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="tenonc-") as folder:
        yield Settings(Path(folder))


def compile_with(
    model: Model, options: CompileOptions, settings: Settings | None, **tracing: Any
) -> Executable:
    """`model` compiled under `options`; `tracing` as `compile_module` takes it: what is to be seen of every
    pass is not there without running it."""
    from ..pipeline import compile_module
    from ..tuning.kept import TunedSchedules

    def compile_now() -> Any:
        own = Model(model.module.clone(), model.store)
        return compile_module(own, options, schedules=None if tuned is None else tuned.apply, **tracing)

    tuned = None if settings is None else TunedSchedules(settings, options)
    if settings is None or tuned is None or tracing.get("print_after_all") or tracing.get("dump_dir"):
        artifact = compile_now()
    else:
        artifact = compile_cached(model, options, settings, tuned, compile_now)
    return Executable(artifact, model.inputs, model.outputs, options=options)

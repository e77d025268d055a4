"""Search over schedules by measured time; what it finds is in the cache, and every later compile takes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from ...dialects.errors import TenonError, UsageError
from ..model import Model
from ..options import CompileOptions

if TYPE_CHECKING:
    from ..cache.settings import Settings
    from ..profile import Profile
    from .search import Tuned

LONGEST_S = 7 * 86400
PROFILE_S = 0.5


def check_seconds(seconds: float, name: str = "tune") -> None:
    """Raises `UsageError` for a time that is no time."""
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(f"{name} is {seconds}, expected more than 0 and at most {LONGEST_S} seconds")


def tune_schedules(
    model: Model,
    options: CompileOptions,
    settings: Settings,
    seconds: float,
    executor: Executor | None = None,
    on_step: Callable[[str], None] | None = None,
) -> list[Tuned]:
    """Searches for about `seconds` for faster schedules of the model's kernels, on this machine.

    `executor` builds candidates (default: a process a core); what they take is measured here, one at a time.
    Findings are in the cache `settings` after every few candidates, and a search goes on from what is there.
    Raises `TenonError` where they cannot be kept, or code for the target cannot run here."""
    from ...targets.llvm.artifact import NativeArtifact
    from ..cache.compiling import compile_with
    from ..cache.folder import FolderError
    from ..cache.key import sources_digest
    from ..pipeline import collector_paused, run_levels
    from .kept import Kept
    from .search import Search

    check_seconds(seconds)
    if sources_digest() is None:
        raise TenonError("a source file of tenonc was changed after this process started: tune in a new one")
    step = on_step or (lambda text: None)
    step("compiling")
    exe = compile_with(model, options, settings)
    step("profiling")
    shares = _shares(exe.profile(seconds=PROFILE_S))
    module = model.module.clone()
    with collector_paused():
        run_levels(module, options, "nn", "matched", model.store)
    artifact = exe.artifact
    assert isinstance(artifact, NativeArtifact)
    search = Search(module, options, Kept(settings), shares, artifact.weights.nbytes, executor)
    try:
        search.run(seconds, step)
    except FolderError as error:
        raise TenonError(f"what tuning finds cannot be kept: {error}") from error
    return search.results()


def _shares(profile: Profile) -> dict[str, float]:
    """Kernel -> its part of a run, with that of what packs its operands."""
    shares: dict[str, float] = {}
    for name, calls in profile.kernels().items():
        kernel = re.sub(r"_pack_\d+$", "", name)
        shares[kernel] = shares.get(kernel, 0.0) + sum(site.share for site in calls)
    return shares

"""`tenonc soak`: threads that share one executable and processes that share one cache, for long."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..dialects.errors import TenonError, UsageError
from .arguments import check_count
from .verb import Verb, add_model

if TYPE_CHECKING:
    from ..compiler.cache.settings import Settings
    from .soak_run import Record, Sliced

LONGEST_S = 7 * 86400
SLICE_S = 10.0


def _configure(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument(
        "--callers", type=int, default=4, metavar="N", help="share one executable (default: 4)"
    )
    parser.add_argument("--processes", type=int, default=4, metavar="M", help="share one cache (default: 4)")
    parser.add_argument(
        "--cache", metavar="FOLDER", help="the cache, emptied now and then (default: a new one)"
    )
    parser.add_argument("--json", metavar="FILE", help="write the results here too")


def soak(arguments: argparse.Namespace) -> None:
    """Run, show, and fail where an output was wrong or memory grew."""
    import json

    from ..compiler.atomic import check_file, write_file

    if not 0 < arguments.seconds <= LONGEST_S:
        raise UsageError(f"--seconds is {arguments.seconds}, expected more than 0 and at most {LONGEST_S}")
    check_count("--callers", arguments.callers, 1)
    check_count("--processes", arguments.processes)
    if arguments.json:
        check_file(Path(arguments.json))
    records = _run(arguments)
    _show(arguments, records)
    if arguments.json:
        rows = [{**asdict(r), "growth": r.growth(), "leaks": r.leaks()} for r in records]
        text = json.dumps(rows, indent=1) + "\n"
        write_file(Path(arguments.json), lambda path: path.write_text(text))
    failed = [f"{r.what}: {len(r.failures)} failures, first: {r.failures[0]}" for r in records if r.failures]
    failed += [f"{r.what}: memory grew by {r.growth() >> 20} MiB" for r in records if r.leaks()]
    if failed:
        raise TenonError("; ".join(failed))


def _run(arguments: argparse.Namespace) -> list[Record]:
    from .. import compiler
    from ..compiler.cache.settings import Settings
    from .soak_run import Processes, Threads
    from .tables import progress
    from .verbs import load_model, options_of

    model = load_model(arguments)
    with progress("soak") as step, _folder(arguments.cache) as folder:
        settings = Settings(Path(folder))
        compiler.compile(model, **asdict(options_of(arguments)), cache=settings)
        # The executable that the threads share is a mapped entry, which the processes remove under it.
        exe = compiler.compile(model, **asdict(options_of(arguments)), cache=settings)
        size = max(one.size for one in settings.artifacts().found())
        threads, processes = Threads(exe, arguments.callers), Processes()
        try:
            for done in _slices(arguments, replace(settings, limit=size * 3 // 2)):
                threads.sample()
                if done is not None:
                    processes.add(done)
                step(_state(threads.record, list(processes.records.values())))
        finally:
            threads.stop()
    return [threads.record, *processes.records.values()]


def _slices(arguments: argparse.Namespace, settings: Settings) -> Iterator[Sliced | None]:
    """What the processes did, as slices end, until the time is over and each has ended one; None after each
    slice where there are no processes. On a busy machine a slice takes longer than its seconds."""
    import time

    from .soak_run import Slice, run_slice
    from .workers import Died, run_isolated

    seconds = min(SLICE_S, arguments.seconds / 4)
    rounds = math.ceil(arguments.seconds / seconds)
    if not arguments.processes:
        for _ in range(rounds):
            time.sleep(seconds)
            yield None
        return
    work = Slice(arguments, settings, seconds)
    items = [(work, arguments.seconds + 600)] * (rounds * arguments.processes)  # one that hangs is noticed
    end, seen = time.monotonic() + arguments.seconds, set[int]()
    for _, done in run_isolated(run_slice, items, arguments.processes):
        if isinstance(done, Died):
            raise TenonError(f"a process that shared the cache: {done.reason}")
        yield done
        seen.add(done.process)
        if time.monotonic() >= end and len(seen) == arguments.processes:
            return


def _state(threads: Record, processes: list[Record]) -> str:
    compiles = sum(r.compiles for r in processes)
    warm = sum(r.warm for r in processes)
    failures = sum(len(r.failures) for r in (threads, *processes))
    return f"{threads.calls} calls in threads, {compiles} compiles ({warm} warm), {failures} failures"


@contextmanager
def _folder(given: str | None) -> Iterator[str]:
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="tenonc-soak-") as folder:
        yield folder


COLUMNS = ("what", "calls", "compiles", "warm", "failures", "MiB after warm-up", "MiB at the end", "growth")


def _show(arguments: argparse.Namespace, records: list[Record]) -> None:
    from .tables import print_table

    rows = []
    for r in records:
        quarter = max(1, len(r.resident) // 4)
        early = max(r.resident[quarter : 2 * quarter] or r.resident[:1], default=0)
        late = max(r.resident[-quarter:], default=0)
        counts = (r.calls, r.compiles, r.warm, len(r.failures), early >> 20, late >> 20, r.growth() >> 20)
        rows.append((r.what, *map(str, counts)))
    print_table(f"{arguments.model}: {arguments.seconds:.0f} s", COLUMNS, rows)


VERB = Verb(
    "soak",
    "run threads and processes on one model for long, and look for wrong outputs and leaks",
    "tenonc soak model.onnx --seconds 3600 --callers 4 --processes 4 --json soak.json",
    _configure,
    soak,
)

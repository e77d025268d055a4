"""What `tenonc soak` runs: threads that share one executable, processes that share one cache.

Every output is compared bit for bit with the first of its kind, in this process by the threads, and between
the processes by digests. Memory is looked at after each slice of time."""

from __future__ import annotations

import gc
import hashlib
import os
import random
import threading
import time
import warnings
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..compiler.cache.artifacts import SUFFIX

if TYPE_CHECKING:
    from ..compiler.cache.settings import Settings
    from ..compiler.options import CompileOptions

INPUTS = 3
"""Different inputs that calls take in turn."""

CLEARS = 0.1
"""The part of a process's compiles before which it empties the cache."""

OTHERS = 0.2
"""The part of a process's compiles that are for another target."""


@dataclass
class Record:
    """What one process did. `resident`: bytes held after each slice; `failures`: what went wrong."""

    what: str
    calls: int = 0
    compiles: int = 0
    warm: int = 0
    resident: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def growth(self) -> int:
        """Bytes by which the last quarter of the samples exceeds the second: the first warms up."""
        quarter = len(self.resident) // 4
        if not quarter:
            return 0
        return max(self.resident[-quarter:]) - max(self.resident[quarter : 2 * quarter])

    def leaks(self) -> bool:
        """Whether memory grew by more than what allocators and collectors leave lying about."""
        return self.growth() > max(16 << 20, max(self.resident, default=0) // 20)


def held_bytes() -> int:
    """Memory of the process alone, and the cache entries that it has mapped. Pages of other files, libraries
    say, come and go as the system likes."""
    status = Path("/proc/self/status").read_text()
    own = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    maps = (line.split() for line in Path("/proc/self/maps").read_text().splitlines())
    spans = (line[0].split("-") for line in maps if len(line) > 5 and line[5].endswith(SUFFIX))
    return int(own.split()[1]) * 1024 + sum(int(end, 16) - int(start, 16) for start, end in spans)


def seeded(ports: Sequence[Any]) -> list[dict[str, np.ndarray]]:
    """Different inputs for one model."""
    from ..compiler.compare import seeded_inputs

    first = seeded_inputs(ports)
    return [{name: np.roll(array, shift) for name, array in first.items()} for shift in range(INPUTS)]


class Threads:
    """Calls one executable from `count` threads until it is stopped."""

    def __init__(self, exe: Any, count: int):
        self.record = Record("threads")
        self._inputs = seeded(exe.inputs)
        self._exe, self._wanted = exe, [_digest(exe(given)) for given in self._inputs]
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._work, args=(i,), daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def sample(self) -> None:
        """Notes the memory of this process."""
        self.record.resident.append(held_bytes())

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, turn: int) -> None:
        while not self._stop.is_set():
            turn = (turn + 1) % INPUTS
            try:
                right = _digest(self._exe(self._inputs[turn])) == self._wanted[turn]
                failure = None if right else f"output of input {turn} changed"
            except Exception as error:
                failure = f"{type(error).__name__}: {error}"
            with self._lock:
                self.record.calls += 1
                if failure:
                    self.record.failures.append(failure)


class Slice(NamedTuple):
    """Some seconds of one process's work: the command line that names the model, and the shared cache."""

    arguments: Namespace
    cache: Settings
    seconds: float


class Sliced(NamedTuple):
    """What a process did in a slice. `digests`: (target, input) -> the digests of the outputs seen."""

    process: int
    calls: int
    compiles: int
    warm: int
    resident: int
    digests: dict[tuple[str, int], set[str]]
    warnings: list[str]


def run_slice(work: Slice) -> Sliced:
    """Compiles and runs for a slice of time, in a worker process; empties the cache now and then."""
    from .. import compiler

    model, inputs, options = ready(work.arguments)
    digests: dict[tuple[str, int], set[str]] = {}
    counts = {"calls": 0, "compiles": 0, "warm": 0}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        end = time.perf_counter() + work.seconds
        while time.perf_counter() < end:
            if random.random() < CLEARS:
                work.cache.artifacts().clear()
            (chosen,) = random.choices(options, (1 - OTHERS, OTHERS))
            exe = compiler.compile(model, **asdict(chosen), cache=work.cache)
            counts["compiles"] += 1
            counts["warm"] += "cache" in exe.artifact.seconds  # pyright: ignore[reportAttributeAccessIssue]
            for index, given in enumerate(inputs):
                digests.setdefault((chosen.target, index), set()).add(_digest(exe(given)))
                counts["calls"] += 1
            del exe
    gc.collect()
    said = [str(one.message) for one in caught]
    return Sliced(os.getpid(), **counts, resident=held_bytes(), digests=digests, warnings=said)


@dataclass
class Processes:
    """What the slices of all processes add up to."""

    records: dict[int, Record] = field(default_factory=dict)
    digests: dict[tuple[str, int], str] = field(default_factory=dict)

    def add(self, done: Sliced) -> None:
        record = self.records.setdefault(done.process, Record(f"process {len(self.records) + 1}"))
        record.calls += done.calls
        record.compiles += done.compiles
        record.warm += done.warm
        record.resident.append(done.resident)
        record.failures += done.warnings
        for key, seen in done.digests.items():
            for digest in seen:
                if self.digests.setdefault(key, digest) != digest:
                    record.failures.append(f"output of input {key[1]} on {key[0]} changed")


class _Ready(NamedTuple):
    """What all slices of a process need. `options`: for the target of the command line, and for another."""

    model: Any
    inputs: list[dict[str, np.ndarray]]
    options: tuple[CompileOptions, CompileOptions]


_known: dict[str, _Ready] = {}


def ready(arguments: Namespace) -> _Ready:
    """The model, read once a process. What only a first compile takes, code that is imported and memory that
    the allocators then keep, is taken here, so that no later slice seems to leak it."""
    from .. import compiler
    from .verbs import load_model, options_of

    key = repr(arguments)
    if key not in _known:
        model, own = load_model(arguments), options_of(arguments)
        found = _Ready(model, seeded(model.inputs), (own, replace(own, target=_other_target())))
        for options in found.options:
            compiler.compile(model, **asdict(options), cache=False)(found.inputs[0])
        _known[key] = found
    return _known[key]


def _other_target() -> str:
    """A target that this machine runs too: two entries push each other out of a cache that holds one."""
    from ..targets.record import host, records

    return [name for name, record in records().items() if record.enabled <= host().enabled][-1]


def _digest(outputs: Sequence[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in outputs:
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()

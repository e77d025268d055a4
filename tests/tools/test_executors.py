"""Jobs of an experiment on processes and on Dask's workers: killed ones lose no finished round."""

import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tenonc.dialects.errors import TenonError
from tenonc.tools import tenonc
from tenonc.tools.executors import executor
from tenonc.tools.reproduce_pruning import QUICK, Job, run_safely
from tenonc.tools.reproduce_pruning_data import DATA

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"


@dataclass(frozen=True)
class Rounds(Job):
    """Prunes the small network; round 2 takes as long as a file says so."""

    def made(self) -> dict:
        from tenonc.compiler import load
        from tenonc.compiler.pruning.attempts import Settings
        from tenonc.compiler.pruning.objectives import Objectives
        from tenonc.compiler.pruning.rounds import prune_in_rounds

        (self.place / "pid").write_text(str(os.getpid()))

        def train(model, number):
            while number == 2 and (Path(self.folder) / "wait").exists():
                time.sleep(0.01)
            return model

        found = prune_in_rounds(
            load(DIGITS), "ilp", Objectives(max_loss=0.01), evaluate=lambda model: 0.9, train=train,
            settings=Settings(3), folder=self.place,
        )  # fmt: skip
        return {"params": found.best.params}


@contextmanager
def processes():
    """How many, and no scheduler."""
    yield 2, None


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed", reason="the extra 'distributed' is not installed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        yield 0, cluster.scheduler_address


def rounds(job: Job) -> list[dict]:
    path = job.place / "rounds.json"
    return json.loads(path.read_text())["rounds"] if path.exists() else []


@pytest.mark.parametrize("where", [processes, dask])
def test_killed_workers_lose_no_finished_round(where, tmp_path):
    jobs = [Rounds(str(tmp_path), QUICK, seed, "ilp") for seed in range(2)]
    before: list[list[dict]] = []

    def kill() -> None:
        while any(len(rounds(job)) < 2 for job in jobs):
            time.sleep(0.02)
        before.extend(map(rounds, jobs))
        (tmp_path / "wait").unlink()
        for job in jobs:
            os.kill(int((job.place / "pid").read_text()), signal.SIGKILL)

    (tmp_path / "wait").touch()
    with where() as (number, scheduler):
        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        run_safely(jobs, lambda: executor(number, scheduler), lambda step: None)
    thread.join()
    for job, old in zip(jobs, before, strict=True):
        assert job.result.exists() and [len(rounds(job)), len(old)] == [4, 2]
        assert rounds(job)[:2] == old  # their seconds too: none was done again


@pytest.mark.parametrize("error", [KeyboardInterrupt, TenonError])
def test_jobs_end_with_the_experiment(error):
    """Also those that would run on for minutes, and those that have not begun."""
    start = time.monotonic()
    with pytest.raises(error), executor(1) as pool:
        process = pool.submit(os.getpid).result()
        waiting = [pool.submit(time.sleep, 600) for _ in range(4)]
        raise error
    while not all(future.done() for future in waiting):
        assert time.monotonic() - start < 60
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_scheduler_that_is_not_there(tmp_path, monkeypatch, capsys):
    pytest.importorskip("distributed", reason="the extra 'distributed' is not installed")
    monkeypatch.setattr("tenonc.tools.executors.CONNECTING", 0.3)
    (tmp_path / DATA).touch()
    command = ["reproduce", "pruning-bytes", "--quick", "--work", str(tmp_path)]
    assert tenonc.main([*command, "--scheduler", "tcp://127.0.0.1:9"]) == 1
    text = capsys.readouterr().err
    assert text.count("\n") == 1 and "--scheduler 'tcp://127.0.0.1:9' does not answer: " in text

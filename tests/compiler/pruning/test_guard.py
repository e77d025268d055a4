"""Calls that pass their time limit: they end where Python can end them, else they disturb nothing."""

import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import StringAttr

from tenonc.compiler import Model, run_reference
from tenonc.compiler.pruning import guard
from tenonc.compiler.pruning.attempts import Settings
from tenonc.compiler.pruning.guard import Failed, evaluated
from tenonc.compiler.pruning.kept import model_text
from tenonc.compiler.pruning.objectives import Objectives
from tenonc.compiler.pruning.rounds import prune_in_rounds

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "digits.onnx"


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("prune-")]


def test_python_code_is_ended(residual):
    """Also code that goes on after any Exception."""
    cleaned = []

    def forever(model: Model) -> float:
        try:
            while True:
                try:
                    time.sleep(0.001)
                except Exception:
                    pass
        finally:
            cleaned.append(True)

    with pytest.raises(Failed, match=r"^evaluate took more than 0\.1 s$"):
        evaluated(forever, residual, 0.1)
    assert cleaned == [True] and not threads()


def test_what_cannot_be_ended_disturbs_nothing(residual, images, monkeypatch):
    """It goes on after the run is over, changes the model that it was given, and returns it."""
    monkeypatch.setattr(guard, "GRACE", 0.05)
    release, late = threading.Event(), []

    def train(model: Model, number: int) -> Model:
        while number == 2 and not release.is_set():
            with suppress(BaseException):
                release.wait()
        if number == 2:
            model.module.attributes["late"] = StringAttr("late")
            for op in model.main.body.walk():
                op.attributes["late"] = StringAttr("late")
            model.store.put(np.zeros(3, np.float32))
            late.append(model)
        return model

    found = prune_in_rounds(
        residual, "ilp", Objectives(max_loss=0.01), evaluate=lambda model: 0.9, train=train,
        settings=Settings(rounds=2, time_limit=0.2),
    )  # fmt: skip
    decisions = [r.decision for r in found.rounds]
    assert decisions[:3] == ["as it was", "kept", "train took more than 0.2 s"]
    before = model_text(found.model), set(found.model.store), run_reference(found.model, {"x": images[:2]})
    release.set()
    for thread in threads():
        thread.join(5)
    after = model_text(found.model), set(found.model.store), run_reference(found.model, {"x": images[:2]})
    assert late and "late" not in after[0]
    assert after[:2] == before[:2]
    assert all(np.array_equal(after[2][name], before[2][name]) for name in before[2])


def test_the_process_ends(tmp_path):
    """While three calls are still in C code."""
    judge, train = tmp_path / "judge.py", tmp_path / "train.py"
    judge.write_text("def evaluate(model):\n    return 0.9\n")
    train.write_text("import time\ndef train(model, number):\n    time.sleep(60)\n")
    options = ["--max-loss", "1%", "--method", "ilp", "--evaluate", judge, "--train", train]
    command = [sys.executable, "-m", "tenonc.tools.tenonc", "prune", DIGITS, *options, "--time-limit", "0.1"]
    done = subprocess.run([*command, "-o", tmp_path / "x.onnx"], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0 and "3 rounds in a row failed, the last: train took more" in done.stdout
    assert (tmp_path / "x.onnx").exists() and "Traceback" not in done.stderr

"""`tenonc prune` in rounds: what it writes, and the error lines."""

import json
from pathlib import Path

import numpy as np
import pytest

from tenonc.compiler import load, run_reference
from tenonc.compiler.pruning.size import size_of
from tenonc.dialects.errors import UsageError
from tenonc.tools import tenonc
from tenonc.tools.arguments import amount, duration, fraction, given

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"

BY_SIZE = """
from tenonc.compiler.pruning.size import size_of
def evaluate(model):
    return 0.9 if size_of(model).params > 20_000 else 0.5
"""


def error(capsys, status: int, *argv: object) -> str:
    assert tenonc.main(["prune", str(DIGITS), *map(str, argv)]) == status
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err.removeprefix("error: ").rstrip("\n")


@pytest.fixture
def judge(tmp_path):
    path = tmp_path / "judge.py"
    path.write_text(BY_SIZE)
    return path


def test_as_far_as_accuracy_allows(judge, tmp_path, capsys):
    small, masks, again = (tmp_path / name for name in ("small.onnx", "m.json", "again.onnx"))
    command = ["prune", str(DIGITS), "--policy", "accuracy", "--max-loss", "1%", "--method", "ilp"]
    files = ["--evaluate", str(judge), "-o", str(small), "--save-masks", str(masks)]
    assert tenonc.main([*command, *files, "--resume", str(tmp_path / "rounds")]) == 0
    out = capsys.readouterr().out
    found = load(small)
    assert size_of(found).params < 28_698 and "as it was" in out
    assert "lost 0.4000, more than 0.01" in out and (tmp_path / "rounds" / "rounds.json").exists()
    assert tenonc.main(["prune", str(DIGITS), "--masks", str(masks), "-o", str(again)]) == 0
    x = {"image": np.random.default_rng(0).random((1, 1, 8, 8), np.float32)}
    ys = [run_reference(load(path), x)["probabilities"] for path in (small, again)]
    np.testing.assert_allclose(*ys, atol=1e-5)


def test_report_and_proof(judge, tmp_path, capsys, monkeypatch):
    """Every round is measured, and verified before it is trained; what is not the same ends the run."""
    from tenonc.compiler.pruning import fold

    page, data = tmp_path / "r.html", tmp_path / "r.json"
    command = ["prune", str(DIGITS), "--max-loss", "1%", "--method", "ilp", "--rounds", "1", "--verify"]
    command += ["--evaluate", str(judge)]
    assert tenonc.main([*command, "--report", str(data)]) == 0
    out = capsys.readouterr().out
    assert "verified before it was trained: 1" in out and "interpreter, f64" in out
    found = json.loads(data.read_text())
    assert [r["number"] for r in found["rounds"]] == [0, 1] and found["method"] == "ilp"
    assert all(0 < r["latency"] < 0.1 for r in found["rounds"])
    assert tenonc.main([*command[:-3], "--evaluate", str(judge), "--report", str(page)]) == 0
    assert page.read_text().count("<svg") == 3
    keep = fold.ConstantRunner.evaluate
    monkeypatch.setattr(fold.ConstantRunner, "evaluate", lambda self, value: keep(self, value) * 1.001)
    assert tenonc.main([*command, "-o", str(tmp_path / "x.onnx")]) == 1
    assert "pruned: in the interpreter outputs differ by " in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()


def test_budgets(judge, tmp_path, capsys):
    small = tmp_path / "small.onnx"
    command = ["prune", str(DIGITS), "--policy", "memory", "--max-params", "12k", "--method", "ilp"]
    assert tenonc.main([*command, "--evaluate", str(judge), "-o", str(small)]) == 0
    assert "the budgets are met" in capsys.readouterr().out
    assert size_of(load(small)).params <= 12_000
    text = error(
        capsys, 3, *command[2:5], 20, "--method", "ilp", "--evaluate", judge, "-o", tmp_path / "no.onnx"
    )
    assert text.startswith("max_params is 20, but a model with one channel in each of 4 groups")
    assert not (tmp_path / "no.onnx").exists()


def test_bad_command_lines(judge, tmp_path, capsys):
    out = ["-o", tmp_path / "x.onnx"]
    judged = ["--evaluate", judge, *out]
    for arguments, status, text in (
        (["--max-loss", "1%", *out], 2, "pruning in rounds needs --evaluate FILE.py"),
        (["--policy", "latency", *judged], 2, "--policy latency needs --max-flops or --max-latency"),
        (["--max-loss", "many", *judged], 2, "--max-loss is 'many', expected a part such as 1% or 0.01"),
        (["--max-loss", "100%", *judged], 2, "max_loss is 1.0, expected a part of 1, such as 0.01"),
        (["--max-latency", "5min", *judged], 2, "--max-latency is '5min', expected a time such as 5ms"),
        (["--max-params", "0", *judged], 2, "max_params is 0, expected a number above 0"),
        (["--max-loss", "1%", "--rounds", "0", *judged], 2, "rounds is 0, expected at least 1"),
        (
            ["--max-loss", "1%", "--masks", "m.json", *judged],
            2,
            "--masks is for pruning at once, not in rounds",
        ),
        (["--max-loss", "1%", "--ratio", "0.3", *judged], 2, "--ratio is for pruning at once, not in rounds"),
        (["--max-loss", "1%", "--recover", *judged], 2, "--recover is for pruning at once, not in rounds"),
        (["--max-loss", "1%", "--policy", "global", *judged], 2, "--policy global is for pruning at once"),
        (["--method", "ilp", *out], 2, "--method is for pruning in rounds: give --max-loss or a budget"),
        (judged, 2, "--evaluate is for pruning in rounds: give --max-loss or a budget"),
        (["--max-loss", "1%", *judged], 1, "activations need calibration data, expected data"),
        (["--max-loss", "1%", "--evaluate", tmp_path / "no.py", *out], 1, f"{tmp_path}/no.py: no such file"),
    ):
        assert error(capsys, status, *arguments).startswith(text)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("x = 1", "defines no function evaluate"),
        ("def evaluate(:", "SyntaxError while it is read: invalid syntax"),
        ("raise KeyError('a')", "KeyError while it is read: 'a'"),
        ("raise SystemExit(3)", "SystemExit while it is read: 3"),
    ],
)
def test_files_of_the_user(content, text, tmp_path, capsys):
    path = tmp_path / "my.py"
    path.write_text(content)
    command = ["--max-loss", "1%", "--method", "ilp", "--evaluate", path, "-o", tmp_path / "x.onnx"]
    assert error(capsys, 1, *command).startswith(f"{path}: {text}")


def test_units():
    assert [amount(t) for t in ("5000", "20k", "1.5M", "64Ki")] == [5000, 20_000, 1_500_000, 65536]
    assert [duration(t) for t in ("5ms", "800us", "0.01")] == pytest.approx([0.005, 0.0008, 0.01])
    assert [fraction(t) for t in ("1%", "0.5%", "0.02")] == pytest.approx([0.01, 0.005, 0.02])
    for parse, text in ((amount, "k"), (amount, "nan"), (duration, "1h"), (fraction, "%"), (fraction, "inf")):
        with pytest.raises(UsageError, match=f"--x is '{text}', expected a "):
            given("--x", text, parse)

"""Runs the lit files of this folder: one lit process per folder, so that workers share them."""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FOLDERS = sorted({path.relative_to(HERE).parts[0] for path in HERE.rglob("*.mlir")})


@pytest.mark.parametrize("folder", FOLDERS)
def test_lit(folder: str, tmp_path: Path):
    command = [str(Path(sys.executable).with_name("lit")), "-v", "-j1", str(HERE / folder)]
    environment = os.environ | {"TENON_LIT_OUTPUT": str(tmp_path)}
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0 and "Passed" in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        ("tenon-opt %s | filecheck %s", "// CHECK: func.func @f()\nfunc.func @f() {\n  func.return\n}", None),
        ("tenon-opt %s | filecheck %s", "// CHECK: @g\nfunc.func @f() {\n  func.return\n}", "filecheck"),
        ("tenon-opt %s | tenon-opt | filecheck %s", "// CHECK: @f\nfunc.func @f() {", "tenon-opt"),
        ("not tenon-opt %s 2>&1 | filecheck %s", "// CHECK: error\nfunc.func @f() {", None),
        ("not tenon-opt %s", "func.func @f() {\n  func.return\n}", "exit status 0"),
    ],
)
def test_what_a_pipe_of_forks_says(line: str, text: str, said: str | None, tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    forked = importlib.import_module("forked")
    path = tmp_path / "a.mlir"
    path.write_text(text)
    found = forked.piped(forked.pipeline(line, str(path)))
    assert found is None if said is None else said in found


def test_a_tool_that_is_killed_has_not_failed_as_it_should(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    forked = importlib.import_module("forked")
    monkeypatch.setitem(forked.TOOLS, "tenon-opt", lambda arguments: os.kill(os.getpid(), signal.SIGKILL))
    said = forked.piped(forked.pipeline("not tenon-opt %s # all of it", "a.mlir"))
    assert said.startswith("tenon-opt a.mlir '#' all of it: exit status -9")


def test_lines_for_a_shell_are_left_to_lit(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    forked = importlib.import_module("forked")
    for line in ("xdsl-opt %s", "tenon-opt %s > %t", "tenon-opt %s && filecheck %s", "tenon-opt %S/a.mlir"):
        assert forked.pipeline(line, "a.mlir") is None

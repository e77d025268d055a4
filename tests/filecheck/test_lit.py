"""Runs the lit files of this folder: one lit process per folder, so that workers share them."""

import os
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
